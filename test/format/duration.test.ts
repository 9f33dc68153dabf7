import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMs, formatSeconds } from '../../src/format/duration.js';

describe('formatSeconds', () => {
  it.each([
    [0, '0s'],
    [27, '27s'],
    [59.4, '59s'],
    [59.5, '1m 00s'],
    [65, '1m 05s'],
    [3599.6, '1h 00m'],
    [7380, '2h 03m'],
    [86_399, '23h 59m'],
    [86_400, '1d 0h'],
    [4 * 86_400 + 2 * 3600, '4d 2h'],
    [359_999, '4d 3h'],
    [360_000, '>99h'],
    [Infinity, '>99h'],
    [-1, '?'],
    [NaN, '?'],
  ])('writes %d s as %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });

  it('is never wider than seven characters, and never shows 60 of what goes to 59', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 400_000, noNaN: true }), (seconds) => {
        const text = formatSeconds(seconds);
        expect(text.length).toBeLessThanOrEqual(7);
        expect(text).not.toMatch(/60[sm]|24h$/);
      }),
    );
  });
});

describe('formatMs', () => {
  it.each([
    [0, '0 ms'],
    [3, '3 ms'],
    [340.4, '340 ms'],
    [999.4, '999 ms'],
    [999.5, '1.0s'],
    [2140, '2.1s'],
    [9949, '9.9s'],
    [9950, '10s'],
    [27_000, '27s'],
    [65_000, '1m 05s'],
    [-1, '?'],
    [NaN, '?'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });
});
