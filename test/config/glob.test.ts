import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchGlob, matchName } from '../../src/config/glob.js';

describe('matchGlob', () => {
  it.each([
    ['llama3.2:1b', 'llama3.2:1b', true],
    ['llama*', 'llama3.2:1b', true],
    ['*:1b', 'llama3.2:1b', true],
    ['hf.co/*', 'hf.co/user/repo:Q4_K_M', true],
    ['*', '', true],
    ['', '', true],
    ['LLAMA*', 'llama3', true],
    ['llama', 'llama3', false],
    ['lama*', 'llama3', false],
    ['llama?:1b', 'llama3:1b', true],
    ['llama?', 'llama', false],
    ['llama3.2', 'llama3x2', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['?', '🦙', true],
    ['', 'a', false],
  ])('%j against %j is %s', (glob, name, expected) => {
    expect(matchGlob(glob, name)).toBe(expected);
  });

  it('agrees with the same glob written as a regular expression', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '/', ':'), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':'), maxLength: 10 });
    fc.assert(
      fc.property(word, name, (glob, text) => {
        const pattern = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matchGlob(glob, text)).toBe(pattern.test(text));
      }),
      { numRuns: 500 },
    );
  });

  it('answers for a glob that takes a backtracking matcher for ever', () => {
    expect(matchGlob('*a'.repeat(200) + 'b', 'a'.repeat(5000))).toBe(false);
  });
});

describe('matchName', () => {
  it.each([
    ['qwen', 'qwen3:8b', true],
    ['QWEN', 'qwen3:8b', true],
    ['wen', 'qwen3:8b', false],
    ['*wen', 'qwen3:8b', false],
    ['*wen*', 'Qwen3:8b', true],
    ['qwen?:8b', 'qwen3:8b', true],
    ['', 'qwen3:8b', true],
  ])('%j against %j is %s', (word, name, expected) => {
    expect(matchName(word, name)).toBe(expected);
  });
});
