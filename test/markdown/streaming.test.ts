import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../src/format/width.js';
import { highlighter } from '../../src/markdown/highlight.js';
import { openMarkdown, renderMarkdown } from '../../src/markdown/markdown.js';
import type { MarkdownLook } from '../../src/markdown/markdown.js';
import { lookOf } from './look.js';

const FRAGMENTS = [
  ...[
    '# ',
    '## Title\n',
    '- ',
    '* item\n',
    '1. ',
    '7) x\n',
    '- [ ] ',
    '- [x] ',
    '> ',
    '>',
    '> - ',
    '  ',
    '    ',
    '\t',
  ],
  ...[
    '\n',
    '\n',
    '\n\n',
    '\n\n\n',
    ' ',
    '```\n',
    '```python\n',
    '~~~~\n',
    '`',
    '``',
    '**',
    '*',
    '_',
    '__',
    '~~',
  ],
  ...[
    '| a | b |\n',
    '|---|:-:|\n',
    '| 1 | 2 | 3 |\n',
    '|',
    '---\n',
    '===\n',
    '***\n',
    'a | b',
    '\\',
    '\\|',
    '$$\n',
    '$',
  ],
  ...[
    '[text](https://example.com/a)',
    '![alt](x.png)',
    'https://example.com/very/long/path?with=query',
    '[1]',
    '](',
  ],
  ...[
    '<b>',
    '</b>',
    '<details>\n',
    '<pre>\n',
    '<!--',
    '-->',
    '<br>',
    '&amp;',
    '&#27;',
    '&#x202e;',
    '&lt;',
    '\\(',
    '\\[',
  ],
  ...[
    'word ',
    'some words in a row ',
    'def f(x): # hi\n',
    '"""doc\n',
    'const a = `x\n',
    '/* c\n',
    '*/',
    '日本語',
    '👩‍👩‍👧',
    'é́',
  ],
];
const fragment = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...FRAGMENTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('x'.repeat(700), 'a b '.repeat(300), '日本'.repeat(400), '- a\n'.repeat(60)),
  },
);
const fragments = fc.array(fragment, { maxLength: 60 });
const looks = fc
  .record({
    width: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 13, max: 90 })),
    level: fc.constantFrom(0 as const, 1 as const),
    unicode: fc.boolean(),
    links: fc.boolean(),
  })
  .map(({ width, ...look }) => ({ width, look: lookOf(width, { ...look, highlight: highlighter }) }));

/** The settled rows of a text that comes in these pieces; `act` says what is done after each. */
function stream(pieces: readonly string[], look: MarkdownLook, act: (index: number) => number): string[] {
  const answer = openMarkdown(look);
  const rows: string[] = [];
  for (const [index, piece] of pieces.entries()) {
    answer.push(piece);
    const done = act(index);
    if (done % 2 === 1) rows.push(...answer.settle());
    if (done >= 2) expect(answer.tail(7).length).toBeLessThanOrEqual(7);
  }
  return [...rows, ...answer.finish()];
}

function cutAt(text: string, sizes: readonly number[]): string[] {
  const pieces: string[] = [];
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

const OURS = /\u001b\[\d+m|\u001b\]8;;[!-~]*\u001b\\/g;

describe('an answer that streams', () => {
  test('comes out as the whole does, however it is cut and whenever rows are taken', () => {
    fc.assert(
      fc.property(
        fragments,
        looks,
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }),
        (parts, { look }, sizes, acts) => {
          const text = parts.join('');
          const streamed = stream(cutAt(text, sizes), look, (index) => acts[index % acts.length] ?? 0);
          expect(streamed).toEqual(renderMarkdown(text, look));
        },
      ),
      { numRuns: 400 },
    );
  });

  test('has no row wider than asked for, and no control character but its own styling', () => {
    fc.assert(
      fc.property(fragments, looks, (parts, { width, look }) => {
        const answer = openMarkdown(look);
        answer.push(parts.join(''));
        const tail = answer.tail(50);
        for (const row of [...tail, ...answer.finish()]) {
          const bare = row.replace(OURS, '');
          expect(bare).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u);
          // A single grapheme may be wider than the row.
          if (width > 1) expect(displayWidth(bare)).toBeLessThanOrEqual(width);
        }
      }),
      { numRuns: 400 },
    );
  });
});
