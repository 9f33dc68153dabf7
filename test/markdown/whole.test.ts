import { Lexer } from 'marked';
import type { MarkedToken, Token } from 'marked';
import { describe, expect, test } from 'vitest';
import { readInline } from '../../src/markdown/inline.js';
import { renderMarkdown } from '../../src/markdown/markdown.js';
import { joinPieces } from '../../src/markdown/pieces.js';
import { lookOf } from './look.js';

// What marked's lexer makes of a whole document at once, put into rows the way ours are.
const WIDTH = 400;
const inline = (text: string): string[] =>
  joinPieces(readInline(text.trim(), { styled: false, links: false })).split('\n');

function rowsOf(tokens: readonly Token[]): string[] {
  return (tokens as MarkedToken[]).flatMap((token) => {
    switch (token.type) {
      case 'heading':
        return inline(`${'#'.repeat(token.depth)} ${token.text}`);
      case 'paragraph':
      case 'text':
        return inline(token.text);
      case 'code':
        return [...(token.lang ? [token.lang] : []), ...token.text.split('\n').map((line) => `  ${line}`)];
      case 'hr':
        return ['─'.repeat(WIDTH)];
      case 'blockquote':
        return rowsOf(token.tokens).map((row) => `│ ${row}`);
      case 'html':
      case 'def':
        return token.raw.trim().split('\n');
      case 'list':
        return token.items.flatMap((item, index) => {
          const box = item.task ? (item.checked === true ? '☑' : '☐') : '•';
          const number = `${String(Number(token.start) + index)}.`;
          const mark = token.ordered ? (item.task ? `${number} ${box} ` : `${number} `) : `${box} `;
          const inner = rowsOf(item.tokens.filter((part) => part.type !== 'checkbox'));
          return inner.map((row, at) => (at === 0 ? mark : ' '.repeat(mark.length)) + row);
        });
      case 'table':
        return [token.header, ...token.rows].map((row) =>
          row.map((cell) => inline(cell.text).join(' ')).join(' │ '),
        );
      default:
        return [];
    }
  });
}

/** Rows without what is only room: blank ones, the padding and rules of tables. */
const squeeze = (rows: readonly string[]): string[] =>
  rows
    .filter((row) => row.trim() !== '' && !/^[│\s]+$/.test(row) && !row.includes('─┼─'))
    .map((row) => (row.includes('│') ? row.replace(/ +/g, ' ') : row).trimEnd());

const ANSWERS: readonly (readonly [string, string])[] = [
  [
    'an explanation with steps and code',
    `# How to read a file\n\nThere are **two** ways:\n\n1. Use \`open\`:\n\n   \`\`\`python\n   with open("a.txt") as f:\n       print(f.read())\n   \`\`\`\n\n2. Use *pathlib*:\n   \`\`\`python\n   Path("a.txt").read_text()\n   \`\`\`\n\n> **Note:** close what you open.\n\n---\n\nSee [the docs](https://docs.python.org/3/) or https://example.com/a_b_c.\n`,
  ],
  [
    'lists within lists, loose and tight',
    `Things:\n- one\n- two\n  - two a\n  - two b\n    1. deep\n    2. deeper\n- three\n\nMore:\n\n* a\n\n  second paragraph\n\n* b\n\n- [x] done\n- [ ] not done\n`,
  ],
  [
    'a comparison',
    `| Model | Size | Good at |\n|:------|-----:|:-------:|\n| qwen3 | 5 GB | **code** |\n| gemma3 | 3 GB | images \\| text |\n\n### Which one?\nTake \`qwen3:8b\`.\nIt is fast.\n\nUnderlined\n----------\n\nEnd.\n`,
  ],
  [
    'code of several kinds',
    '```\nplain\n\n  indented\n```\n\n~~~bash\nls -la # `x`\n~~~\n\n    old style\n      code\n\n````md\n```js\nx\n```\n````\n',
  ],
  [
    'quotes and HTML',
    `> one\n> two\n>\n> - a\n> - b\n>\n> > deeper\n\n<details>\n<summary>More</summary>\n</details>\n\nText with <b>tags</b> and &amp; &lt;signs&gt;.\n\n***bold italic*** and __bold__ and _italic_ in snake_case_words and 2 * 3 * 4.\n`,
  ],
  ['other scripts', '## 日本語\n\n**太字**と`コード`。\n\n1. 一\n2. 二\n\n- 😀 emoji\n- Ελληνικά\n'],
  ['headings close to what follows', '# A\ntext\n## B\n- c\n# D\n```js\ne\n```\n### F ###\n'],
  ['a block that interrupts a list', '1. a\n2. b\n```sh\nc\n```\n3. d\n\ntext\n\n- e\n# f\n- g\n***\n'],
];

describe("a whole answer reads as marked's lexer reads it", () => {
  test.each(ANSWERS)('%s', (_name, text) => {
    expect(squeeze(renderMarkdown(text, lookOf(WIDTH)))).toEqual(squeeze(rowsOf(new Lexer().lex(text))));
  });
});
