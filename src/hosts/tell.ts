import type { Context } from '../context.js';
import { checkFields, readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { openLook } from '../output/look.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';
import { cleanLine } from '../format/clean.js';

/** A list of this command, for all three readers. */
export interface Told<Row extends object> {
  readonly rows: readonly Row[];
  /** Of each field, in the order in which they are shown; `--fields` picks from these. */
  readonly columns: readonly Column<Row>[];
  readonly header: boolean;
  /** What the JSON document has besides `items` and `total`. */
  readonly more?: object;
  /** What `--quiet` tells of a row; undefined for nothing. */
  name(row: Row): string | undefined;
  /** Below the table of a terminal. */
  readonly below?: readonly string[];
}

/** Tells a list: a JSON document, a table, or with `--quiet` names. Throws `usage` for an unknown field. */
export async function tellList<Row extends object>(context: Context, told: Told<Row>): Promise<void> {
  const { io, mode, settings, flags } = context;
  const { rows, columns, below = [] } = told;
  const known = columns.map(({ key }) => key);
  const fields = readFields(flags);
  if (fields) checkFields(fields, known);
  if (mode === 'json') {
    const document = { items: rows, total: rows.length, ...told.more };
    return await writeJson(io, fields ? pickFields(document, 'items', fields, known) : document);
  }
  if (flags.quiet === true) {
    const names = rows.flatMap((row) => told.name(row) ?? []);
    return await writeLines(io.stdout, names.map(cleanLine), io.signal);
  }
  const shown = fields?.flatMap((field) => columns.filter(({ key }) => key === field)) ?? columns;
  if (io.stdout.isTTY !== true && mode !== 'tty') {
    return await writeLines(io.stdout, renderTsv(rows, shown, told), io.signal);
  }
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const { styles, symbols, width } = await openLook(io, io.stdout, settings);
  // A column that says nothing of any row is for scripts.
  const filled = shown.filter((column) => fields || rows.some((row) => column.value(row) !== ''));
  const table =
    rows.length === 0 ? [] : renderTerminalTable(rows, filled, { width, styles, ellipsis: symbols.ellipsis });
  const gap = rows.length === 0 || below.length === 0 ? [] : [''];
  const last = below.map((line) => styles.dim(cleanLine(line)));
  await writeLines(io.stdout, [...table, ...gap, ...last], io.signal);
}

/** Throws `usage` for a field that is none of `known`: before anything is changed. */
export function checkKnown({ flags }: Context, known: readonly string[]): void {
  checkFields(readFields(flags) ?? [], known);
}

/** Tells what was changed: a document of the `known` fields, what `--fields` picks of it, or lines, none with `--quiet`. */
export async function tellChange(
  { io, mode, flags }: Context,
  document: object,
  known: readonly string[],
  lines: readonly string[],
): Promise<void> {
  const fields = readFields(flags);
  const picked = fields && pickFields(document, undefined, fields, known);
  if (mode === 'json') return await writeJson(io, picked ?? document);
  if (picked) return await writeLines(io.stdout, renderFields(picked), io.signal);
  if (flags.quiet !== true) await writeLines(io.stdout, lines.map(cleanLine), io.signal);
}

/** A column of one field: yes and nothing for true and false. */
export function fieldColumn<Row extends object>(
  key: string,
  title: string,
  read: (row: Row) => string | number | boolean | undefined,
  more: Pick<Column<Row>, 'align' | 'priority' | 'shrink'> = {},
): Column<Row> {
  return {
    key,
    title,
    value: (row) => {
      const value = read(row);
      return typeof value === 'boolean' ? (value ? 'yes' : '') : String(value ?? '');
    },
    raw: (row) => String(read(row) ?? ''),
    ...more,
  };
}
