import { describe, expect, it } from 'vitest';
import { nearestWord } from '../../src/config/suggest.js';

describe('nearestWord', () => {
  const known = ['temperature', 'top_k', 'top_p', 'seed', 'stop'];

  it.each([
    ['temprature', 'temperature'],
    ['temperatrue', 'temperature'],
    ['Temperature', 'temperature'],
    ['top-k', 'top_k'],
    ['sede', 'seed'],
    ['temp', 'temperature'],
    ['to', undefined],
    ['top', 'top_k'],
    ['host', undefined],
    ['', undefined],
    ['t'.repeat(100_000), undefined],
  ])('takes %.20s for %s', (word, meant) => {
    expect(nearestWord(word, known)).toBe(meant);
  });
});
