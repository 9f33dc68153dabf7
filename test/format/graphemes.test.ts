import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitGraphemes, splitWindows } from '../../src/format/graphemes.js';

const segmenter = new Intl.Segmenter();
const PARTS = ['a', '漢', '👨‍👩‍👧', '🇩🇪', '🇫🇷', 'e\u0301', '❤\ufe0f', 'क्षि', '\r\n', '한', '\ud83d'];

describe('splitGraphemes', () => {
  it('splits a long text as it would be split whole, wherever its windows end', () => {
    const offsets = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(
        offsets,
        fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 20 }),
        (start, parts) => {
          const text = start + parts.join('').repeat(Math.ceil(5000 / parts.length));
          const whole = Array.from(segmenter.segment(text), ({ segment }) => segment);
          expect(Array.from(splitGraphemes(text))).toEqual(whole);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('gives nothing of an empty text', () => {
    expect(Array.from(splitGraphemes(''))).toEqual([]);
  });
});

describe('splitWindows', () => {
  it('loses nothing, and gives no piece that is empty or longer than 4,096 code units', () => {
    const marks = 'a' + '\u0301'.repeat(10_000);
    for (const text of [
      '',
      'a',
      'x'.repeat(4096),
      'x'.repeat(4097),
      '漢'.repeat(20_000),
      '😀'.repeat(5000),
      marks,
    ]) {
      const windows = Array.from(splitWindows(text));
      expect(windows.join('')).toBe(text);
      expect(windows.filter(({ length }) => length === 0 || length > 4096)).toEqual([]);
    }
  });

  it('gives a short text as it is', () => {
    expect(Array.from(splitWindows('x'.repeat(4096)))).toHaveLength(1);
  });
});
