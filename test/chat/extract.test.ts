import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { extractCode, findCodeBlocks } from '../../src/chat/extract.js';

describe('findCodeBlocks', () => {
  it.each([
    ['none', 'text `inline` text', []],
    ['one', 'a\n```js\nlet x;\n```\nb', [{ language: 'js', code: 'let x;' }]],
    ['without a language', '```\nx\n```', [{ language: '', code: 'x' }]],
    ['with more than a language', '``` python title="a"\nx\n```', [{ language: 'python', code: 'x' }]],
    ['tildes, with backticks in it', '~~~\n```\n~~~', [{ language: '', code: '```' }]],
    [
      'a longer fence around a shorter',
      '````md\n```\nx\n```\n````',
      [{ language: 'md', code: '```\nx\n```' }],
    ],
    ['in a list', '1. do\n   ```sh\n   ls\n     -l\n   ```', [{ language: 'sh', code: 'ls\n  -l' }]],
    ['open to the end', 'a\n```c\nint x;\n', [{ language: 'c', code: 'int x;' }]],
    ['inline code at a line start', '```x``` is code', []],
    ['a fence with words is no end', '```\na\n``` b\n```', [{ language: '', code: 'a\n``` b' }]],
    ['Windows line ends', '```\r\na\r\n```\r\n', [{ language: '', code: 'a' }]],
    ['empty lines', '```\n\na\n\n```', [{ language: '', code: '\na\n' }]],
  ])('finds %s', (_, text, blocks) => {
    expect(findCodeBlocks(text)).toEqual(blocks);
  });

  it('gives back any code that was fenced', () => {
    const line = fc.string({ unit: 'grapheme-ascii' }).filter((text) => !/[`~\r\n]/.test(text));
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), (code) => {
        expect(findCodeBlocks(`a\n\n\`\`\`\n${code.join('\n')}\n\`\`\`\n\nb`)).toEqual([
          { language: '', code: code.join('\n') },
        ]);
      }),
    );
  });
});

describe('extractCode', () => {
  it('takes the nth block with its line end', () => {
    expect(extractCode('```\na\n```\n```\nb\n```', 2)).toBe('b\n');
  });

  it('says how many there are', () => {
    expect(() => extractCode('no code', 1)).toThrow('The answer has no code block.');
    expect(() => extractCode('```\na\n```', 2)).toThrow('There is no code block 2: the answer has only 1');
  });
});
