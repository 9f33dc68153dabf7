import fc from 'fast-check';
import { marked } from 'marked';
import { describe, expect, test } from 'vitest';
import { closeFence, findLastBlock } from '../../src/format/open-fence.js';

describe('a text that was cut', () => {
  test.each([
    ['in no code', 'Hello.\n\n```js\na\n```\nMore', 'Hello.\n\n```js\na\n```\nMore'],
    ['in code', 'See:\n```js\nlet a', 'See:\n```js\nlet a\n```'],
    ['behind a line of code', '~~~\na\n', '~~~\na\n~~~'],
    ['in code that shows fences', '````md\n```\na\n```', '````md\n```\na\n```\n````'],
    ['in code of a list', '1. so:\n   ```sh\n   ls', '1. so:\n   ```sh\n   ls\n   ```'],
    ['behind inline code at the start of a line', '```a``` is', '```a``` is'],
  ])('%s', (_, text, closed) => {
    expect(closeFence(text)).toBe(closed);
  });

  test('leaves what follows no code, wherever it was cut', () => {
    const piece = fc.constantFrom('```', '```js', '````', '~~~', 'text', '', '   ```', '`a`', '``');
    fc.assert(
      fc.property(fc.array(piece), (lines) => {
        const tokens = marked.lexer(`${closeFence(lines.join('\n'))}\n\n## You`);
        expect(tokens.some(({ type, raw }) => type === 'heading' && raw.includes('You'))).toBe(true);
      }),
    );
  });
});

test.each([
  ['One.\n\nTwo **bo', 'Two **bo'],
  ['One.\n\n| a | b |\n|---|---|\n| 1 |', '| a | b |\n|---|---|\n| 1 |'],
  ['One.\n\n```js\nlet a;\n\nlet b', '```js\nlet a;\n\nlet b'],
  ['One.\n\n', ''],
  ['One.\r\n \r\nTwo', 'Two'],
  ['One', 'One'],
  ['', ''],
])('the last block of %j is %j', (text, last) => {
  expect(findLastBlock(text)).toBe(last);
});
