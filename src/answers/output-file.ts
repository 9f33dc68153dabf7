import { access, constants, open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { replaceFile } from '../config/atomic-write.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { Io } from '../io.js';

/** A file of the person's that an answer goes to. */
export interface OutputFile {
  /** Puts the whole text in the file's place, in one step. */
  write(text: string): Promise<void>;
  /** Keeps what came of an answer that broke off beside it, and leaves the file as it is; resolves with the name. */
  keepPart(text: string): Promise<string>;
}

function refused(file: string, why: string, cause?: unknown): OllamaError {
  return new OllamaError('usage', `--output: ${cleanLine(file)} can't be written: ${cleanLine(why)}.`, {
    cause,
  });
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such folder';
  if (code === 'EACCES' || code === 'EPERM') return 'there is no permission to';
  return error instanceof Error ? error.message : String(error);
}

/** Looks whether a file can be written, before anything is asked. Throws `usage` that names it. */
export async function openOutputFile({ cwd }: Pick<Io, 'cwd'>, file: string): Promise<OutputFile> {
  const named = path.resolve(cwd, file);
  // A link stays one: what it points to is replaced.
  const target = await realpath(named).catch(() => named);
  const old = await stat(target).catch(() => undefined);
  if (old?.isDirectory() === true) throw refused(file, 'it is a folder');
  const isPlain = old === undefined || old.isFile();
  try {
    await access(isPlain ? path.dirname(target) : target, constants.W_OK);
    if (old?.isFile() === true) await access(target, constants.W_OK);
  } catch (error) {
    throw refused(file, reasonOf(error), error);
  }
  const write = async (to: string, text: string): Promise<void> => {
    try {
      if (isPlain)
        await replaceFile(to, old && old.mode & 0o777, async (handle) => await handle.writeFile(text));
      else await writeInto(to, text);
    } catch (error) {
      const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
      if (full)
        throw new OllamaError('no_space', `There is no space left for ${cleanLine(file)}.`, { cause: error });
      throw refused(file, reasonOf(error), error);
    }
  };
  return {
    write: async (text) => await write(target, text),
    async keepPart(text) {
      // A device takes it as it comes: there is no file beside it.
      await write(isPlain ? `${target}.partial` : target, text);
      return isPlain ? `${file}.partial` : file;
    },
  };
}

async function writeInto(device: string, text: string): Promise<void> {
  const handle = await open(device, 'w');
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}
