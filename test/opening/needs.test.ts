import { describe, expect, it } from 'vitest';
import { findNeed } from '../../src/opening/needs.js';

const asks = (text: string) => findNeed({ images: false, tools: false, text });

describe('what a prompt needs', () => {
  it('is an image before functions, and functions before code', () => {
    const text = '```js\n1\n```';
    expect(findNeed({ images: true, tools: true, text })).toBe('image');
    expect(findNeed({ images: false, tools: true, text })).toBe('tools');
    expect(findNeed({ images: false, tools: false, text })).toBe('code');
  });

  it.each([
    'why does this fail?\n```\nx\n```',
    'what is wrong in src/main.rs?',
    'Write a Python function that sorts a list',
    'explain this regex in JavaScript',
    'def area(r):\n  return r',
    'import { a } from "b"',
    '#include <stdio.h>',
    'Traceback (most recent call last):\n  File',
    'Error: x\n    at run (main.js:1:2)',
    'const f = (x) => x',
    'let a = 1;',
    'if (a) {\n}',
    'export async function go() {',
  ])('is code: %s', (text) => expect(asks(text)).toBe('code'));

  it.each([
    '',
    'Why is the sky blue?',
    'Write a poem about a function of the moon',
    'What does my dress code at work mean?',
    'I will be in Rome, i.e. in Italy; what should I see?',
    'Is it swift?',
    'Wo liegt der nächste Bahnhof?',
  ])('is nothing special: %s', (text) => expect(asks(text)).toBe('rest'));

  it('is found in time in texts made to take long', () => {
    for (const text of [
      '\n'.repeat(1e6),
      ' at '.repeat(1e5),
      '('.repeat(1e6),
      'import x from '.repeat(1e5),
    ]) {
      expect(['code', 'rest']).toContain(asks(text));
    }
  });
});
