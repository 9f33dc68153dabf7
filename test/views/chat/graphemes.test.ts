import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../../src/format/width.js';
import {
  nextBoundary,
  previousBoundary,
  snapToBoundary,
  splitGraphemes,
} from '../../../src/views/chat/graphemes.js';

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

// Latin, Cyrillic, kana and Han beside what joins them or others: marks, jamo, signs before a letter, flags, joiners.
const PIECES = [
  ...[
    'a',
    ' ',
    'é',
    'ж',
    'ɏ',
    'か',
    'カ',
    '漢',
    '\u0301',
    '\u3099',
    '\u200d',
    '\ufe0f',
    '\u1100',
    '\u1161',
    '가',
  ],
  ...[
    '\u0600',
    '\u0915',
    '\u094d',
    '\u0937',
    '👩',
    '👍🏽',
    '🇫🇷',
    '🇩',
    '\u0482',
    '\u0483',
    '\u0488',
    '\u00ad',
    '©',
    '❤️',
    '\t',
    '\u0080',
    '㊗',
  ],
];
const line = fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((parts) => parts.join(''));

describe('graphemes', () => {
  test('are those of the standard, and as wide as they are drawn', () => {
    fc.assert(
      fc.property(line, (text) => {
        const wanted = Array.from(segmenter.segment(text), ({ segment, index }) => ({
          text: segment,
          start: index,
          width: segment === '\t' ? 4 : displayWidth(segment),
        }));
        expect(splitGraphemes(text)).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });

  test('end where the cursor may stand', () => {
    const text = fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, (whole) => {
        const places = [...Array.from(segmenter.segment(whole), ({ index }) => index), whole.length];
        for (const [index, place] of places.entries()) {
          expect(nextBoundary(whole, place)).toBe(places[index + 1] ?? whole.length);
          expect(previousBoundary(whole, place)).toBe(places[index - 1] ?? 0);
        }
        for (let at = 0; at <= whole.length; at++) {
          expect(snapToBoundary(whole, at)).toBe(places.find((place) => place >= at));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('are found as well far into a line of things that join', () => {
    for (const piece of ['👩‍👩‍👧', 'e\u0301', '漢', '👍🏽']) {
      const text = piece.repeat(3000);
      expect(previousBoundary(text, text.length)).toBe(text.length - piece.length);
      expect(nextBoundary(text, piece.length * 2000)).toBe(piece.length * 2001);
      expect(snapToBoundary(text, piece.length * 2000)).toBe(piece.length * 2000);
    }
  });

  test.each(['a', 'Z', '~', ' ', 'é', 'ɏ', 'Ѐ', 'ҁ', 'ぁ', 'ゖ', 'ァ', 'ヺ', '一', '鿿'])(
    '%s is measured as it is drawn',
    (char) => {
      expect(splitGraphemes(char + char)).toMatchObject([
        { width: displayWidth(char) },
        { width: displayWidth(char) },
      ]);
    },
  );
});
