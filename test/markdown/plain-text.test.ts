import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanText } from '../../src/format/clean.js';
import { displayWidth } from '../../src/format/width.js';
import { openPlainText } from '../../src/markdown/plain-text.js';
import { wrapText } from '../../src/markdown/wrap-text.js';

const rowsOf = (text: string, width: number): string[] => wrapText(text, width).map((row) => row.text);

function whole(text: string, width: number): string[] {
  const answer = openPlainText({ width: () => width });
  answer.push(text);
  return answer.finish();
}

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

describe('an answer without markup', () => {
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
        const answer = openPlainText({ width: () => width });
        const rows: string[] = [];
        for (const piece of clean) {
          answer.push(piece);
          rows.push(...answer.settle());
          expect(answer.tail(3).length).toBeLessThanOrEqual(3);
        }
        rows.push(...answer.finish());
        expect(rows).toEqual(whole(clean.join(''), width));
      }),
      { numRuns: 500 },
    );
  });

  test('holds one row at most, and blank rows until something follows', () => {
    const answer = openPlainText({ width: () => 8 });
    answer.push('\n\n one two three\n\n');
    expect(answer.settle()).toEqual(['one two', 'three']);
    expect(answer.tail(5)).toEqual([]);
    answer.push('four');
    expect(answer.settle()).toEqual([]);
    expect(answer.tail(5)).toEqual(['', 'four']);
    expect(answer.tail(1)).toEqual(['four']);
    expect(answer.finish()).toEqual(['', 'four']);
  });

  test('leaves markup as it is', () => {
    expect(whole('# **a** `b`\n- [c](d)', 40)).toEqual(['# **a** `b`', '- [c](d)']);
  });

  test('lets go of blank rows where a model sends nothing but line ends', () => {
    const answer = openPlainText({ width: () => 8 });
    answer.push(`a${'\n'.repeat(10_000)}`);
    expect(answer.settle().length).toBeGreaterThan(9_000);
  });
});
