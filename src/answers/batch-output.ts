import { createReadStream } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { replaceFile } from '../config/atomic-write.js';
import { OllamaError } from '../core/errors.js';
import { isFields } from '../core/fields.js';
import { cleanLine } from '../format/clean.js';
import type { Io } from '../io.js';

/** A line of a batch's answers: the answer to one prompt, or what it failed with. */
export interface BatchLine {
  readonly index: number;
  /** Of the question, by `questionKey`. */
  readonly key: string;
  readonly [field: string]: unknown;
}

/** The file of a batch's answers, which an earlier run may have begun. */
export interface BatchOutput {
  /** Whether the question has its answer there already; one that failed has none. */
  has(index: number, key: string): boolean;
  /** Appends a line; it is on the disk when this resolves. Lines come one after the other. */
  append(line: BatchLine): Promise<void>;
  /** Puts the lines into the order of their prompts, one each, and closes the file. `count` is how many prompts there are. */
  finish(count: number): Promise<void>;
  /** Closes the file as it is: the next run goes on with it. */
  close(): Promise<void>;
}

interface Place {
  readonly key: string;
  readonly isAnswer: boolean;
  /** In bytes, the line's end included. */
  readonly offset: number;
  readonly length: number;
}

/**
 * Opens the file for the answers of a batch, and reads what it has. A line that an earlier run tore is cut off. Throws
 * `usage` for a file that can't be written, and for one that holds anything else: it is left as it is.
 */
export async function openBatchOutput({ cwd }: Pick<Io, 'cwd'>, file: string): Promise<BatchOutput> {
  const named = path.resolve(cwd, file);
  const target = await realpath(named).catch(() => named);
  const places = new Map<number, Place>();
  let isOrdered = true;
  let size = 0;
  let last = -1;
  const place = (line: BatchLine, offset: number, length: number): void => {
    if (line.index <= last) isOrdered = false;
    last = line.index;
    places.set(line.index, { key: line.key, isAnswer: line['error'] === undefined, offset, length });
  };
  const facts = await stat(target).catch(() => undefined);
  if (facts !== undefined && !facts.isFile()) throw refused(file, 'it is no file');
  if (facts) {
    for await (const { text, offset, length } of readWholeLines(target)) {
      const line = parseLine(text);
      if (!line)
        throw refused(file, 'it holds something else than the answers of a batch', 'Name another file.');
      place(line, offset, length);
      size = offset + length;
    }
    if (size === 0 && facts.size > 0 && !(await beginsLikeOurs(target)))
      throw refused(file, 'it holds something else than the answers of a batch', 'Name another file.');
  }
  let handle: FileHandle;
  try {
    handle = await open(target, facts ? 'r+' : 'wx+');
    await handle.truncate(size);
  } catch (error) {
    throw refused(file, error instanceof Error ? error.message : String(error));
  }
  return {
    has(index, key) {
      const known = places.get(index);
      return known?.isAnswer === true && known.key === key;
    },
    async append(line) {
      const content = Buffer.from(`${JSON.stringify(line)}\n`);
      await writeAt(handle, content, size, file);
      place(line, size, content.length);
      size += content.length;
    },
    async finish(count) {
      const isWhole = isOrdered && [...places.keys()].every((index) => index < count);
      if (!isWhole) await reorder(handle, target, places, count);
      await handle.close();
    },
    close: async () => await handle.close(),
  };
}

function refused(file: string, why: string, hint?: string): OllamaError {
  return new OllamaError('usage', `--output: ${cleanLine(file)} can't be used: ${cleanLine(why)}.`, { hint });
}

async function writeAt(handle: FileHandle, content: Buffer, at: number, file: string): Promise<void> {
  try {
    await handle.write(content, 0, content.length, at);
    await handle.datasync();
  } catch (error) {
    // Half a line would be taken for a torn one, and asked again: nothing is lost.
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    if (full)
      throw new OllamaError('no_space', `There is no space left for ${cleanLine(file)}.`, { cause: error });
    throw error;
  }
}

function parseLine(text: string): BatchLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isFields(value)) return undefined;
    const { index, key } = value;
    if (typeof index !== 'number' || !Number.isSafeInteger(index) || typeof key !== 'string')
      return undefined;
    return { ...value, index, key };
  } catch {
    return undefined;
  }
}

/** Whether a file of a single torn line may be one of ours. */
async function beginsLikeOurs(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(9), 0, 9, 0);
    return '{"index":'.startsWith(buffer.subarray(0, bytesRead).toString());
  } finally {
    await handle.close();
  }
}

/** The lines of a file that have their end, with their places in bytes. */
async function* readWholeLines(
  file: string,
): AsyncGenerator<{ text: string; offset: number; length: number }, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
    let text = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10)) {
      yield { text: text.subarray(0, end).toString(), offset, length: end + 1 };
      offset += end + 1;
      text = text.subarray(end + 1);
    }
    rest = text;
  }
}

async function reorder(
  from: FileHandle,
  target: string,
  places: ReadonlyMap<number, Place>,
  count: number,
): Promise<void> {
  const { mode } = await from.stat();
  await replaceFile(target, mode & 0o777, async (to) => {
    const ordered = [...places].filter(([index]) => index < count).sort(([a], [b]) => a - b);
    for (const [, { offset, length }] of ordered) {
      const { buffer } = await from.read(Buffer.alloc(length), 0, length, offset);
      await to.writeFile(buffer);
    }
  });
}
