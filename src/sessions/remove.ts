import { parseAge, parseFlag } from '../config/duration.js';
import { isGlob, matchGlob } from '../config/glob.js';
import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { isOllamaError, OllamaError } from '../core/errors.js';
import { systemCode } from '../core/http-errors.js';
import { failureJson, sumErrors, toFailure } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeLines } from '../output/write.js';
import type { OutputStream } from '../io.js';
import { sessionColumns } from './list.js';
import { findSession, listSessions, removeSession, type SessionSummary } from './store.js';

/** What `sessions rm` takes. */
export interface RmFlags {
  readonly all?: boolean;
  readonly olderThan?: string;
  readonly dryRun?: boolean;
  readonly ignoreMissing?: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
}

/** What one removed conversation is told with. */
const ITEM_FIELDS = ['id', 'title'];

interface Missing {
  readonly word: string;
  readonly error: OllamaError;
}

interface Removal {
  readonly removed: SessionSummary[];
  readonly missing: readonly Missing[];
  readonly failed: { readonly id: string; readonly error: OllamaError }[];
}

/**
 * Removes kept conversations, after saying which. Throws `usage` where none is named, `declined`, and what sums up those
 * that are missing or could not be removed.
 */
export async function removeSessions(
  context: Context,
  words: readonly string[],
  flags: RmFlags,
): Promise<number> {
  const { io, mode } = context;
  if (words.length === 0 && flags.all !== true && flags.olderThan === undefined) {
    throw new OllamaError('usage', 'Say which: an id, a glob, --all or --older-than.', {
      hint: 'ollama-cli sessions list shows them',
    });
  }
  if (words.length > 0 && flags.all === true)
    throw new OllamaError('usage', '--all is all of them: it takes no names.');
  checkFields(readFields(context.flags) ?? [], ITEM_FIELDS);
  const age =
    flags.olderThan === undefined ? undefined : parseFlag('--older-than', flags.olderThan, parseAge);
  const before = age === undefined ? Infinity : io.now() - age;
  const { chosen, missing } = await choose(context, words);
  // One of which nothing says when it was last used may have been used just now.
  const targets = chosen.filter(({ updatedAt }) => age === undefined || Date.parse(updatedAt) < before);
  const asks = flags.yes !== true && flags.force !== true;
  if (flags.dryRun === true) {
    const plan: Removal = { removed: targets, missing, failed: [] };
    await tellPlan(context, plan);
    return endWith(plan, flags);
  }
  if (asks && targets.length > 0) await confirm(context, targets);
  const outcome: Removal = { removed: [], missing, failed: [] };
  for (const target of targets) {
    if (io.signal.aborted) break;
    await remove(context, target, outcome);
  }
  await tellOutcome(context, outcome);
  io.signal.throwIfAborted();
  if (mode !== 'json' && targets.length === 0 && missing.length === 0 && context.flags.quiet !== true)
    io.stderr.write('No kept conversation fits: nothing was removed.\n');
  return endWith(outcome, flags);
}

async function choose(
  { io }: Context,
  words: readonly string[],
): Promise<{ readonly chosen: readonly SessionSummary[]; readonly missing: readonly Missing[] }> {
  const all = await listSessions(io);
  if (words.length === 0) return { chosen: all, missing: [] };
  const ids = new Set<string>();
  const missing: Missing[] = [];
  for (const word of words) {
    try {
      const matched = isGlob(word) ? matchIds(word, all) : [];
      // Many a title is a question: what fits no id may be one.
      const found = matched.length > 0 ? matched : [await findSession(io, word)];
      for (const id of found) ids.add(id);
    } catch (error) {
      if (!isOllamaError(error)) throw error;
      missing.push({ word, error });
    }
  }
  return { chosen: all.filter(({ id }) => ids.has(id)), missing };
}

function matchIds(glob: string, sessions: readonly SessionSummary[]): string[] {
  return sessions.filter(({ id }) => matchGlob(glob, id)).map(({ id }) => id);
}

async function remove({ io }: Context, target: SessionSummary, outcome: Removal): Promise<void> {
  try {
    await removeSession(io, target.id);
    outcome.removed.push(target);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    // Somebody else was faster: it is gone, as it should be.
    if (systemCode(cause) === 'ENOENT') outcome.removed.push(target);
    else outcome.failed.push({ id: target.id, error: new OllamaError('internal', why, { cause }) });
  }
}

/** The conversations as lines for people. */
async function describe(
  { io, settings }: Context,
  stream: OutputStream,
  sessions: readonly SessionSummary[],
): Promise<string[]> {
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const look = await openLook(io, stream, settings);
  return renderTerminalTable(sessions, sessionColumns(io.now()), {
    width: look.isTerminal ? look.width : Infinity,
    styles: look.styles,
    ellipsis: look.symbols.ellipsis,
  });
}

async function confirm(context: Context, targets: readonly SessionSummary[]): Promise<void> {
  const { io, mode } = context;
  if (mode !== 'json') await writeLines(io.stderr, await describe(context, io.stderr, targets), io.signal);
  const count = targets.length === 1 ? 'this conversation' : `these ${targets.length} conversations`;
  if (await askOrDecline(context, `Remove ${count} for good?`)) return;
  throw new OllamaError('declined', 'Nothing was removed.');
}

function plain({ id, title }: SessionSummary): object {
  return { id, title };
}

async function tellPlan(context: Context, plan: Removal): Promise<void> {
  const { io, mode } = context;
  if (mode === 'json') return await writeDocument(context, plan, { dry_run: true });
  const targets = plan.removed;
  const end = targets.length === 0 ? 'Nothing would be removed.' : `${targets.length} would be removed.`;
  const lines = targets.length === 0 ? [] : await describe(context, io.stdout, targets);
  await writeLines(io.stdout, [...lines, end], io.signal);
}

async function tellOutcome(context: Context, outcome: Removal): Promise<void> {
  const { io, mode, flags } = context;
  if (mode === 'json') return await writeDocument(context, outcome);
  if (flags.quiet === true) return;
  const lines = outcome.removed.map(
    ({ id, title }) => `removed ${id}${title === '' ? '' : `, ${cleanLine(title)}`}`,
  );
  await writeLines(io.stdout, lines, io.signal);
}

async function writeDocument(
  { io, flags }: Context,
  { removed, missing, failed }: Removal,
  more: object = {},
): Promise<void> {
  const document = {
    ...more,
    removed: removed.map(plain),
    missing: missing.map(({ word }) => word),
    failed: failed.map(({ id, error }) => ({ id, error: failureJson(toFailure(error)) })),
  };
  const fields = readFields(flags);
  await writeJson(io, fields === undefined ? document : pickFields(document, 'removed', fields, ITEM_FIELDS));
}

/** 0, or throws the one error that tells of all that did not work. */
function endWith({ removed, missing, failed }: Removal, flags: RmFlags): number {
  const absent = flags.ignoreMissing === true ? [] : missing;
  const errors = [...absent.map(({ error }) => error), ...failed.map(({ error }) => error)];
  const why = [
    ...absent.map(({ error }) => error.message.replace(/\.$/, '')),
    ...failed.map(({ id, error }) => `${id} (${error.message})`),
  ].join('; ');
  const message = `${errors.length} of ${errors.length + removed.length} could not be removed: ${why}.`;
  const error = sumErrors(errors, removed.length, { message });
  if (error) throw error;
  return 0;
}
