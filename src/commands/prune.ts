import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import type { InstalledModel } from '../core/wire.js';
import { failureJson, sumErrors, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { checkFields, fieldText, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv } from '../output/table.js';
import { writeLines } from '../output/write.js';
import type { OutputStream } from '../io.js';
import type { Outcome, Register } from '../command.js';
import type { Candidate } from '../models/unused.js';
import type { FreedTold } from '../models/freed.js';

interface PruneFlags {
  readonly olderThan: string;
  readonly keep?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
}

/** Declares `prune`. */
export const register: Register = (program, action) => {
  program
    .command('prune')
    .helpGroup('Models:')
    .summary('remove models that are not used')
    .description(
      'Removes models that this program has not used for long, after saying which, why, and what that frees. What other programs use, it cannot know. Loaded models and default_model stay. Asks in a terminal; without one it needs --yes.',
    )
    .option('--older-than <age>', 'neither used nor changed for so long: 12h, 30d, 2w', '90d')
    .option('--keep <glob>', 'never these; repeats', (value, before: readonly string[] = []) => [
      ...before,
      value,
    ])
    .option('-n, --dry-run', 'only say what would be removed')
    .option('-y, --yes', 'do not ask')
    .option('-f, --force', 'the same as --yes')
    .action(action(prune));
};

/** What one candidate is told with. */
const ITEM_FIELDS = ['name', 'size', 'last_used', 'reason'];

interface Removal {
  readonly removed: InstalledModel[];
  readonly failed: { readonly name: string; readonly error: OllamaError }[];
}

/** What is to go, and how many bytes the removal of some of it frees. */
interface Plan {
  readonly candidates: readonly Candidate[];
  freed(removed: readonly InstalledModel[]): Pick<FreedTold, 'bytes' | 'amount'>;
}

async function prune(context: Context, flags: PruneFlags): Promise<Outcome> {
  const { parseAge, parseFlag } = await import('../config/duration.js');
  const olderThan = parseFlag('--older-than', flags.olderThan, parseAge);
  checkFields(readFields(context.flags) ?? [], ITEM_FIELDS);
  const plan = await makePlan(context, olderThan, flags);
  const outcome: Removal = { removed: [], failed: [] };
  if (flags.dryRun === true || plan.candidates.length === 0) {
    await tellPlan(context, plan, flags);
    return 0;
  }
  const asks = flags.yes !== true && flags.force !== true;
  // Nothing goes without having been named first.
  if (context.mode !== 'json' && (asks || context.flags.quiet !== true)) {
    const { stderr, signal } = context.io;
    await writeLines(stderr, await describe(context, stderr, plan.candidates), signal);
  }
  if (asks) await confirm(context, plan);
  try {
    await removeAll(context, plan, outcome);
  } catch (error) {
    // Ctrl-C between two of them: what is gone is told all the same.
    if (outcome.removed.length > 0) await tellOutcome(context, plan, outcome);
    throw error;
  }
  await tellOutcome(context, plan, outcome);
  return endWith(context, outcome);
}

async function makePlan(context: Context, olderThan: number, flags: PruneFlags): Promise<Plan> {
  const { io, client, settings } = context;
  const { findUnused } = await import('../models/unused.js');
  const { keepsHistory, readUses } = await import('../models/usage.js');
  const [installed, loaded, uses] = await Promise.all([
    client.list({ signal: io.signal, force: true }),
    client.running({ signal: io.signal }),
    readUses(io, client.host.url),
  ]);
  const candidates = findUnused(installed, {
    uses,
    loaded,
    keep: [...(flags.keep ?? []), ...(settings.default_model === undefined ? [] : [settings.default_model])],
    olderThan,
    now: io.now(),
  });
  if (!keepsHistory(io, settings) && context.mode !== 'json' && context.flags.quiet !== true)
    io.stderr.write(
      'History is off, so no use is recorded: newer uses than those told here are not known.\n',
    );
  if (candidates.length === 0) return { candidates, freed: () => ({ bytes: 0, amount: '0 B' }) };
  const { measureFreed } = await import('../models/freed.js');
  const measure = await measureFreed(context, installed);
  return { candidates, freed: (removed) => measure(removed.map(({ name }) => name)) };
}

function modelsOf({ candidates }: Plan): InstalledModel[] {
  return candidates.map(({ model }) => model);
}

async function confirm(context: Context, plan: Plan): Promise<void> {
  const { host } = context.client;
  const count = plan.candidates.length === 1 ? 'this model' : `these ${plan.candidates.length} models`;
  const freed = plan.freed(modelsOf(plan)).amount;
  if (await askOrDecline(context, `Remove ${count} from ${host.display}, which frees ${freed}?`)) return;
  throw new OllamaError('declined', 'Nothing was removed.', { host: host.url });
}

/** The candidates with their sizes and reasons, as lines for people. */
async function describe(
  { io, settings }: Context,
  stream: OutputStream,
  candidates: readonly Candidate[],
): Promise<string[]> {
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const look = await openLook(io, stream, settings);
  const text = (of: (candidate: Candidate) => string) => ({ value: of, raw: of });
  return renderTerminalTable(
    candidates,
    [
      { key: 'name', title: 'NAME', ...text(({ model }) => model.name), shrink: 'middle' },
      { key: 'size', title: 'SIZE', ...text(({ model }) => formatBytes(model.size)), align: 'right' },
      { key: 'reason', title: 'WHY', ...text(({ reason }) => reason), shrink: 'end' },
    ],
    { width: look.isTerminal ? look.width : Infinity, styles: look.styles, ellipsis: look.symbols.ellipsis },
  );
}

function plain({ model, lastUsed, reason }: Candidate): Record<string, unknown> {
  const { name, size } = model;
  const used = lastUsed === undefined ? {} : { last_used: new Date(lastUsed).toISOString() };
  return { name, size, ...used, reason };
}

async function removeAll(
  { io, mode, client, flags }: Context,
  { candidates }: Plan,
  outcome: Removal,
): Promise<void> {
  const isTold = mode !== 'json' && flags.quiet !== true;
  // The question may have waited for its answer, and a model been loaded meanwhile.
  const loaded = new Set((await client.running({ signal: io.signal })).map(({ name }) => name));
  for (const { model } of candidates) {
    if (loaded.has(model.name)) {
      if (isTold) io.stderr.write(`kept ${cleanLine(model.name)}: it is loaded by now\n`);
      continue;
    }
    try {
      await client.delete(model.name, { signal: io.signal });
      outcome.removed.push(model);
    } catch (thrown) {
      const error = toOllamaError(thrown);
      if (error.code === 'interrupted') throw error;
      // Somebody else was faster: it is gone, as it should be.
      if (error.code !== 'model_not_found') outcome.failed.push({ name: model.name, error });
    }
  }
}

/** A dry run, or that there is nothing to do. */
async function tellPlan(context: Context, plan: Plan, { dryRun, olderThan }: PruneFlags): Promise<void> {
  const { io, mode, client, flags } = context;
  const freed = plan.freed(modelsOf(plan));
  if (mode === 'json') {
    return await writeDocument(context, {
      host: client.host.url,
      ...(dryRun === true ? { dry_run: true } : {}),
      candidates: plan.candidates.map(plain),
      removed: [],
      failed: [],
      freed_bytes: freed.bytes,
    });
  }
  if (flags.quiet === true && dryRun !== true) return;
  const isTerminal = io.stdout.isTTY === true || mode === 'tty';
  if (!isTerminal && dryRun === true) return await writeLines(io.stdout, table(plan, flags), io.signal);
  const lines =
    plan.candidates.length === 0
      ? [
          `Nothing to prune on ${client.host.display}: every model was used or changed within ${cleanLine(olderThan)}, is loaded, or is kept.`,
        ]
      : [...(await describe(context, io.stdout, plan.candidates)), '', `${freed.amount} would be freed.`];
  await writeLines(io.stdout, lines, io.signal);
}

/** The candidates for a pipe. */
function table(plan: Plan, flags: Context['flags']): string[] {
  const rows = plan.candidates.map(plain);
  const columns = (readFields(flags) ?? ITEM_FIELDS).map((key) => {
    const text = (row: Record<string, unknown>): string => fieldText(row[key]);
    return { key, title: key, value: text, raw: text };
  });
  return renderTsv(rows, columns, { header: true });
}

async function tellOutcome(context: Context, plan: Plan, { removed, failed }: Removal): Promise<void> {
  const { io, mode, client, flags } = context;
  const freed = plan.freed(removed);
  if (mode === 'json') {
    return await writeDocument(context, {
      host: client.host.url,
      candidates: plan.candidates.map(plain),
      removed: removed.map(({ name, size }) => ({ name, size })),
      failed: failed.map(({ name, error }) => ({ name, error: failureJson(toFailure(error)) })),
      freed_bytes: freed.bytes,
    });
  }
  if (flags.quiet === true) return;
  const lines = removed.map(({ name, size }) => `removed ${cleanLine(name)}, ${formatBytes(size)}`);
  await writeLines(io.stdout, [...lines, `${freed.amount} freed`], io.signal);
}

async function writeDocument({ io, flags }: Context, document: object): Promise<void> {
  const fields = readFields(flags);
  await writeJson(
    io,
    fields === undefined ? document : pickFields(document, 'candidates', fields, ITEM_FIELDS),
  );
}

/** 0, or throws the one error that tells of all that did not work. */
function endWith({ client }: Context, { removed, failed }: Removal): Outcome {
  const why = failed.map(({ name, error }) => `${name} (${error.message})`).join(', ');
  const message = `${failed.length} of ${failed.length + removed.length} could not be removed: ${why}.`;
  const errors = failed.map(({ error }) => error);
  const error = sumErrors(errors, removed.length, { message, host: client.host.url });
  if (error) throw error;
  return 0;
}
