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
  const width = rows.reduce(
    (widest, row) => Math.max(widest, displayWidth(cleanLine(column.value(row)))),
    displayWidth(title),
  );
  return { column, title, width };
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
  return [renderHeader(fitted, options), ...renderRows(fitted, rows, options)];
}

/** A table whose rows come one after another, each drawn when it comes. */
export interface GrowingTable<Row> {
  /** The lines of more rows, the header before the first; none of no rows. */
  add(rows: readonly Row[]): string[];
}

/** As wide as a column that can give way may become where there is room, in cells. */
const WIDEST = 48;

/**
 * Opens a table that is drawn before all of its rows are known: how wide its columns are is settled by the first rows and by
 * `least`, the usual widths by key; what is wider later is cut.
 */
export function openTerminalTable<Row>(
  columns: readonly Column<Row>[],
  options: TerminalTableOptions & { readonly least: Readonly<Record<string, number>> },
): GrowingTable<Row> {
  let fitted: readonly Fitted<Row>[] | undefined;
  const settle = (rows: readonly Row[]): readonly Fitted<Row>[] => {
    const measured = columns.map((column) => {
      const one = measureColumn(column, rows);
      return { ...one, width: Math.max(one.width, options.least[column.key] ?? 0) };
    });
    const settled = fit(measured, options.width);
    const grows = settled.findLast(({ column }) => column.shrink === 'middle');
    const left = options.width - measureTotal(settled);
    if (grows && left > 0) grows.width = Math.max(grows.width, Math.min(WIDEST, grows.width + left));
    return settled;
  };
  return {
    add(rows) {
      if (rows.length === 0) return [];
      const header = fitted === undefined;
      fitted ??= settle(rows);
      const lines = renderRows(fitted, rows, options);
      return header ? [renderHeader(fitted, options), ...lines] : lines;
    },
  };
}

function renderHeader<Row>(fitted: readonly Fitted<Row>[], options: TerminalTableOptions): string {
  return options.styles.dim(renderLine(fitted, ({ title }) => title, options));
}

function renderRows<Row>(
  fitted: readonly Fitted<Row>[],
  rows: readonly Row[],
  options: TerminalTableOptions,
): string[] {
  return rows.map((row) => renderLine(fitted, ({ column }) => cleanLine(column.value(row)), options));
}

function renderLine<Row>(
  fitted: readonly Fitted<Row>[],
  textOf: (from: Fitted<Row>) => string,
  { ellipsis }: TerminalTableOptions,
): string {
  return fitted
    .map((from) => {
      const text = cut(textOf(from), from.width, from.column, ellipsis);
      return from.column.align === 'right' ? padStart(text, from.width) : padEnd(text, from.width);
    })
    .join(GAP)
    .trimEnd();
}
