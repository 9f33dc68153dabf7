import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanLine, cleanText, createCleaner } from '../../src/format/clean.js';

/** Written out from ECMA-48 and Unicode's Bidi_Control, so that the patterns of the code are held to something else. */
function isForbidden(code: number): boolean {
  const isControl = code < 0x20 && code !== 0x0a && code !== 0x09;
  const isDelOrC1 = code >= 0x7f && code <= 0x9f;
  const isBidi =
    [0x061c, 0x200e, 0x200f].includes(code) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069);
  const isSeparator = code === 0x2028 || code === 0x2029;
  const isHalfPair = code >= 0xd800 && code <= 0xdfff;
  return isControl || isDelOrC1 || isBidi || isSeparator || isHalfPair;
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? -1);
}

/** Code units at random, dense in everything that matters here. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r',
        '\n',
        '\r\n',
        '\t',
        '\x1b',
        '\x1b[31m',
        '\x07',
        '\x7f',
        '\u009b',
        '\u202e',
        '\u2028',
      ),
      fc.constantFrom('\ud83d', '\ude00', '😀', '👨‍👩‍👧', '❤\ufe0f', '\u0301', 'é', '漢', '\0'),
      fc.string({ maxLength: 4 }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

describe('cleanText', () => {
  it.each([
    ['a clipboard write becomes inert text', '\x1b]52;c;aGk=\x07', ']52;c;aGk='],
    ['a colour loses its escape', '\x1b[31mred\x1b[0m', '[31mred[0m'],
    ['a C1 control sequence introducer is dropped', '\u009b31mred', '31mred'],
    ['DEL, backspace and NUL are dropped', 'a\x7fb\bc\0d', 'abcd'],
    ['newline and tab stay', 'a\n\tb', 'a\n\tb'],
    ['CRLF is one newline', 'a\r\nb\r\n', 'a\nb\n'],
    ['a lone return is a newline', 'safe\rrm -rf', 'safe\nrm -rf'],
    ['two returns are two newlines', 'a\r\rb', 'a\n\nb'],
    ['a right-to-left override is shown', 'exe\u202ecod', 'exe<U+202E>cod'],
    ['the short bidi marks are shown with four digits', '\u061c\u200f', '<U+061C><U+200F>'],
    ['line and paragraph separators are shown', 'a\u2028b\u2029', 'a<U+2028>b<U+2029>'],
    ['joined emoji stay', '👨‍👩‍👧 ❤\ufe0f', '👨‍👩‍👧 ❤\ufe0f'],
    ['half a pair is a replacement character', 'a\ud83db\ude00', 'a\ufffdb\ufffd'],
    ['halves that a control kept apart do not join', '\ud83d\x07\ude00', '\ufffd\ufffd'],
    ['a return and a newline that a control kept apart are two', '\r\x07\n', '\n\n'],
  ])('%s', (_, text, clean) => {
    expect(cleanText(text)).toBe(clean);
  });

  it('leaves nothing forbidden, and has nothing more to do the second time', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const clean = cleanText(text);
        expect(codePoints(clean).filter(isForbidden)).toEqual([]);
        expect(cleanText(clean)).toBe(clean);
      }),
    );
  });

  it('drops controls, replaces halves of pairs, and shows the rest by number', () => {
    for (let code = 0; code <= 0xffff; code++) {
      if (!isForbidden(code) || code === 0x0d) continue;
      const isHalfPair = code >= 0xd800 && code <= 0xdfff;
      const shown =
        code < 0xa0 ? '' : isHalfPair ? '\ufffd' : `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
      if (cleanText(`a${String.fromCharCode(code)}b`) !== `a${shown}b`) expect.fail(`U+${code.toString(16)}`);
    }
  });

  it('changes no code point that is not forbidden', () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      if (isForbidden(code)) continue;
      const character = String.fromCodePoint(code);
      if (cleanText(character) !== character) expect.fail(`U+${code.toString(16)} is changed`);
    }
  });
});

describe('cleanLine', () => {
  it('makes each line end and each tab one space', () => {
    expect(cleanLine('a\r\nb\tc\rd\n')).toBe('a b c d ');
    expect(cleanLine('\x1b[2Jname\u202e')).toBe('[2Jname<U+202E>');
  });

  it('is what cleanText gives where there is one line', () => {
    expect(cleanText('a\nb', { multiline: false })).toBe('a b');
    expect(cleanText('a\nb', { multiline: true })).toBe('a\nb');
  });
});

describe('createCleaner', () => {
  it('gives the same text wherever the stream is cut', () => {
    fc.assert(
      fc.property(hostile, fc.array(fc.nat(40), { maxLength: 12 }), (text, cuts) => {
        const clean = createCleaner();
        let out = '';
        let from = 0;
        for (const cut of [...cuts].sort((a, b) => a - b)) {
          out += clean(text.slice(from, Math.max(from, cut)));
          from = Math.max(from, cut);
        }
        out += clean(text.slice(from), true);
        expect(out).toBe(cleanText(text));
      }),
    );
  });

  it('gives the same text one code unit at a time', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const clean = createCleaner();
        const out = text.split('').map((unit) => clean(unit));
        expect(out.join('') + clean('', true)).toBe(cleanText(text));
      }),
    );
  });

  it('shows a line end at once, and not a second time when its other half comes', () => {
    const clean = createCleaner();
    expect(clean('a\r')).toBe('a\n');
    expect(clean('')).toBe('');
    expect(clean('\n')).toBe('');
    expect(clean('\n')).toBe('\n');
  });
});
