import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { failureJson, toFailure, toOllamaError } from '../failure.js';
import type { CheckedModel, HashProgress, Integrity } from '../models/verify.js';
import type { Check } from '../models/verify-library.js';
import type { RepairPlan } from '../models/verify-repair.js';
import type { Register } from '../command.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';

interface VerifyFlags {
  readonly repair?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly modelsDir?: string;
  readonly header?: boolean;
}

/** Declares `verify`. */
export const register: Register = (program, action) => {
  program
    .command('verify')
    .helpGroup('Models:')
    .summary('whether models are whole')
    .description(
      "Checks installed models: hashes their blobs where the server's models folder is at hand, elsewhere only asks whether they are there. Exit 6 if one is not whole.",
    )
    .argument('[model...]', 'names, or globs such as "qwen2*"; all without one')
    .option('--repair', 'after a plan and a yes: fetch again what is broken')
    .option('-n, --dry-run', 'with --repair: only the plan')
    .option('-y, --yes', 'do not ask')
    .option('--models-dir <dir>', "the server's models folder, where it is not in its usual place")
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(verify));
};

const ITEM_FIELDS = ['name', 'state', 'layers', 'reason'];

/** A repair: what was planned, and which pulls failed once it was done. */
interface Repair {
  readonly plan: RepairPlan;
  readonly failed: readonly { readonly model: string; readonly error: OllamaError }[];
}

async function verify(context: Context, words: readonly string[], flags: VerifyFlags): Promise<void> {
  for (const word of words) if (!isGlob(word)) checkModelName(word);
  checkFields(readFields(context.flags) ?? [], ITEM_FIELDS);
  if (flags.dryRun === true && flags.repair !== true) {
    throw new OllamaError('usage', '--dry-run goes with --repair: verify by itself changes nothing.');
  }
  const { checkLibrary, checkAgain, planFor } = await import('../models/verify-library.js');
  const progress = await openProgress(context);
  const options = { dir: flags.modelsDir, onProgress: progress.onProgress };
  const check = await checkLibrary(context, words, options).finally(() => progress.end());
  if (flags.repair !== true) {
    await tell(context, check, flags);
    return endWith(context, check.integrity);
  }
  const plan = await planFor(context, check);
  // Of a plan alone, a pipe gets the plan: it is the answer.
  if (context.mode === 'tty' || (context.mode === 'plain' && flags.dryRun !== true)) {
    await tell(context, check, flags);
  }
  await tellPlan(context, plan, flags);
  if (flags.dryRun === true || plan.blobs.length === 0) {
    if (context.mode === 'json') await tell(context, check, flags, { plan, failed: [] });
    if (flags.dryRun === true && plan.left.length === 0) return;
    return endWith(context, check.integrity);
  }
  if (flags.yes !== true) await confirm(context, check, plan, flags);
  const failed = await apply(context, plan);
  const again = await checkAgain(context, check, plan, options).finally(() => progress.end());
  if (context.mode === 'json' || context.flags.quiet !== true) {
    await tell(context, again, flags, { plan, failed });
  }
  const [first] = failed;
  if (first) throw first.error;
  endWith(context, again.integrity);
}

function isGlob(word: string): boolean {
  return /[*?]/.test(word);
}

/** What is told while it is hashed: a bar on a terminal, lines in a log. */
async function openProgress(context: Context): Promise<{ onProgress?: HashProgress; end(): void }> {
  const { io, settings, mode, progressMode, flags } = context;
  if (mode === 'json' || flags.quiet === true) return { end: () => undefined };
  const { openCheckBar } = await import('../output/check-bar.js');
  const { openLook } = await import('../output/look.js');
  const bar = openCheckBar({
    stream: io.stderr,
    look: await openLook(io, io.stderr, settings),
    live: progressMode === 'tty' && settings.progress !== 'lines',
    now: () => io.now(),
  });
  return { onProgress: (...at) => bar.show(...at), end: () => bar.end() };
}

async function tellPlan(context: Context, plan: RepairPlan, flags: VerifyFlags): Promise<void> {
  const { io, mode } = context;
  if (mode === 'json') return;
  const { planLines } = await import('../models/verify-words.js');
  const lines = planLines(plan);
  const isAnswer = flags.dryRun === true;
  if (!isAnswer && flags.yes === true && context.flags.quiet === true) return;
  const head = lines.length === 0 ? 'Nothing is broken.' : 'To repair this:';
  await writeLines(isAnswer ? io.stdout : io.stderr, [head, ...lines], io.signal);
}

async function confirm(context: Context, check: Check, plan: RepairPlan, flags: VerifyFlags): Promise<void> {
  const host = context.client.host.display;
  try {
    if (await askOrDecline(context, `Repair ${plan.pull.join(', ')} on ${host}?`)) return;
  } catch (error) {
    if (context.mode === 'json') await tell(context, check, flags, { plan, failed: [] });
    throw error;
  }
  throw new OllamaError('declined', 'Nothing was repaired.', { host: context.client.host.url });
}

