import { describe, expect, test } from 'vitest';
import { highlighter } from '../../src/markdown/highlight.js';
import { openMarkdown, renderMarkdown } from '../../src/markdown/markdown.js';
import { lookOf } from './look.js';

const draw = (text: string, width = 30): string[] => renderMarkdown(text, lookOf(width));

describe('without colours, markup reads as', () => {
  test.each<[string, string, string[]]>([
    ['a heading', '## Two #\ntext', ['## Two', '', 'text']],
    ['an underlined heading', 'One\n===\nTwo\n---', ['# One', '', '## Two']],
    ['a paragraph with its own line ends', 'one\n  two\nthree', ['one', 'two', 'three']],
    ['emphasis, whose marks go', '**b** *i* ***x*** a_b_c', ['b i x a_b_c']],
    ['what is struck out or code, whose marks stay', '~~gone~~ `a  b`', ['~~gone~~ `a  b`']],
    ['characters of references', '&lt;a&gt; &amp; &#65; &unknown; &copy;', ['<a> & A &unknown; ©']],
    ['escapes', '\\*no\\* \\# x', ['*no* # x']],
    ['a link and its target', '[the docs](https://a.b/c "t") end', ['the docs (https://a.b/c) end']],
    [
      'an address that is its own text',
      '<https://a.b> https://c.d/e_f_g.',
      ['https://a.b https://c.d/e_f_g.'],
    ],
    ['an image', '![a cat](cat.png)', ['a cat (cat.png)']],
    [
      'a reference, as it came',
      '[a][1] and [^2]\n\n[1]: https://a.b',
      ['[a][1] and [^2]', '', '[1]: https://a.b'],
    ],
    [
      'HTML, as it came',
      '<b>x</b> a<br>b\n\n<div>\n  *y*\n</div>',
      ['<b>x</b> a', 'b', '', '<div>', '  *y*', '</div>'],
    ],
    [
      'formulas, as they came',
      '$a_1*b$ \\(x_*y*\\)\n$$\nc\\\\ = *d*\n$$\nend',
      ['$a_1*b$ \\(x_*y*\\)', '', '$$', 'c\\\\ = *d*', '$$', '', 'end'],
    ],
    [
      'a list',
      'Some:\n- one two three four five six seven\n- b\n\n* c',
      ['Some:', '• one two three four five six', '  seven', '• b', '', '• c'],
    ],
    [
      'lists in lists',
      '1. a\n   - b\n     - c\n2. d\n2) e',
      ['1. a', '   • b', '     • c', '2. d', '', '2) e'],
    ],
    ['numbers, counted on or as written', '1. a\n1. b\n\n7. c', ['1. a', '2. b', '', '7. c']],
    ['tasks', '- [ ] a\n- [x] b\n1. [X] c', ['☐ a', '☑ b', '', '1. ☑ c']],
    ['an item without text', '-\n- b\n\n  c', ['•', '• b', '', '  c']],
    ['quotes', '> a\nlazy\n> > b\n\nc', ['│ a', '│ lazy', '│ │ b', '', 'c']],
    ['a list in a quote', '> - a\n>\n>   b\n> - c', ['│ • a', '│', '│   b', '│ • c']],
    ['code', 'x:\n```py a=b\nif 1:\n\n\t*x*\n```\ny', ['x:', '', 'py', '  if 1:', '', '      *x*', '', 'y']],
    ['code in a list', '1. a\n   ```\n   b\n     c\n   ```\n   d', ['1. a', '     b', '       c', '   d']],
    ['code that never ends', '~~~\na\n```\n', ['  a', '  ```']],
    ['indented code', '    a\n\n\n      b\n\nc', ['  a', '', '', '    b', '', 'c']],
    [
      'long lines of code, cut',
      '```\n' + 'abcdefghij'.repeat(3) + '\n```',
      ['  abcdefghijabcdefghijabcdefgh', '  ij'],
    ],
    ['a rule', 'a\n\n* * *\nb', ['a', '', '─'.repeat(30), '', 'b']],
    [
      'a table',
      'x\n| a | b |c\n|--|-:|:-:\n| 日本 | `1\\|2` | **z** | w\n| 2',
      ['x', '', 'a    │     b │   c', '─────┼───────┼──────', '日本 │ `1|2` │ z | w', '2    │       │'],
    ],
    ['no table, where the line below has other columns', '| a | b |\n|---|', ['| a | b |', '|---|']],
    [
      'East Asian text, broken anywhere',
      '日本語のテキスト'.repeat(3),
      ['日本語のテキスト日本語のテキス', 'ト日本語のテキスト'],
    ],
    [
      'a long address, on a row of its own',
      'see https://example.com/abcdefghi now',
      ['see', 'https://example.com/abcdefghi', 'now'],
    ],
    [
      'a long target, whole where it fits',
      '[x](https://example.com/abcdefghij)',
      ['x', '(', 'https://example.com/abcdefghij', ')'],
    ],
  ])('%s', (_name, text, rows) => {
    expect(draw(text)).toEqual(rows);
  });

  test('cells that wrap, and lines between rows that then would run together', () => {
    expect(draw('|name|what it is|\n|-|-|\n|first|a text of many words here|\n|b|c|', 22)).toEqual([
      'name  │ what it is',
      '──────┼───────────────',
      'first │ a text of many',
      '      │ words here',
      '──────┼───────────────',
      'b     │ c',
    ]);
  });

  test('names and values where columns have no room', () => {
    expect(draw('|name|what|who|\n|-|-|-|\n|first|something|me|\n|second|b|c|', 16)).toEqual([
      'name: first',
      'what: something',
      'who: me',
      '',
      'name: second',
      'what: b',
      'who: c',
    ]);
  });

  test('ASCII, where there is no Unicode', () => {
    const text = '- a\n- [x] b\n> c\n\n---\n|d|e|\n|-|-|\n|f|g|';
    expect(renderMarkdown(text, lookOf(9, { unicode: false }))).toEqual([
      '- a',
      '[x] b',
      '',
      '| c',
      '',
      '---------',
      '',
      'd | e',
      '--+--',
      'f | g',
    ]);
  });
});

