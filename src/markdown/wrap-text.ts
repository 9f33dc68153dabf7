import { graphemeWidth, splitGraphemes } from './cells.js';

/** A row of wrapped text, and where in the text it begins. */
export interface WrappedRow {
  readonly text: string;
  readonly start: number;
}

const TAB = '    ';

function wrapLine(line: string, lineStart: number, width: number, rows: WrappedRow[]): void {
  let row = '';
  let rowStart = lineStart;
  let column = 0;
  let start = lineStart;
  // The last place in this row where it may be broken, in the row as drawn and in the text.
  let fold: { row: number; column: number; start: number } | undefined;
  for (const grapheme of splitGraphemes(line)) {
    const isSpace = grapheme === ' ' || grapheme === '\t';
    const cells = grapheme === '\t' ? TAB.length : graphemeWidth(grapheme);
    // Spaces hang over the edge; the row is broken by what follows them.
    if (!isSpace && column > 0 && column + cells > width) {
      const cut = fold ?? { row: row.length, column, start };
      rows.push({ text: row.slice(0, cut.row).trimEnd(), start: rowStart });
      row = row.slice(cut.row);
      rowStart = cut.start;
      column -= cut.column;
      fold = undefined;
    }
    // East Asian text may be broken at each of its characters.
    if (cells > 1 && !isSpace && row.trim() !== '') fold = { row: row.length, column, start };
    row += grapheme === '\t' ? TAB : grapheme;
    column += cells;
    start += grapheme.length;
    if ((isSpace || cells > 1) && row.trim() !== '') fold = { row: row.length, column, start };
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
