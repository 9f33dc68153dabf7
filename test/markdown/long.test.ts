import { describe, expect, test } from 'vitest';
import { highlighter } from '../../src/markdown/highlight.js';
import { joinPieces } from '../../src/markdown/pieces.js';
import { renderMarkdown } from '../../src/markdown/markdown.js';
import { lookOf } from './look.js';

const WORDS = Array.from({ length: 900 }, (_, index) => `word${String(index)}`);

describe('a text that is longer than what is held back loses nothing', () => {
  test('in a paragraph, whose rows are as full as they can be', () => {
    const rows = renderMarkdown(WORDS.join(' '), lookOf(40));
    expect(rows.join(' ')).toBe(WORDS.join(' '));
    for (const [index, row] of rows.slice(0, -1).entries()) {
      expect(row.length + 1 + (rows[index + 1]?.split(' ')[0]?.length ?? 0)).toBeGreaterThan(40);
    }
  });

  test('in a paragraph with markup, which is whole', () => {
    const marked = WORDS.map((word, index) => (index % 7 === 0 ? `**${word}**` : word)).join(' ');
    expect(renderMarkdown(marked, lookOf(40)).join(' ')).toBe(WORDS.join(' '));
  });

  test('in a paragraph with markup around many words, which is not torn where the text is divided', () => {
    const words = WORDS.slice(0, 300);
    const marked = [...words.slice(0, 110), `**${words.slice(110, 150).join(' ')}**`, ...words.slice(150)];
    expect(renderMarkdown(marked.join(' '), lookOf(40)).join(' ')).toBe(words.join(' '));
  });

  test.each([
    ['marks beyond what is read', '*a* '.repeat(220).trim()],
    ['quotes beyond what is drawn', `${'> '.repeat(12)}>> x`],
  ])('in %s, which are shown as they are', (_, text) => {
    const shown = text.startsWith('>') ? `${'│ '.repeat(12)}>> x` : text;
    expect(renderMarkdown(text, lookOf(2000))).toEqual([shown]);
  });

  test('in a line of code, which is cut where a row is full', () => {
    const code = WORDS.join('');
    const rows = renderMarkdown(`\`\`\`\n${code}\n\`\`\``, lookOf(42));
    expect(rows.map((row) => row.slice(2)).join('')).toBe(code);
    expect(new Set(rows.slice(0, -1).map((row) => row.length))).toEqual(new Set([42]));
  });

  test('in HTML, which is shown as it came', () => {
    expect(renderMarkdown(`<div>${WORDS.join(' ')}</div>`, lookOf(40)).join(' ')).toBe(
      `<div>${WORDS.join(' ')}</div>`,
    );
  });

  test('in a heading, an item and a quote', () => {
    for (const [source, first] of [
      ['# ', '# '],
      ['- ', '• '],
      ['> ', '│ '],
    ] as const) {
      const rows = renderMarkdown(source + WORDS.join(' '), lookOf(40));
      expect(rows.join(' ').replaceAll(first, '').replace(/ +/g, ' ').trim()).toBe(WORDS.join(' '));
    }
  });
});

describe('code is coloured a line at a time', () => {
  test('by nothing but the line, where nothing goes on from the one before', () => {
    expect(highlighter.line('js', '', 'const a = 1;').context).toBe('');
    expect(highlighter.line('zzz', '', 'a').pieces.map(({ text }) => text)).toEqual(['a']);
    expect(highlighter.knows('typescript') && highlighter.knows('py') && !highlighter.knows('zzz')).toBe(
      true,
    );
  });

  test('with what a comment or string needs, and no more than a bounded part of it', () => {
    let { context } = highlighter.line('js', '', '/* begins');
    expect(context).toBe('/* begins\n');
    expect(highlighter.line('js', context, 'const a')).toEqual({
      pieces: [{ text: 'const a', style: { role: 'comment' } }],
      context: '/* begins\nconst a\n',
    });
    expect(highlighter.line('js', context, 'ends */ const').context).toBe('');
    for (let line = 0; line < 500; line++) {
      context = highlighter.line('js', context, 'goes on').context;
      expect(context.length).toBeLessThanOrEqual(600);
    }
  });

  test.each([
    ['html', '<script>', "const a = call('b');", '</script>', 'keyword'],
    ['html', '<style>', '.a { color: red; }', '</style>', 'name'],
    ['python', '  """', 'and what is in it', '  """', 'string'],
    ['js', '/* begins', 'goes on', 'ends */', 'comment'],
  ])('however long it goes on: %s, %s', (language, opening, line, closing, role) => {
    let { context } = highlighter.line(language, '', opening);
    for (let count = 0; count < 200; count++) {
      const read = highlighter.line(language, context, line);
      expect(read.pieces[0]?.style.role).toBe(role);
      context = read.context;
    }
    expect(highlighter.line(language, context, closing).context).toBe('');
  });

  test.each(['<b> & "c" \'d\'', '&lt; &amp;', '\tx', 'a '.repeat(400)])('and keeps its text: %j', (line) => {
    const { pieces } = highlighter.line('xml', '', line);
    expect(joinPieces(pieces)).toBe(line.replaceAll('\t', '    '));
  });
});
