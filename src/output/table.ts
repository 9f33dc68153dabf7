import { cleanLine } from '../format/clean.js';

/** One column of a table, for people and for scripts. */
export interface Column<Row> {
  /** The name of the field in JSON, which heads the column in a pipe. */
  readonly key: string;
  /** What heads the column in a terminal. */
  readonly title: string;
  /** The cell as a person reads it. */
  readonly value: (row: Row) => string;
  /** The cell whole and exact, for a script. */
  readonly raw: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** Where the terminal is too narrow, the highest goes first, of equals the rightmost; without one it goes last. */
  readonly priority?: number;
  /** Where its text may be cut to fit once enough columns have gone. */
  readonly shrink?: 'middle' | 'end' | 'never';
}

/** The lines of a tab-separated table, nothing cut; no cell holds a tab, a line end or a control character. */
export function renderTsv<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { readonly header: boolean },
): string[] {
  const lines = rows.map((row) => columns.map((column) => cleanLine(column.raw(row))).join('\t'));
  return options.header ? [columns.map((column) => column.key).join('\t'), ...lines] : lines;
}
