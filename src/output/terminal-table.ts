import { cleanLine } from '../format/clean.js';
import { displayWidth, padEnd, padStart, truncateEnd, truncateMiddle } from '../format/width.js';
import type { Styles } from './styles.js';
import type { Column } from './table.js';

const GAP = '  ';
/** What a cut column keeps at least, as long as there is another way. */
const NARROWEST = 8;
/** With fewer cells than this, text that is cut at its end says too little to keep a column that can be spared. */
const WORTH_READING = 24;

interface Fitted<Row> {
  readonly column: Column<Row>;
  readonly title: string;
  readonly cells: readonly string[];
  width: number;
}

/** What the terminal needs of a table's surroundings. */
export interface TerminalTableOptions {
  /** In cells; no line is wider. */
  readonly width: number;
  readonly styles: Pick<Styles, 'dim'>;
  readonly ellipsis?: string;
}

function measureTotal(fitted: readonly { readonly width: number }[]): number {
  return fitted.reduce((sum, { width }) => sum + width, GAP.length * Math.max(0, fitted.length - 1));
}

function measureColumn<Row>(column: Column<Row>, rows: readonly Row[]): Fitted<Row> {
  const title = cleanLine(column.title);
  const cells = rows.map((row) => cleanLine(column.value(row)));
  const width = cells.reduce((widest, cell) => Math.max(widest, displayWidth(cell)), displayWidth(title));
  return { column, title, cells, width };
}

/** The column that can best be spared, undefined when none says that it can. */
function findSpare<Row>(fitted: readonly Fitted<Row>[]): Fitted<Row> | undefined {
  let spare: Fitted<Row> | undefined;
  for (const candidate of fitted) {
    const priority = candidate.column.priority;
    if (priority !== undefined && priority >= (spare?.column.priority ?? -Infinity)) spare = candidate;
  }
  return spare;
}

/** How wide a column that can be spared has to be for it to stay. */
function measureUseful<Row>({ column, width }: Fitted<Row>): { readonly width: number } {
  return { width: column.shrink === 'end' ? Math.min(width, WORTH_READING) : width };
}

/** How wide the column is when it is cut as far as it may be. */
function measureNarrowest<Row>({ column, width }: Fitted<Row>): { readonly width: number } {
  const isCut = column.shrink === 'middle' || column.shrink === 'end';
  return { width: isCut ? Math.min(width, NARROWEST) : width };
}

/** Takes from the columns of one kind, the widest first, until the table fits or each is as narrow as it may be. */
function shrink<Row>(fitted: readonly Fitted<Row>[], kind: 'middle' | 'end', width: number): void {
  const candidates = fitted.filter(({ column }) => column.shrink === kind);
  for (const candidate of candidates.sort((a, b) => b.width - a.width)) {
    const excess = measureTotal(fitted) - width;
    candidate.width = Math.min(candidate.width, Math.max(NARROWEST, candidate.width - excess));
  }
}

function fit<Row>(measured: readonly Fitted<Row>[], width: number): Fitted<Row>[] {
  let fitted = [...measured];
  for (;;) {
    const spare = findSpare(fitted);
    // What can't be spared gives way before others go, as long as it is worth reading.
    const asked = fitted.map((one) =>
      one === spare || one.column.priority === undefined ? measureUseful(one) : one,
    );
    if (spare === undefined || measureTotal(asked) <= width) break;
    fitted = fitted.filter((candidate) => candidate !== spare);
  }
  while (fitted.length > 1 && measureTotal(fitted.map(measureNarrowest)) > width) fitted.pop();
  shrink(fitted, 'end', width);
  shrink(fitted, 'middle', width);
  const [first] = fitted;
  if (first !== undefined) first.width = Math.min(first.width, width);
  return fitted;
}

function cut(text: string, width: number, column: Column<never>, ellipsis: string | undefined): string {
  return column.shrink === 'middle'
    ? truncateMiddle(text, width, ellipsis)
    : truncateEnd(text, width, ellipsis);
}

/**
 * The lines of a table for people, its header first, fitted to the width: text that stays is cut as long as it is worth
 * reading, then columns go by their priority, then text is cut further, names in the middle last. Text is cleaned; no line ends in spaces.
 */
export function renderTerminalTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: TerminalTableOptions,
): string[] {
  const fitted = fit(
    columns.map((column) => measureColumn(column, rows)),
    options.width,
  );
  const renderLine = (textOf: (from: Fitted<Row>) => string): string =>
    fitted
      .map((from) => {
        const text = cut(textOf(from), from.width, from.column, options.ellipsis);
        return from.column.align === 'right' ? padStart(text, from.width) : padEnd(text, from.width);
      })
      .join(GAP)
      .trimEnd();
  const lines = rows.map((_, index) => renderLine(({ cells }) => cells[index] ?? ''));
  return [options.styles.dim(renderLine(({ title }) => title)), ...lines];
}
