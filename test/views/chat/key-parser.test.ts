import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeyParser } from '../../../src/views/chat/key-parser.js';
import type { InputToken } from '../../../src/views/chat/key-parser.js';

const text = (value: string): InputToken => ({ type: 'text', text: value });
const paste = (value: string): InputToken => ({ type: 'paste', text: value });
const key = (sequence: string): InputToken => ({ type: 'sequence', sequence });

/** Text in a row is one token, wherever the chunks were cut. */
function join(tokens: readonly InputToken[]): InputToken[] {
  const joined: InputToken[] = [];
  for (const token of tokens) {
    const last = joined.at(-1);
    if (token.type === 'text' && last?.type === 'text')
      joined[joined.length - 1] = text(last.text + token.text);
    else joined.push(token);
  }
  return joined;
}

function parse(...chunks: readonly Uint8Array[]): InputToken[] {
  const parser = createKeyParser();
  return join([...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.flush()]);
}

const KEYS: readonly (readonly [string, readonly InputToken[]])[] = [
  ['hello', [text('hello')]],
  ['a\rb', [text('a'), key('\r'), text('b')]],
  ['\x03\x7f\t', [key('\x03'), key('\x7f'), key('\t')]],
  ['日本👩‍👩‍👧e\u0301', [text('日本👩‍👩‍👧e\u0301')]],
  ['\x1b[A\x1bOA\x1b[1;5D', [key('\x1b[A'), key('\x1bOA'), key('\x1b[1;5D')]],
  ['\x1bb\x1b\r\x1b\x7f', [key('\x1bb'), key('\x1b\r'), key('\x1b\x7f')]],
  ['\x1b[13;2u\x1b[27;2;13~', [key('\x1b[13;2u'), key('\x1b[27;2;13~')]],
  ['\x1b\x1b[A', [key('\x1b'), key('\x1b[A')]],
  ['x\x1b', [text('x'), key('\x1b')]],
  ['\x1b[200~one\r\ntwo\x1b[A\x1b[201~!', [paste('one\r\ntwo\x1b[A'), text('!')]],
  ['\x1b[200~\x1b[201~', [paste('')]],
  // What terminals answer, and what is broken, is no text.
  ['\x1b]11;rgb:0000/0000/0000\x07a', [text('a')]],
  ['\x1b]11;rgb:0000/0000/0000\x1b\\a', [text('a')]],
  ['\x1bP1+r544e\x1b\\a', [text('a')]],
  ['\x1b_Gi=1;OK\x1b\\a', [text('a')]],
  ['\x1b[?62;22c', [key('\x1b[?62;22c')]],
  ['\x1b[24;80R', [key('\x1b[24;80R')]],
  ['\x1b[?2026;2$ya', [key('\x1b[?2026;2$y'), text('a')]],
  ['\x1bP>|XTerm(370)\x1b\\a', [text('a')]],
  ['\x1b]10;rgb:ffff/ffff/ffff\x1b\\\x1b]11;rgb:0/0/0\x07a', [text('a')]],
  ['\x1b[?0u\x1b[97;1:3ua', [key('\x1b[?0u'), key('\x1b[97;1:3u'), text('a')]],
  ['\x1b[I\x1b[Oa', [key('\x1b[I'), key('\x1b[O'), text('a')]],
  ['\x1b[<0;12;7M\x1b[<0;12;7ma', [key('\x1b[<0;12;7M'), key('\x1b[<0;12;7m'), text('a')]],
  ['\x1b[32;12;7Ma', [key('\x1b[32;12;7M'), text('a')]],
  ['\x1b[M !!a', [key('\x1b[M'), text('a')]],
  ['\x1b[M \x03a', [key('\x03'), text('a')]],
  ['\x1b(B\x1b#8', [key('\x1b('), text('B'), key('\x1b#'), text('8')]],
  // The same in eight bits, as UTF-8.
  ['\x9b?62;22ca\x9bA', [key('\x1b[?62;22c'), text('a'), key('\x1b[A')]],
  ['\x9d11;rgb:0/0/0\x9ca\x8fA', [text('a'), key('\x1bOA')]],
  ['\x90>|x\x9c\x9f\x1b\\\x9ex\x07\x98x\x9ca', [text('a')]],
  ['\x9b200~pa\x85sted\x1b[201~', [paste('pa\x85sted')]],
  ['a\x85\x84b', [text('a'), key('\x85'), key('\x84'), text('b')]],
  ['\x1b[[Ax', [key('\x1b[[A'), text('x')]],
  ['\x1b[12\ra', [key('\r'), text('a')]],
  ['\x1b[12é', [text('é')]],
  ['\x1b]0;no end\x03a', [key('\x03'), text('a')]],
  ['\x1b]0;no end\x1b[A', [key('\x1b[A')]],
];