describe('with colours', () => {
  const color = (text: string, look = {}): string =>
    renderMarkdown(text, lookOf(40, { level: 1, ...look })).join('\n');

  test.each([
    ['# T', '\u001b[1m\u001b[36mT\u001b[39m\u001b[22m'],
    [
      '**b** *i* ~~s~~ `c`',
      '\u001b[1mb\u001b[22m \u001b[3mi\u001b[23m \u001b[9ms\u001b[29m \u001b[36mc\u001b[39m',
    ],
    ['- a', '\u001b[36m• \u001b[39ma'],
  ])('%j', (text, row) => {
    expect(color(text)).toBe(row);
  });

  test('code is coloured line by line, also where something spans lines', () => {
    const text = '```js\n/* a\nb */ const c = "d<&";\n```';
    expect(color(text, { highlight: highlighter }).split('\n')).toEqual([
      '\u001b[2mjs\u001b[22m',
      '  \u001b[2m/* a\u001b[22m',
      '  \u001b[2mb */\u001b[22m \u001b[35mconst\u001b[39m c = \u001b[32m"d<&"\u001b[39m;',
    ]);
  });

  test('code of an unknown language has one colour', () => {
    expect(color('```zzz\na b\n```', { highlight: highlighter })).toBe(
      '\u001b[2mzzz\u001b[22m\n  \u001b[36ma b\u001b[39m',
    );
  });

  test('links lead where they say, if the terminal can and the scheme is harmless', () => {
    const at = (href: string, text: string): string => `\u001b]8;;${href}\u001b\\${text}\u001b]8;;\u001b\\`;
    expect(color('https://a.b', { links: true })).toBe(at('https://a.b', '\u001b[4mhttps://a.b\u001b[24m'));
    expect(color('[x](https://a.b/ü)', { links: true })).toContain(
      at('https://a.b/%C3%BC', '\u001b[4mx\u001b[24m'),
    );
    expect(
      color('[x](file:///etc/passwd) [y](javascript:a) <b@c.d>', { links: true }).match(/\]8;;[^\u001b]+/g),
    ).toEqual([']8;;mailto:b@c.d']);
    expect(color('https://a.b', { links: false })).not.toContain(']8;;');
  });
});

