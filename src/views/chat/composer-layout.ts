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

/** Puts the text into rows of at most `width` cells, at least 2; a row that the cursor would leave is followed by an empty one. */
export function layoutComposer(text: string, cursor: number, width: number): ComposerLayout {
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
      // One without a width goes over too: the cursor before it has no cell at a full row's end.
      if (column + Math.max(1, grapheme.width) > width) {
        rows.push({ text: drawn, start: rowStart, end: at });
        rowStart = at;
        drawn = '';
        column = 0;
      }
      if (at <= cursor) {
        cursorRow = rows.length;
        cursorColumn = column;
      }
      drawn += drawGrapheme(grapheme);
      column += grapheme.width;
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

/** The place in the text that is nearest to a column of a row, on a boundary between graphemes. */
export function placeInRow(text: string, row: ComposerRow, column: number): number {
  let passed = 0;
  for (const grapheme of splitGraphemes(text.slice(row.start, row.end))) {
    if (passed + grapheme.width > column) return row.start + grapheme.start;
    passed += grapheme.width;
  }
  return row.end;
}
