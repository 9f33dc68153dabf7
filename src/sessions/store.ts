import { readFile, readdir, stat, unlink } from 'node:fs/promises';
import { OllamaError } from '../core/errors.js';
import { systemCode } from '../core/http-errors.js';
import { createPool } from '../core/pool.js';
import { findNearest } from '../format/nearest.js';
import type { Io } from '../io.js';
import { foldSession, type Session } from './fold.js';
import { parseEntries } from './parse.js';
import { readId, sessionFile, sessionsDir } from './place.js';

type StoreIo = Pick<Io, 'env' | 'platform'>;

/** What a list tells of a kept conversation. */
export type SessionSummary = Pick<
  Session,
  'id' | 'title' | 'model' | 'host' | 'createdAt' | 'updatedAt' | 'turns' | 'tokens'
>;

/** How many files are read at once: more gain nothing, and their texts would all be in memory. */
const AT_ONCE = 8;

async function listIds(io: StoreIo): Promise<string[]> {
  try {
    const entries = await readdir(sessionsDir(io), { withFileTypes: true });
    // A pipe among them would be waited for without end.
    const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink());
    return files.flatMap(({ name }) => readId(name) ?? []);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readById(io: StoreIo, id: string): Promise<Session> {
  const content = await readFile(sessionFile(io, id));
  return foldSession(id, parseEntries(content), content.length);
}

/** What `choose` takes of every kept conversation, the one in which something was last said first; unreadable files are passed over. */
export async function readSessions<Part extends Pick<Session, 'id' | 'updatedAt'>>(
  io: StoreIo,
  choose: (session: Session) => Part | undefined,
): Promise<Part[]> {
  const pool = createPool(AT_ONCE);
  const read = async (id: string): Promise<Part | undefined> => {
    try {
      return choose(await pool(async () => await readById(io, id)));
    } catch {
      return undefined;
    }
  };
  const parts = await Promise.all((await listIds(io)).map(read));
  return parts.filter((part) => part !== undefined).sort(isNewer);
}

function isNewer(a: Pick<Session, 'id' | 'updatedAt'>, b: Pick<Session, 'id' | 'updatedAt'>): number {
  const [one, other] = a.updatedAt === b.updatedAt ? [a.id, b.id] : [a.updatedAt, b.updatedAt];
  return one < other ? 1 : -1;
}

/** What a list tells of a conversation, without the conversation itself. */
export function summarize(session: SessionSummary): SessionSummary {
  const { id, title, model, host, createdAt, updatedAt, turns, tokens } = session;
  return { id, title, model, host, createdAt, updatedAt, turns, tokens };
}

/** Every kept conversation, the one in which something was last said first. */
export async function listSessions(io: StoreIo): Promise<SessionSummary[]> {
  return await readSessions(io, summarize);
}

/** The ids of the files, the one that was last written to first. */
async function listByTime(io: StoreIo): Promise<{ readonly id: string; readonly writtenAt: number }[]> {
  const files = await Promise.all(
    (await listIds(io)).map(async (id) => {
      const found = await stat(sessionFile(io, id)).catch(() => undefined);
      return found?.isFile() === true ? [{ id, writtenAt: found.mtimeMs }] : [];
    }),
  );
  return files.flat().sort((a, b) => b.writtenAt - a.writtenAt);
}

/** The conversation in which something was last said, on whichever host; throws `session_not_found` where none is kept. */
export async function lastSession(io: StoreIo): Promise<Session> {
  let last: Session | undefined;
  for (const { id, writtenAt } of await listByTime(io)) {
    // Nothing was said in a file after it was written to: of a thousand files, one or two are read.
    if (last !== undefined && writtenAt < Date.parse(last.updatedAt)) break;
    const session = await readById(io, id).catch(() => undefined);
    if (session === undefined || session.details.length === 0) continue;
    if (last === undefined || isNewer(session, last) < 0) last = session;
  }
  if (last) return last;
  throw new OllamaError('session_not_found', 'No conversation is kept yet.', {
    hint: 'ollama-cli chat MODEL begins one',
  });
}

function ambiguous(word: string, ids: readonly string[]): OllamaError {
  const shown = [...ids].sort().reverse().slice(0, 5).join(', ');
  return new OllamaError('session_not_found', `"${word}" means ${ids.length} conversations.`, {
    hint: `Name one by its id: ${shown}${ids.length > 5 ? ', …' : ''}`,
  });
}

function notFound(word: string, sessions: readonly Pick<Session, 'id' | 'title'>[]): OllamaError {
  const names = sessions.flatMap(({ id, title }) => (title === '' ? [id] : [id, title]));
  const near = findNearest(word, names, 3);
  const hint = near.length === 0 ? 'ollama-cli sessions list shows them all' : `Near it: ${near.join(', ')}`;
  return new OllamaError('session_not_found', `No kept conversation is "${word}".`, { hint });
}

/** An id can be named by its beginning, or by its last part alone. */
function meansId(word: string, id: string): boolean {
  return id.startsWith(word) || id.endsWith(`-${word}`);
}

/**
 * The id that a word means: of ids the whole, a beginning or the last part, of titles the whole, a beginning or any part,
 * whatever the letter case. Throws `session_not_found`, with near ones, for a word that means none or several.
 */
export async function findSession(io: StoreIo, word: string): Promise<string> {
  const wanted = word.trim().toLowerCase();
  const ids = wanted === '' ? [] : await listIds(io);
  const byId = ids.filter((id) => meansId(wanted, id.toLowerCase()));
  const exact = byId.find((id) => id.toLowerCase() === wanted);
  if (exact !== undefined) return exact;
  // Few words are the beginning of an id: only for others all files are read.
  const sessions =
    byId.length > 0 ? [] : await readSessions(io, ({ id, title, updatedAt }) => ({ id, title, updatedAt }));
  const titled = sessions.filter(({ title }) => title.toLowerCase() === wanted);
  const begun = sessions.filter(({ title }) => wanted !== '' && title.toLowerCase().startsWith(wanted));
  const within = sessions.filter(({ title }) => wanted !== '' && title.toLowerCase().includes(wanted));
  const byTitle = [titled, begun, within].map((some) => some.map(({ id }) => id));
  const found = [byId, ...byTitle].find(({ length }) => length > 0);
  const [id] = found ?? [];
  if (found === undefined || id === undefined) throw notFound(word, sessions);
  if (found.length > 1) throw ambiguous(word, found);
  return id;
}

/** The kept conversation that a word means, as `findSession` has it. Throws `session_not_found`. */
export async function readSession(io: StoreIo, word: string): Promise<Session> {
  const id = await findSession(io, word);
  try {
    return await readById(io, id);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw notFound(word, []);
    throw error;
  }
}

/** Removes the file of a kept conversation; throws the file system's errors, one for a file that is gone too. */
export async function removeSession(io: StoreIo, id: string): Promise<void> {
  await unlink(sessionFile(io, id));
}
