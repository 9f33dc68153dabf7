import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { whyUnreadable } from '../format/file-error.js';
import { findJsonMistake, placeIn } from '../format/json-mistake.js';
import type { Io } from '../io.js';

/**
 * What `--format` asks for: `json`, a JSON schema as it stands, or a file with one. Throws `usage` that names the flag, or
 * the file and its line.
 */
export async function readFormat(io: Pick<Io, 'cwd'>, flag: string): Promise<unknown> {
  if (flag === 'json') return flag;
  const inline = flag.trimStart().startsWith('{');
  const name = inline ? '--format' : flag;
  const text = (inline ? flag : await readSchema(io, flag)).replace(/^\ufeff/, '');
  let schema: unknown;
  try {
    schema = JSON.parse(text) as unknown;
  } catch (cause) {
    throw new OllamaError('usage', `${cleanLine(name)}${inline ? '' : placeOf(text)}: this is no JSON.`, {
      hint: '--format takes "json", a JSON schema, or the file of one.',
      cause,
    });
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw new OllamaError('usage', `${cleanLine(name)}: a JSON schema is an object.`);
  }
  return schema;
}

async function readSchema({ cwd }: Pick<Io, 'cwd'>, file: string): Promise<string> {
  try {
    return await readFile(path.resolve(cwd, file), 'utf8');
  } catch (cause) {
    const why = cleanLine(whyUnreadable(cause));
    throw new OllamaError('usage', `--format: ${cleanLine(file)} can't be read: ${why}.`, {
      hint: '--format takes "json", a JSON schema, or the file of one.',
      cause,
    });
  }
}

/** `:line:column` of a file's mistake. */
function placeOf(text: string): string {
  const { line, column } = placeIn(text, findJsonMistake(text) ?? 0);
  return `:${line}:${column}`;
}
