import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { writeJsonLine } from './json.js';
import { renderTsv, type Column } from './table.js';

/** The names that `--fields` asks for, or undefined where it was not given. */
export function readFields({ fields }: { readonly fields?: string }): readonly string[] | undefined {
  return fields?.split(',').map((field) => field.trim());
}

/** Throws `usage` that lists the valid ones for a field that is none of them. */
export function checkFields(fields: readonly string[], valid: readonly string[]): void {
  const unknown = fields.find((field) => !valid.includes(field));
  if (unknown === undefined) return;
  throw new OllamaError(
    'usage',
    `There is no field "${cleanLine(unknown)}". The fields are: ${cleanLine(valid.join(', '))}.`,
  );
}

/** A field as a cell of a table: text as it is, all else as JSON. */
export function fieldText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The columns of fields by their names, for a pipe. */
export function fieldColumns(keys: readonly string[]): Column<Readonly<Record<string, unknown>>>[] {
  return keys.map((key) => {
    const text = (row: Readonly<Record<string, unknown>>): string => fieldText(row[key]);
    return { key, title: key, value: text, raw: text };
  });
}

/** The lines of a table of fields and their values, for a pipe; the envelope is no field. */
export function renderFields(fields: Readonly<Record<string, unknown>>): string[] {
  const rows = Object.entries(fields).filter(([key]) => key !== 'schema_version');
  const cell = (key: string, at: 0 | 1) => {
    const text = (row: readonly [string, unknown]): string => fieldText(row[at]);
    return { key, title: key, value: text, raw: text };
  };
  return renderTsv(rows, [cell('field', 0), cell('value', 1)], { header: true });
}

/** What stays in an event whatever is asked for: without these it could not be told for what it is. */
const EVENT_ENVELOPE = ['type', 'schema_version', 'error'];

/**
 * The writer of a stream's events, one JSON line each: whole, or with `--fields` what is asked for of `valid` besides
 * the envelope. Throws `usage` for an unknown field, before anything is written.
 */
export function openEventWriter(
  io: Parameters<typeof writeJsonLine>[0],
  fields: readonly string[] | undefined,
  valid: readonly string[],
): (event: object) => Promise<void> {
  if (fields === undefined) return async (event) => await writeJsonLine(io, event);
  checkFields(fields, [...EVENT_ENVELOPE, ...valid]);
  const kept = new Set([...EVENT_ENVELOPE, ...fields]);
  return async (event) =>
    await writeJsonLine(io, Object.fromEntries(Object.entries(event).filter(([key]) => kept.has(key))));
}
