import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guessSize, parseSize } from '../../src/search/size.js';

describe('a size', () => {
  it.each([
    ['8GB', 8e9],
    ['8 gb', 8e9],
    ['8g', 8e9],
    ['1.5GiB', 1_610_612_736],
    ['500MB', 5e8],
    ['12kB', 12_000],
    ['2T', 2e12],
    ['77', 77],
    ['77B', 77],
  ])('of %j is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'GB', '-1GB', '1e9', '8 apples', '8GBB', '1.2.3GB', '9999999TB'])('is not %j', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  it('is a whole number of bytes or none, whatever is given', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const bytes = parseSize(text);
        expect(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)).toBe(true);
      }),
    );
  });
});

describe('a guess from parameters', () => {
  it.each([
    ['8b', 4.8e9],
    ['0.5B', 3e8],
    ['270m', 162e6],
    ['8x7b', 33.6e9],
    ['e4b', 2.4e9],
    ['cloud', undefined],
    ['', undefined],
  ])('of %j is %s bytes', (text, bytes) => {
    expect(guessSize(text)).toBe(bytes);
  });
});
