import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { formatAge } from '../format/age.js';
import { checkFields, fieldColumns, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv } from '../output/table.js';
import { writeLines } from '../output/write.js';
import { ITEM_FIELDS, sessionItem } from './list.js';
import { excerpt, readWanted, searchSession, type Match, type Wanted } from './search.js';
import { readSessions, summarize, type SessionSummary } from './store.js';

type Found = SessionSummary & { readonly matches: readonly Match[] };

const FOUND_FIELDS = [...ITEM_FIELDS, 'matches'];

/** How many lines of one conversation a person is shown. */
const SHOWN = 3;
const NONE = 'No kept conversation has all of these words.';

/** Tells which conversations have all of the words, and where. Finding none is no failure. Throws `usage`. */
export async function tellFound(
  context: Context,
  texts: readonly string[],
  flags: { readonly header?: boolean },
): Promise<void> {
  const { io, mode } = context;
  const wanted = readWanted(texts);
  if (!wanted) throw new OllamaError('usage', 'There is no word to look for.');
  const fields = readFields(context.flags);
  if (fields) checkFields(fields, FOUND_FIELDS);
  const found = await readSessions(io, (session): Found | undefined => {
    const matches = searchSession(session, wanted);
    return matches.length === 0 ? undefined : { ...summarize(session), matches };
  });
  if (mode === 'json') {
    const document = { items: found.map(foundItem), total: found.length };
    return await writeJson(
      io,
      fields === undefined ? document : pickFields(document, 'items', fields, FOUND_FIELDS),
    );
  }
  if (context.flags.quiet === true) {
    return await writeLines(
      io.stdout,
      found.map(({ id }) => id),
      io.signal,
    );
  }
  const onTerminal = io.stdout.isTTY === true || mode === 'tty';
  const lines = onTerminal
    ? await draw(context, found, wanted)
    : table(found, fields, flags.header !== false);
  if (found.length === 0 && !onTerminal) io.stderr.write(`${NONE}\n`);
  await writeLines(io.stdout, lines, io.signal);
}

function matchItem({ message, role, text }: Match): object {
  return message === undefined ? { in: 'title', text } : { in: 'message', message, role, text };
}

function foundItem(one: Found): Record<string, unknown> {
  return { ...sessionItem(one), matches: one.matches.map(matchItem) };
}

/** For a pipe: a row for each conversation with the fields that were asked for, else a row for each line. */
function table(found: readonly Found[], fields: readonly string[] | undefined, header: boolean): string[] {
  const rows: Record<string, unknown>[] =
    fields === undefined
      ? found.flatMap(({ id, title, matches }) =>
          matches.map(({ role, text }) => ({ id, title, role, text })),
        )
      : found.map(foundItem);
  return renderTsv(rows, fieldColumns(fields ?? ['id', 'title', 'role', 'text']), { header });
}

/** For a person: each conversation on a line, and the lines that were found under it, their words marked. */
async function draw({ io, settings }: Context, found: readonly Found[], wanted: Wanted): Promise<string[]> {
  if (found.length === 0) return [NONE];
  const { openLook } = await import('../output/look.js');
  const { truncateEnd } = await import('../format/width.js');
  const { styles, width, symbols } = await openLook(io, io.stdout, settings);
  const indent = '  ';
  const room = Math.max(1, width - indent.length);
  const mark = (line: string): string => line.replace(wanted.any, (word) => styles.accent(word));
  const lines = found.flatMap(({ id, title, updatedAt, matches }) => {
    const facts = ` ${symbols.dot} ${formatAge(updatedAt, io.now())}`;
    const head = truncateEnd(`${id}  ${title}`, Math.max(1, width - facts.length), symbols.ellipsis);
    const shown = matches.filter(({ message }) => message !== undefined).slice(0, SHOWN);
    return [
      `${styles.bold(id)}${mark(head.slice(id.length))}${styles.dim(facts)}`,
      ...shown.map(({ text }) => {
        const line = excerpt(text, wanted, room - 2);
        return indent + mark(truncateEnd(line, room, symbols.ellipsis));
      }),
    ];
  });
  const count = found.length === 1 ? '1 conversation' : `${found.length} conversations`;
  return [...lines, '', styles.dim(`${count}; read one: ollama-cli sessions show ${found[0]?.id ?? 'ID'}`)];
}
