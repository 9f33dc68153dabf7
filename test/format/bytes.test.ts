import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatRate } from '../../src/format/bytes.js';

const POWERS: Record<string, number> = { B: 0, kB: 1, MB: 2, GB: 3, TB: 4, PB: 5, EB: 6 };

function readBack(text: string): number {
  const [value = '', unit = ''] = text.split(' ');
  return Number(value) * 1000 ** (POWERS[unit] ?? NaN);
}

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [864, '864 B'],
    [999, '999 B'],
    [999.5, '1.0 kB'],
    [1000, '1.0 kB'],
    [1429, '1.4 kB'],
    [7711, '7.7 kB'],
    [9949, '9.9 kB'],
    [9950, '10 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [999_950, '1.0 MB'],
    [1_000_000, '1.0 MB'],
    [812_000_000, '812 MB'],
    [1_321_098_329, '1.3 GB'],
    [40_000_000_000, '40 GB'],
    [Number.MAX_SAFE_INTEGER, '9.0 PB'],
    [1e30, '>999 EB'],
    [Infinity, '>999 EB'],
    [-1, '?'],
    [NaN, '?'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('is within a twentieth of the number it stands for, and at most seven characters wide', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        const text = formatBytes(bytes);
        expect(text.length).toBeLessThanOrEqual(7);
        expect(Math.abs(readBack(text) - bytes)).toBeLessThanOrEqual(bytes / 20);
      }),
    );
  });

  it('never shows the larger of two numbers as the smaller', () => {
    const near = fc
      .tuple(fc.maxSafeNat(), fc.nat(2_000_000))
      .map(([from, more]) => [from, from + more] as const);
    const boundary = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: -600, max: 600 }), fc.nat(100))
      .map(([power, off, more]) => [1000 ** power + off, 1000 ** power + off + more] as const);
    fc.assert(
      fc.property(fc.oneof(near, boundary), ([smaller, larger]) => {
        expect(readBack(formatBytes(smaller))).toBeLessThanOrEqual(readBack(formatBytes(larger)));
      }),
    );
  });
});

describe('formatRate', () => {
  it('says that it is a rate', () => {
    expect(formatRate(48_200_000)).toBe('48 MB/s');
    expect(formatRate(0.4)).toBe('0 B/s');
  });
});
