import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanText } from '../../../src/format/clean.js';
import { displayWidth } from '../../../src/format/width.js';
import { EMPTY_TAIL, extendTail, finishTail, settleTail } from '../../../src/views/chat/tail.js';
import { wrapText } from '../../../src/views/chat/wrap.js';

const rowsOf = (text: string, width: number) => wrapText(text, width).map((row) => row.text);

describe('wrapText', () => {
  test.each([
    ['', 10, ['']],
    ['one two three', 10, ['one two', 'three']],
    ['exactly 10', 10, ['exactly 10']],
    ['exactly 10 more', 10, ['exactly 10', 'more']],
    ['a verylongword', 8, ['a', 'verylong', 'word']],
    ['  indented text', 10, ['  indented', 'text']],
    ['a\n\n  b', 10, ['a', '', '  b']],
    ['\tx', 10, ['    x']],
    ['日本語テキスト', 6, ['日本語', 'テキス', 'ト']],
    ['ab日本', 5, ['ab日', '本']],
    ['👩‍👩‍👧👩‍👩‍👧', 2, ['👩‍👩‍👧', '👩‍👩‍👧']],
    ['end  ', 3, ['end']],
  ])('%j in %i cells', (text, width, rows) => {
    expect(rowsOf(text, width)).toEqual(rows);
  });

  const text = fc
    .array(fc.oneof(fc.constantFrom(' ', '\n', 'word', '日本', '👩‍👩‍👧', 'x'.repeat(30), '\t'), fc.string()))
    .map((parts) => cleanText(parts.join('')));

  test('fits every row, and loses nothing but white space', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 30 }), (given, width) => {
        const rows = rowsOf(given, width);
        for (const row of rows) expect(displayWidth(row)).toBeLessThanOrEqual(width);
        expect(rows.join('').replace(/\s/g, '')).toBe(given.replace(/\s/g, ''));
      }),
    );
  });
});

describe('the tail of an answer', () => {
  const parts = fc.array(
    fc.oneof(
      fc.constantFrom(' ', '\n', '\n\n', 'word ', 'longer-word', '日本語', '👩‍👩‍👧', '    code();'),
      fc.string({ unit: 'grapheme', maxLength: 8 }),
    ),
    { maxLength: 60 },
  );

  test('streamed in any pieces comes out as the whole does, whatever was settled on the way', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 4, max: 40 }), (pieces, width) => {
        const clean = pieces.map((piece) => cleanText(piece));
        const rows: string[] = [];
        let tail = EMPTY_TAIL;
        for (const piece of clean) {
          const settled = settleTail(extendTail(tail, piece), width);
          rows.push(...settled.rows);
          tail = settled.tail;
        }
        rows.push(...finishTail(tail, width));
        expect(rows).toEqual(finishTail(extendTail(EMPTY_TAIL, clean.join('')), width));
      }),
      { numRuns: 500 },
    );
  });

  test('holds one row at most, and blank rows until something follows', () => {
    const settled = settleTail(extendTail(EMPTY_TAIL, '\n\n one two three\n\n'), 8);
    expect(settled.rows).toEqual(['one two', 'three']);
    expect(finishTail(settled.tail, 8)).toEqual([]);
    const more = settleTail(extendTail(settled.tail, 'four'), 8);
    expect(more.rows).toEqual([]);
    expect(finishTail(more.tail, 8)).toEqual(['', 'four']);
  });

  test('is bounded, also where a model sends nothing but line ends', () => {
    const { rows, tail } = settleTail(extendTail(EMPTY_TAIL, `a${'\n'.repeat(10_000)}`), 8);
    expect(rows.length + tail.text.length).toBeGreaterThan(9_000);
    expect(tail.text.length).toBeLessThan(100);
  });
});