async function apply(context: Context, plan: RepairPlan): Promise<Repair['failed']> {
  const { client, io, mode } = context;
  const { clearTheWay } = await import('../models/verify-repair.js');
  await clearTheWay(context, plan);
  if (mode !== 'json') {
    const { pullAll } = await import('../pulls/pull-all.js');
    const outcome = await pullAll(withoutFields(context), plan.pull, { yes: true, keepGoing: true });
    if (outcome.error?.code === 'interrupted') throw outcome.error;
    return outcome.failed;
  }
  const failed: { model: string; error: OllamaError }[] = [];
  for (const model of plan.pull) {
    try {
      await client.pullWithReporter(model, { onEvent: () => undefined }, { signal: io.signal });
    } catch (thrown) {
      const error = toOllamaError(thrown);
      if (error.code === 'interrupted') throw error;
      failed.push({ model, error });
    }
  }
  return failed;
}

/** The fields that were asked for are those of this answer, not of a pull's events. */
function withoutFields(context: Context): Context {
  const kept = Object.entries(context.flags).filter(([flag]) => flag !== 'fields');
  return { ...context, flags: Object.fromEntries(kept) };
}

const COLUMNS: readonly Column<CheckedModel & { readonly told: string }>[] = [
  { key: 'name', title: 'NAME', value: ({ name }) => name, raw: ({ name }) => name, shrink: 'middle' },
  { key: 'state', title: 'STATE', value: ({ state }) => state, raw: ({ state }) => state },
  { key: 'layers', title: 'LAYERS', value: ({ told }) => told, raw: ({ told }) => told, shrink: 'end' },
];

async function tell(context: Context, check: Check, flags: VerifyFlags, repair?: Repair): Promise<void> {
  const { io, mode, client, settings } = context;
  const fields = readFields(context.flags);
  const { integrity, sight, orphans } = check;
  if (mode === 'json') {
    const document = documentOf(check, client.host.url, flags, repair);
    return await writeJson(
      io,
      fields === undefined ? document : pickFields(document, 'models', fields, ITEM_FIELDS),
    );
  }
  if (context.flags.quiet === true) return;
  const { checkLines, countStates } = await import('../models/verify-words.js');
  const rows = integrity.models.map((model) => ({ ...model, told: countStates(model) }));
  const columns = fields === undefined ? COLUMNS : COLUMNS.filter(({ key }) => fields.includes(key));
  const where = sight.folder?.path ?? sight.why ?? '';
  const words = checkLines(integrity, orphans, sight.folder?.notes ?? [], where);
  if (io.stdout.isTTY !== true && mode !== 'tty') {
    await writeLines(io.stdout, renderTsv(rows, columns, { header: flags.header !== false }), io.signal);
    return await writeLines(io.stderr, words, io.signal);
  }
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const { styles, symbols, width } = await openLook(io, io.stdout, settings);
  const table = renderTerminalTable(rows, columns, { width, styles, ellipsis: symbols.ellipsis });
  const lines = rows.length === 0 ? [] : [...table, ''];
  await writeLines(io.stdout, [...lines, ...words.map((line) => styles.dim(line))], io.signal);
}

function documentOf(
  { integrity, sight, orphans }: Check,
  host: string,
  flags: VerifyFlags,
  repair: Repair | undefined,
): object {
  const { folder, why } = sight;
  const notes = folder ? folder.notes : [`not hashed: ${why}`];
  const told = repair?.failed.map(({ model, error }) => ({
    name: model,
    error: failureJson(toFailure(error)),
  }));
  return {
    host,
    ...(flags.dryRun === true ? { dry_run: true } : {}),
    depth: integrity.depth,
    models: integrity.models,
    ...(folder === undefined ? {} : { folder: folder.path, orphans }),
    ...(notes.length === 0 ? {} : { notes }),
    ...(repair === undefined
      ? {}
      : { repair: { ...repair.plan, ...(told === undefined || told.length === 0 ? {} : { failed: told }) } }),
  };
}

/** Throws the one error that tells which models are not whole. */
function endWith({ client }: Context, { models }: Integrity): void {
  const bad = models.filter(({ state }) => state === 'missing' || state === 'short' || state === 'corrupt');
  const [first] = bad;
  if (!first) return;
  const names = bad.map(({ name }) => name).join(', ');
  const message =
    models.length === 1
      ? `${names} is not whole.`
      : `${bad.length} of ${models.length} models ${bad.length === 1 ? 'is' : 'are'} not whole: ${names}.`;
  throw new OllamaError('digest_mismatch', message, {
    host: client.host.url,
    ...(bad.length === 1 ? { model: first.name } : {}),
    hint: 'verify --repair fetches again what is broken, after a plan and a yes',
  });
}
