import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { stringifyForTerminal } from '../format/json-safe.js';
import type { Io } from '../io.js';
import { isTerminal } from './mode.js';
import { writeText } from './write.js';

/** The version of every JSON shape; within it fields are only added. A stream's `start` event carries it. */
export const SCHEMA_VERSION = 1;

type JsonIo = Pick<Io, 'stdout' | 'env' | 'signal'>;

/** Writes the one document of a single answer, `schema_version` first: indented for a terminal, on one line for a pipe. */
export async function writeJson(io: JsonIo, document: object): Promise<void> {
  const versioned = { schema_version: SCHEMA_VERSION, ...document };
  const json = isTerminal(io.stdout, io.env) ? stringifyForTerminal(versioned, 2) : JSON.stringify(versioned);
  await writeText(io.stdout, `${json}\n`, io.signal);
}

/** Writes one event of a stream as one line. */
export async function writeJsonLine(io: JsonIo, event: object): Promise<void> {
  const json = isTerminal(io.stdout, io.env) ? stringifyForTerminal(event) : JSON.stringify(event);
  await writeText(io.stdout, `${json}\n`, io.signal);
}

function pick(from: object, fields: readonly string[]): Record<string, unknown> {
  const entries = Object.entries(from);
  return Object.fromEntries(fields.flatMap((field) => entries.filter(([key]) => key === field)));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What `--fields` leaves of a document: of each item in the list under `listKey`, or without one of the document itself
 * (whose `schema_version` stays), the fields asked for, in their order. Throws `usage` for a field that is neither in
 * `known` (the shape's own, so that a field no item has today is no mistake) nor anywhere in the document.
 */
export function pickFields(
  document: object,
  listKey: string | undefined,
  fields: readonly string[],
  known: readonly string[] = [],
): Record<string, unknown> {
  const whole: Record<string, unknown> = { ...document };
  const list = listKey === undefined ? [document] : whole[listKey];
  const items: unknown[] = Array.isArray(list) ? list : [];
  const valid = new Set([...known, ...items.filter(isObject).flatMap((item) => Object.keys(item))]);
  const unknown = fields.find((field) => !valid.has(field));
  if (unknown !== undefined && valid.size > 0) {
    const names = cleanLine([...valid].join(', '));
    throw new OllamaError('usage', `There is no field "${cleanLine(unknown)}". The fields are: ${names}.`);
  }
  if (listKey !== undefined)
    return { ...whole, [listKey]: items.map((item) => (isObject(item) ? pick(item, fields) : item)) };
  return pick(document, ['schema_version', ...fields.filter((field) => field !== 'schema_version')]);
}
