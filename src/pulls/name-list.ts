import path from 'node:path';
import { readFile } from 'node:fs/promises';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { cleanLine } from '../format/clean.js';
import { whyUnreadable } from '../format/file-error.js';
import type { Io } from '../io.js';
import { readPipedPrompt } from '../output/stdin.js';

/**
 * The names in a list of models: one a line, blank lines and what follows a `#` left out. `source` is what errors name.
 * Throws `invalid_name` with source and line.
 */
export function parseNameList(text: string, source: string): string[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, index) => {
    const name = line
      .replace(/^\ufeff/, '')
      .replace(/(?:^|\s)#.*$/, '')
      .trim();
    if (name === '') return [];
    try {
      checkModelName(name);
    } catch (error) {
      if (!isOllamaError(error)) throw error;
      throw new OllamaError(error.code, `${source}:${index + 1}: ${error.message}`, {
        model: name,
        hint: error.hint,
        cause: error,
      });
    }
    return [name];
  });
}

/** Reads such a list from a file, or with `-` from stdin. Throws `usage` for a file that can't be read, and for no name in it. */
export async function readNameList(io: Io, file: string): Promise<string[]> {
  const source = file === '-' ? 'stdin' : file;
  const text = file === '-' ? await readPipedPrompt(io) : await readList(path.resolve(io.cwd, file), file);
  const names = parseNameList(text, source);
  if (names.length > 0) return names;
  throw new OllamaError('usage', `There is no model name in ${cleanLine(source)}.`, {
    hint: 'A list has one name a line; a # begins a comment.',
  });
}

async function readList(file: string, asked: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const why = cleanLine(whyUnreadable(cause));
    throw new OllamaError('usage', `The list ${cleanLine(asked)} can't be read: ${why}.`, { cause });
  }
}
