import { mkdir, open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../config/atomic-write.js';
import { cleanText } from '../format/clean.js';

const MOST_ENTRIES = 1000;
const LONGEST_ENTRY = 100_000;
/** What was pasted is kept too: without a limit on the whole, reading it could make the chat open late. */
const MOST_CHARACTERS = 2_000_000;

/** What was sent before, oldest first, and a way to keep more. */
export interface History {
  readonly entries: readonly string[];
  /** Why the file could not be read; undefined if it could. */
  readonly problem: unknown;
  /** Keeps a text, unless it is empty, very long or the same as the last. Resolves with why it is not kept, told once. */
  add(text: string): Promise<unknown>;
}

/** A line of the history file; undefined for one that is damaged or not ours. */
function parseLine(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('text' in value)) return undefined;
    return typeof value.text === 'string' && value.text !== '' ? cleanText(value.text) : undefined;
  } catch {
    return undefined;
  }
}

/** As many of the last entries as are kept. */
function keepLast(entries: readonly string[]): string[] {
  let from = entries.length;
  let characters = 0;
  while (from > 0 && entries.length - from < MOST_ENTRIES) {
    characters += entries[from - 1]?.length ?? 0;
    if (characters > MOST_CHARACTERS) break;
    from -= 1;
  }
  return entries.slice(from);
}

/** The texts in a history file's content, oldest first: repeats in a row once, at most the last 1,000 or two million characters. */
export function parseHistory(content: string): string[] {
  const entries: string[] = [];
  for (const line of content.split('\n')) {
    const text = parseLine(line);
    if (text !== undefined && text !== entries.at(-1)) entries.push(text);
  }
  return keepLast(entries);
}

function formatLine(text: string): string {
  return `${JSON.stringify({ text })}\n`;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Writes the file anew with these entries only, unless another process wrote to it since it was read. */
async function compact(file: string, entries: readonly string[], sizeRead: number): Promise<void> {
  if ((await stat(file)).size !== sizeRead) return;
  await writeFileAtomic(file, entries.map(formatLine).join(''));
}

async function append(file: string, text: string, platform: NodeJS.Platform): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  // One write of a whole line at the end: processes that share the file do not tear each other's lines.
  const handle = await open(file, 'a', 0o600);
  try {
    if (platform !== 'win32') await handle.chmod(0o600);
    await handle.writeFile(formatLine(text));
  } finally {
    await handle.close();
  }
}

/**
 * Reads the history file (JSON lines, one text each; damaged lines are passed over). Never rejects: a file that cannot be
 * read or written costs nothing but the history.
 */
export async function openHistory(file: string, platform: NodeJS.Platform): Promise<History> {
  let entries: string[] = [];
  let problem: unknown;
  try {
    const content = await readFile(file);
    const text = content.toString('utf8');
    entries = parseHistory(text);
    if (text.split('\n').length > 2 * MOST_ENTRIES || content.length > 4 * MOST_CHARACTERS)
      await compact(file, entries, content.length);
  } catch (cause) {
    if (!isMissing(cause)) problem = cause;
  }
  let last = entries.at(-1);
  let isTold = problem !== undefined;
  let written: Promise<unknown> = Promise.resolve();
  const write = async (text: string): Promise<unknown> => {
    try {
      await append(file, text, platform);
      return undefined;
    } catch (cause) {
      if (isTold) return undefined;
      isTold = true;
      return cause;
    }
  };
  return {
    entries,
    problem,
    add(text) {
      if (text.trim() === '' || text.length > LONGEST_ENTRY || text === last)
        return Promise.resolve(undefined);
      last = text;
      written = written.then(() => write(text));
      return written;
    },
  };
}