describe('the key parser', () => {
  test.each(KEYS)('reads %j', (input, tokens) => {
    expect(parse(Buffer.from(input))).toEqual(tokens);
  });

  test('holds a lone ESC back until it is flushed', () => {
    const parser = createKeyParser();
    expect(parser.push(Buffer.from('\x1b'))).toEqual([]);
    expect(parser.isUndecided()).toBe(true);
    expect(parser.flush()).toEqual([key('\x1b')]);
    expect(parser.isUndecided()).toBe(false);
    expect(parser.push(Buffer.from('[A'))).toEqual([text('[A')]);
  });

  test('waits for the rest of a sequence, however long that takes', () => {
    const parser = createKeyParser();
    parser.push(Buffer.from('\x1b['));
    expect(parser.isUndecided()).toBe(false);
    expect(parser.flush()).toEqual([]);
    expect(parser.push(Buffer.from('A'))).toEqual([key('\x1b[A')]);
  });

  test('swallows an endless sequence without keeping it', () => {
    const [token] = parse(Buffer.from(`\x1b[${'1;'.repeat(10_000)}A`));
    expect(token?.type === 'sequence' && token.sequence.length).toBeLessThan(100);
  });

  test('makes bytes that are no UTF-8 visible', () => {
    expect(parse(Uint8Array.of(0x61, 0xff, 0x62))).toEqual([text('a\ufffdb')]);
  });

  test('reads answers in eight bits that are no UTF-8, between characters that are', () => {
    const bytes = Buffer.concat([
      Buffer.from('日'),
      Buffer.from([0x9b]),
      Buffer.from('?62c'),
      Buffer.from([0x9d, 0x31, 0x9c]),
      Buffer.from('é'),
    ]);
    expect(parse(bytes)).toEqual([text('日'), key('\x1b[?62c'), text('é')]);
    expect(parse(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(parse(bytes));
  });

  test('finds the end of a paste that comes byte by byte, and of one that has half an end in it', () => {
    const bytes = Buffer.from('\x1b[200~a\x1b[201b\x1b[20\x1b[201~c\x1b[200~d\x1b[201~');
    const tokens = [paste('a\x1b[201b\x1b[20'), text('c'), paste('d')];
    expect(parse(bytes)).toEqual(tokens);
    expect(parse(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(tokens);
  });

  const bytes = fc
    .array(fc.oneof(fc.constantFrom(...KEYS.map(([input]) => input)), fc.string({ unit: 'binary' })))
    .map((parts) => Buffer.from(parts.join('')));

  test('gives the same tokens wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, fc.uint8Array()), fc.array(fc.nat(50)), (input, sizes) => {
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(input.subarray(at, at + size));
          at += size;
        }
        chunks.push(input.subarray(at));
        expect(parse(...chunks)).toEqual(parse(input));
      }),
    );
  });

  test('never gives a control character as text', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        for (const token of parse(input)) {
          if (token.type === 'text') expect(token.text).not.toMatch(/\p{Cc}/u);
        }
      }),
    );
  });
});
