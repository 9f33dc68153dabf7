import { drawGrapheme, splitGraphemes } from './graphemes.js';

/** A row of wrapped text, and where in the text it begins. */
export interface WrappedRow {
  readonly text: string;
  readonly start: number;
}

function wrapLine(line: string, lineStart: number, width: number, rows: WrappedRow[]): void {
  let row = '';
  let rowStart = lineStart;
  let column = 0;
  // The last place in this row where it may be broken, in the row as drawn and in the text.
  let fold: { row: number; column: number; start: number } | undefined;
  for (const grapheme of splitGraphemes(line)) {
    const isSpace = grapheme.text === ' ' || grapheme.text === '\t';
    const start = lineStart + grapheme.start;
    // Spaces hang over the edge; the row is broken by what follows them.
    if (!isSpace && column > 0 && column + grapheme.width > width) {
      const cut = fold ?? { row: row.length, column, start };
      rows.push({ text: row.slice(0, cut.row).trimEnd(), start: rowStart });
      row = row.slice(cut.row);
      rowStart = cut.start;
      column -= cut.column;
      fold = undefined;
    }
    // East Asian text may be broken at each of its characters.
    if (grapheme.width > 1 && !isSpace && row.trim() !== '') fold = { row: row.length, column, start };
    row += drawGrapheme(grapheme);
    column += grapheme.width;
    if ((isSpace || grapheme.width > 1) && row.trim() !== '') {
      fold = { row: row.length, column, start: start + grapheme.text.length };
    }
  }
  rows.push({ text: row.trimEnd(), start: rowStart });
}

/**
 * Wraps cleaned text at spaces into rows of at most `width` cells; a longer word is cut between graphemes. Text that is
 * added at the end changes only the last row, so all others are final as soon as they are there.
 */
export function wrapText(text: string, width: number): WrappedRow[] {
  const rows: WrappedRow[] = [];
  let start = 0;
  for (const line of text.split('\n')) {
    wrapLine(line, start, width, rows);
    start += line.length + 1;
  }
  return rows;
}