describe('rows become final', () => {
  const settled = (text: string): string[] => {
    const answer = openMarkdown(lookOf(40));
    answer.push(text);
    return answer.settle();
  };

  test.each<[string, string, string[]]>([
    ['of a paragraph, when it has ended', 'one\ntwo\n\nthree', ['one', 'two']],
    ['of code, line by line', '```\na\nb\nc', ['  a', '  b']],
    ['of a list, item by item', '- a\n  b\n- c\n- d', ['• a', '  b']],
    ['not of a table that may get wider', '|a|b|\n|-|-|\n|c|d|\n|e|f|\n', []],
  ])('%s', (_name, text, rows) => {
    expect(settled(text)).toEqual(rows);
  });

  test('of a table once it is long, and of each row then', () => {
    const table = `|a|b|\n|-|-|\n${'|c|d|\n'.repeat(50)}`;
    expect(settled(table)).toHaveLength(52);
    expect(settled(`${table}|e|f|\n|g`)).toHaveLength(53);
  });

  test.each([
    ['one paragraph', 'some words and **bold** ones '],
    ['one paragraph with a mark that never finds its other half', 'some *words and '],
    ['one line of code', '    x'],
    ['East Asian text', '日本語のテキスト'],
    ['one word', 'abcdefgh'],
  ])('of %s that goes on and on, so that little waits', (_name, part) => {
    const answer = openMarkdown(lookOf(40));
    let rows = 0;
    for (let count = 0; count < 1500; count++) {
      answer.push(part);
      rows += answer.settle().length;
    }
    const waiting = answer.tail(Infinity).length;
    expect(waiting).toBeLessThan(110);
    expect(rows).toBeGreaterThan(waiting);
    expect(rows + waiting).toBe(renderMarkdown(part.repeat(1500), lookOf(40)).length);
  });

  test('and what is left is what the tail shows, its last rows first', () => {
    const answer = openMarkdown(lookOf(40));
    answer.push('- a\n- b **c** `d');
    expect(answer.tail(5)).toEqual(['• a', '• b c `d']);
    answer.push('`\n  e\n');
    expect(answer.tail(1)).toEqual(['  e']);
    expect(answer.settle()).toEqual(['• a']);
    expect(answer.finish()).toEqual(['• b c `d`', '  e']);
    expect(answer.tail(5)).toEqual([]);
  });

  test.each(['text\n-', 'text\n`', 'text\n``', 'text\n#', 'text\n1', 'text\n|--', 'text\n> -'])(
    '%j shows no mark before it is clear of what',
    (text) => {
      const answer = openMarkdown(lookOf(40));
      answer.push(text);
      expect(answer.tail(5)).toEqual(['text']);
    },
  );
});

describe('hostile text', () => {
  test.each<[string, string]>([
    ['brackets', '['.repeat(20_000)],
    ['stars', '*a **b '.repeat(3000)],
    ['backticks', Array.from({ length: 200 }, (_, count) => '`'.repeat(count)).join(' ')],
    ['quotes', '> '.repeat(10_000)],
    ['lists', Array.from({ length: 150 }, (_, depth) => `${' '.repeat(depth * 2)}- x`).join('\n')],
    ['columns', `${'|a'.repeat(400)}\n${'|-'.repeat(400)}\n${`${'|b'.repeat(400)}\n`.repeat(10)}`],
    ['combining marks', `a${'\u0301'.repeat(20_000)}`],
    ['characters without width', '\u200b'.repeat(10_000)],
    ['line ends', '\n'.repeat(20_000)],
  ])('of %s ends, and leaves little waiting at any time', (_name, text) => {
    const answer = openMarkdown(lookOf(40));
    let most = 0;
    for (let at = 0; at < text.length; at += 997) {
      answer.push(text.slice(at, at + 997));
      answer.settle();
      most = Math.max(most, answer.tail(Infinity).join('').length);
    }
    expect(most).toBeLessThan(9000);
  });
});
