import { truncateEnd } from '../../format/width.js';
import { findChip } from './chips.js';
import type { Chip } from './chips.js';
import { drawGrapheme, splitGraphemes } from './graphemes.js';

/** A row of the composer as it is drawn, and where in the text it begins and ends. */
export interface ComposerRow {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The text of the composer in rows of a width, and the cursor's place in them. */
export interface ComposerLayout {
  readonly rows: readonly ComposerRow[];
  readonly cursorRow: number;
  readonly cursorColumn: number;
}

/** What is laid out: a text, a place in it, and what its chips are. */
export interface Written {
  readonly text: string;
  readonly cursor: number;
  readonly chips: readonly Chip[];
}

/** What is drawn for a chip in rows of a width: its label, cut to the row. Undefined for any other grapheme. */
function drawChip(grapheme: string, chips: readonly Chip[], width: number): string | undefined {
  const label = findChip(grapheme, chips)?.label;
  return label === undefined ? undefined : truncateEnd(label, width, '');
}

/** Puts the text into rows of at most `width` cells, at least 2; a row that the cursor would leave is followed by an empty one. */
export function layoutComposer({ text, cursor, chips }: Written, width: number): ComposerLayout {
  const rows: ComposerRow[] = [];
  let cursorRow = 0;
  let cursorColumn = 0;
  let lineStart = 0;
  for (const line of text.split('\n')) {
    let rowStart = lineStart;
    let drawn = '';
    let column = 0;
    for (const grapheme of splitGraphemes(line)) {
      const at = lineStart + grapheme.start;
      const chip = drawChip(grapheme.text, chips, width);
      const cells = chip?.length ?? grapheme.width;
      // One without a width goes over too: the cursor before it has no cell at a full row's end.
      if (column + Math.max(1, cells) > width) {
        rows.push({ text: drawn, start: rowStart, end: at });
        rowStart = at;
        drawn = '';
        column = 0;
      }
      if (at <= cursor) {
        cursorRow = rows.length;
        cursorColumn = column;
      }
      drawn += chip ?? drawGrapheme(grapheme);
      column += cells;
    }
    const lineEnd = lineStart + line.length;
    rows.push({ text: drawn, start: rowStart, end: lineEnd });
    if (cursor === lineEnd) {
      if (column >= width) {
        rows.push({ text: '', start: lineEnd, end: lineEnd });
        column = 0;
      }
      cursorRow = rows.length - 1;
      cursorColumn = column;
    }
    lineStart = lineEnd + 1;
  }
  return { rows, cursorRow, cursorColumn };
}

/** The place in the text that is nearest to a column of a row of this width, on a boundary between graphemes. */
export function placeInRow(
  { text, chips }: Omit<Written, 'cursor'>,
  row: ComposerRow,
  column: number,
  width: number,
): number {
  let passed = 0;
  for (const grapheme of splitGraphemes(text.slice(row.start, row.end))) {
    const cells = drawChip(grapheme.text, chips, width)?.length ?? grapheme.width;
    if (passed + cells > column) return row.start + grapheme.start;
    passed += cells;
  }
  return row.end;
}
