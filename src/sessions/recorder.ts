import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openOwn } from '../config/open-own.js';
import { systemCode } from '../core/http-errors.js';
import type { Io } from '../io.js';
import type { Recorder, SessionEntry } from './entry.js';
import { openFold, type Session } from './fold.js';
import { makeId, sessionFile } from './place.js';

type RecorderIo = Pick<Io, 'env' | 'platform' | 'now'>;

/** How long the parts of an answer are gathered before they are written, in milliseconds. */
const PACE = 500;

/** What a recorder begins with. */
export interface RecorderStart {
  /** Of a new conversation; default: one that is made for it. */
  readonly id?: string;
  /** The server's address. */
  readonly host: string;
  readonly model: string;
  /** A kept conversation that goes on in its own file. */
  readonly resumed?: Session;
  /** Told where another program writes to that file too, or removed it: the conversation is kept as a whole under this id. */
  readonly onCopy?: (id: string) => void;
}

function formatEntry(entry: SessionEntry): string {
  // JSON has no Infinity, by which "all that follows" may be deleted.
  const sound =
    entry.type === 'splice'
      ? { ...entry, delete_count: Math.min(entry.delete_count, Number.MAX_SAFE_INTEGER) }
      : entry;
  return `${JSON.stringify(sound)}\n`;
}

function formatEntries(entries: readonly SessionEntry[], before = ''): Buffer {
  return Buffer.from(before + entries.map(formatEntry).join(''));
}

/** Writes a new file; false where there is one already. Throws the file system's errors, and then leaves none. */
async function create(io: RecorderIo, id: string, content: Buffer): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await openOwn(sessionFile(io, id), 'wx');
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
  await writeAll(handle, content, 0);
  return true;
}

/** Writes at the end of a file of this length; false where it has another, or is gone. Throws the file system's errors. */
async function append(io: RecorderIo, id: string, content: Buffer, bytes: number): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(sessionFile(io, id), constants.O_WRONLY | constants.O_APPEND);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
  if ((await handle.stat()).size !== bytes) {
    await handle.close();
    return false;
  }
  await writeAll(handle, content, bytes);
  return true;
}

/** Writes and closes. A part that was written before a failure is taken back: it is written again as a whole. */
async function writeAll(handle: FileHandle, content: Buffer, bytes: number): Promise<void> {
  try {
    await handle.writeFile(content);
  } catch (error) {
    await handle.truncate(bytes).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Keeps a conversation in the state folder, `sessions/<id>.jsonl`, line by line as it happens. No call throws or rejects;
 * what a full disk refuses is tried again with the next entry.
 */
export function openRecorder(io: RecorderIo, start: RecorderStart): Recorder {
  const { host, model, resumed } = start;
  let id = resumed?.id ?? start.id ?? makeId(io.now());
  // A copy in memory (its texts are the conversation's own), for a file that turns out to be no longer ours alone.
  const fold = openFold(resumed ?? { id });
  let queue: SessionEntry[] = [];
  let bytes = resumed?.bytes;
  let isBegun = false;
  let isLost = false;
  let held = { content: '', thinking: '' };
  let timer: NodeJS.Timeout | undefined;
  let written = Promise.resolve();
  let problem: unknown;
  let isTold = false;

  const add = (entry: SessionEntry): void => {
    fold.add(entry);
    queue.push(entry);
  };
  const now = (): string => new Date(io.now()).toISOString();
  add({ type: 'session', schema_version: 1, id, at: now(), host, model });

  const copy = async (): Promise<void> => {
    isLost = true;
    const other = makeId(io.now());
    const content = formatEntries(fold.retell(other));
    const waiting = queue;
    queue = [];
    try {
      if (!(await create(io, other, content))) return await copy();
    } catch (error) {
      queue = [...waiting, ...queue];
      throw error;
    }
    id = other;
    bytes = content.length;
    isLost = false;
    start.onCopy?.(id);
  };

  const write = async (): Promise<void> => {
    if (!isBegun || queue.length === 0) return;
    try {
      if (isLost) return await copy();
      const entries = queue;
      // What is appended to may end in a torn line; an empty line costs nothing.
      const before = bytes !== undefined && bytes === resumed?.bytes ? '\n' : '';
      const content = formatEntries(entries, before);
      queue = [];
      try {
        const isOurs =
          bytes === undefined ? await create(io, id, content) : await append(io, id, content, bytes);
        if (!isOurs) return await copy();
      } catch (error) {
        queue = [...entries, ...queue];
        throw error;
      }
      bytes = (bytes ?? 0) + content.length;
    } catch (error) {
      problem ??= error;
    }
  };
  // What is recorded in one go is one write.
  const schedule = (): Promise<void> => (written = written.then(() => nextTurn()).then(write));

  const release = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const { content, thinking } = held;
    held = { content: '', thinking: '' };
    if (content === '' && thinking === '') return;
    add({
      type: 'delta',
      ...(content === '' ? {} : { content }),
      ...(thinking === '' ? {} : { thinking }),
    });
    void schedule();
  };

  return {
    get id() {
      return id;
    },
    record(entry) {
      // A whole message has in it what is held of it.
      if (entry.type === 'message' || entry.type === 'splice') held = { content: '', thinking: '' };
      release();
      add({ ...entry, at: now() });
      isBegun ||= entry.type === 'message' || (entry.type === 'splice' && entry.insert.length > 0);
      isBegun ||= resumed !== undefined && entry.type !== 'settings';
      void schedule();
    },
    delta(content, thinking) {
      held = { content: held.content + content, thinking: held.thinking + thinking };
      timer ??= setTimeout(release, PACE).unref();
    },
    async flush() {
      release();
      await schedule();
      if (isTold || problem === undefined) return undefined;
      isTold = true;
      return problem;
    },
  };
}
