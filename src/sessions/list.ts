import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { formatAge } from '../format/age.js';
import { cleanLine } from '../format/clean.js';
import { findNearest } from '../format/nearest.js';
import { checkFields, fieldColumns, fieldText, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';
import { keepsSessions } from '../models/usage.js';
import { listSessions, type SessionSummary } from './store.js';

/** What `sessions list` takes. */
export interface ListFlags {
  readonly limit?: string;
  readonly header?: boolean;
}

/** What one conversation is told with. */
export const ITEM_FIELDS = ['id', 'title', 'model', 'host', 'created_at', 'updated_at', 'turns', 'tokens'];

/** A conversation as an item of a JSON list. */
export function sessionItem(session: SessionSummary): Record<string, unknown> {
  const { id, title, model, host, createdAt, updatedAt, turns, tokens } = session;
  return {
    ...{ id, title, model, host, created_at: createdAt, updated_at: updatedAt, turns },
    ...(tokens === undefined ? {} : { tokens }),
  };
}

/** The columns of conversations as a person reads them. */
export function sessionColumns(now: number): readonly Column<SessionSummary>[] {
  const column = (
    title: string,
    key: string,
    value: (session: SessionSummary) => string,
    more: Partial<Column<SessionSummary>> = {},
  ): Column<SessionSummary> => {
    return { key, title, value, raw: (session) => fieldText(sessionItem(session)[key]), ...more };
  };
  return [
    column('ID', 'id', ({ id }) => id),
    column('AGE', 'updated_at', ({ updatedAt }) => formatAge(updatedAt, now), { priority: 1 }),
    column('MODEL', 'model', ({ model }) => model, { priority: 2, shrink: 'middle' }),
    column('TURNS', 'turns', ({ turns }) => String(turns), { priority: 3, align: 'right' }),
    column('TITLE', 'title', ({ title }) => title, { shrink: 'end' }),
  ];
}

/** The number that `--limit` gives; throws `usage`. */
function readLimit(text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new OllamaError('usage', `--limit: "${text}" is no number of conversations.`);
}

/** Throws `usage`, with the subcommands that may have been meant, for a word that is none. */
function checkWords(words: readonly string[], names: readonly string[]): void {
  const [word] = words;
  if (word === undefined) return;
  const [near] = findNearest(word, names, 1);
  const hint =
    near === undefined ? `They are: ${names.join(', ')}.` : `Did you mean ollama-cli sessions ${near}?`;
  throw new OllamaError('usage', `sessions has no subcommand "${word}".`, { hint });
}

/**
 * Lists the kept conversations, the one in which something was last said first. `asked.words` are those behind the
 * command, which takes none but `asked.names`. Throws `usage`.
 */
export async function tellSessions(
  context: Context,
  flags: ListFlags,
  asked: { readonly words: readonly string[]; readonly names: readonly string[] },
): Promise<void> {
  const { io, mode } = context;
  checkWords(asked.words, asked.names);
  const limit = readLimit(flags.limit);
  const fields = readFields(context.flags);
  if (fields) checkFields(fields, ITEM_FIELDS);
  const all = await listSessions(io);
  const sessions = all.slice(0, limit);
  if (mode === 'json') {
    const document = { items: sessions.map(sessionItem), total: all.length };
    return await writeJson(
      io,
      fields === undefined ? document : pickFields(document, 'items', fields, ITEM_FIELDS),
    );
  }
  if (context.flags.quiet === true) {
    return await writeLines(
      io.stdout,
      sessions.map(({ id }) => id),
      io.signal,
    );
  }
  const onTerminal = io.stdout.isTTY === true || mode === 'tty';
  const none = sessions.length === 0 ? emptyWords(context) : undefined;
  if (!onTerminal) {
    if (none !== undefined) io.stderr.write(`${none}\n`);
    const rows = sessions.map(sessionItem);
    return await writeLines(
      io.stdout,
      renderTsv(rows, fieldColumns(fields ?? ITEM_FIELDS), { header: flags.header !== false }),
      io.signal,
    );
  }
  await writeLines(
    io.stdout,
    none === undefined ? await draw(context, sessions, all.length) : [none],
    io.signal,
  );
}

function emptyWords({ io, settings }: Context): string {
  return keepsSessions(io, settings)
    ? 'No conversation is kept yet. Start one: ollama-cli chat'
    : 'No conversation is kept, and none will be: history or sessions is off in the configuration or the environment.';
}

async function draw(
  { io, settings, flags }: Context,
  sessions: readonly SessionSummary[],
  total: number,
): Promise<string[]> {
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const look = await openLook(io, io.stdout, settings);
  const fields = readFields(flags);
  const known = sessionColumns(io.now());
  const columns = fields?.map((key) => known.find((column) => column.key === key) ?? plainColumn(key));
  const lines = renderTerminalTable(sessions, columns ?? known, {
    width: look.width,
    styles: look.styles,
    ellipsis: look.symbols.ellipsis,
  });
  const count = `${total} ${total === 1 ? 'conversation' : 'conversations'}`;
  const more = sessions.length < total ? `${sessions.length} of ${count}` : count;
  const next = `go on with one: ollama-cli chat --resume ${cleanLine(sessions[0]?.id ?? 'ID')}`;
  return [...lines, '', look.styles.dim(`${more}; ${next}`)];
}

function plainColumn(key: string): Column<SessionSummary> {
  const text = (session: SessionSummary): string => fieldText(sessionItem(session)[key]);
  return { key, title: key.toUpperCase(), value: text, raw: text };
}
