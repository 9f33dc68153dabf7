import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { OllamaError } from '../core/errors.js';
import { systemCode } from '../core/http-errors.js';
import type { SourceFile } from './sources.js';

/** Read in pieces of this many bytes: a file never is in memory as a whole. */
export const PIECE_BYTES = 1024 * 1024;

/**
 * Hashes a file; yields how many bytes are done after each piece, and returns the digest, `sha256:` and 64 hex digits.
 * Throws `usage` for a file that can't be read or changes meanwhile.
 */
export async function* hashFile(
  file: SourceFile,
  signal: AbortSignal | undefined,
): AsyncGenerator<number, string, undefined> {
  const hash = createHash('sha256');
  let done = 0;
  try {
    const pieces = createReadStream(file.path, { highWaterMark: PIECE_BYTES });
    for await (const piece of pieces as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      hash.update(piece);
      done += piece.length;
      yield done;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable(file, error);
  }
  if (done !== file.size || !(await isUnchanged(file))) throw changed(file);
  return `sha256:${hash.digest('hex')}`;
}

/** The error for a file that is there and can't be read. */
export function unreadable({ path }: SourceFile, error: unknown): OllamaError {
  const why = systemCode(error) ?? (error instanceof Error ? error.message : String(error));
  return new OllamaError('usage', `${path} can't be read (${why}).`, { cause: error });
}

/** The error for a file that is not what it was a moment before. */
export function changed({ path }: SourceFile): OllamaError {
  return new OllamaError('usage', `${path} changed while it was being read.`, {
    hint: 'Wait until it is written to its end, and run the command again.',
  });
}

/** True where a file is still as it was looked at. */
export async function isUnchanged({ path, size, mtimeMs }: SourceFile): Promise<boolean> {
  const now = await stat(path).catch(() => undefined);
  return now?.size === size && now.mtimeMs === mtimeMs;
}
