import { isChip } from './chips.js';
import { layoutComposer, placeInRow } from './composer-layout.js';
import type { Written } from './composer-layout.js';
import { nextBoundary, previousBoundary } from './graphemes.js';

/** Chips are words by themselves: a move over words stops at each side of one. */
function classify(text: string, at: number): 'word' | 'chip' | 'gap' {
  if (isChip(text.charAt(at))) return 'chip';
  return /[\p{L}\p{M}\p{N}_]/u.test(String.fromCodePoint(text.codePointAt(at) ?? 0)) ? 'word' : 'gap';
}

/** Where the word begins that the place stands in or behind. */
export function findWordStart(text: string, from: number): number {
  let at = from;
  let inWord = false;
  while (at > 0) {
    const before = previousBoundary(text, at);
    const kind = classify(text, before);
    if (inWord && kind !== 'word') break;
    at = before;
    if (kind === 'chip') break;
    inWord = kind === 'word';
  }
  return at;
}

/** Where the word ends that the place stands in or before. */
export function findWordEnd(text: string, from: number): number {
  let at = from;
  let inWord = false;
  while (at < text.length) {
    const kind = classify(text, at);
    if (inWord && kind !== 'word') break;
    at = nextBoundary(text, at);
    if (kind === 'chip') break;
    inWord = kind === 'word';
  }
  return at;
}

/** Where the line of the cursor begins. */
export function findLineStart(text: string, cursor: number): number {
  return cursor === 0 ? 0 : text.lastIndexOf('\n', cursor - 1) + 1;
}

/** Where the line of the cursor ends, before its `\n`. */
export function findLineEnd(text: string, cursor: number): number {
  const end = text.indexOf('\n', cursor);
  return end < 0 ? text.length : end;
}

/** The place one row up or down, as the rows are drawn, and the column that was aimed at; undefined at the edge. */
export function findInRow(
  written: Written,
  step: -1 | 1,
  wanted: number | undefined,
  width: number,
): { readonly cursor: number; readonly column: number } | undefined {
  const { rows, cursorRow, cursorColumn } = layoutComposer(written, width);
  const row = rows[cursorRow + step];
  if (row === undefined) return undefined;
  const column = wanted ?? cursorColumn;
  const cursor = placeInRow(written, row, column, width);
  // The end of a wrapped row is drawn as the start of the next: stay on the row that was meant.
  const wraps = cursor === row.end && rows[cursorRow + step + 1]?.start === row.end;
  return { cursor: wraps ? previousBoundary(written.text, cursor) : cursor, column };
}

/** The grapheme before the cursor and the one behind it, or, at a line's end, the two before it. */
export function findPair(text: string, cursor: number): readonly [number, number, number] | undefined {
  const lineStart = findLineStart(text, cursor);
  const middle = cursor === findLineEnd(text, cursor) ? previousBoundary(text, cursor) : cursor;
  if (middle <= lineStart) return undefined;
  return [previousBoundary(text, middle), middle, nextBoundary(text, middle)];
}
