import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCount } from '../../src/format/count.js';

function readBack(text: string): number {
  const power = { k: 1, M: 2, G: 3, T: 4 }[text.slice(-1)];
  return power === undefined ? Number(text) : Number(text.slice(0, -1)) * 1024 ** power;
}

describe('formatCount', () => {
  it.each([
    [0, '0'],
    [43, '43'],
    [999, '999'],
    [999.5, '1k'],
    [1000, '1k'],
    [1234, '1.2k'],
    [2048, '2k'],
    [4096, '4k'],
    [10_188.8, '10k'],
    [40_960, '40k'],
    [131_072, '128k'],
    [262_144, '256k'],
    [1_048_576, '1M'],
    [10_485_760, '10M'],
    [-1, '?'],
    [NaN, '?'],
    [Infinity, '>1P'],
  ])('writes %d as %s', (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  it('takes at most four characters and never shows the larger of two counts as the smaller', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.nat(5000), (count, more) => {
        const text = formatCount(count);
        expect(text.length).toBeLessThanOrEqual(4);
        // Only around the steps of 1000 and 1024 may two units stand for the same number.
        expect(readBack(text)).toBeLessThanOrEqual(readBack(formatCount(count + more)) * 1.024);
      }),
    );
  });
});
