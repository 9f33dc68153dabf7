import { describe, expect, it } from 'vitest';
import { guessSize } from '../../src/search/size.js';

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
