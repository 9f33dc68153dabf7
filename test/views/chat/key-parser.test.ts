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
          if (token.type === 'text') expect(token.text).not.toMatch(/[\u0000-\u001f\u007f]/);
        }
      }),
    );
  });
});
