import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { isGlob } from '../config/glob.js';
import { OllamaError } from '../core/errors.js';
import type { InstalledModel } from '../core/wire.js';
import { failureJson, sumErrors, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeText } from '../output/write.js';
import type { FreedTold } from '../models/freed.js';
import { checkModelWords, meansModel, notInstalled } from '../models/words.js';
import type { Outcome, Register } from '../command.js';

interface RmFlags {
  readonly dryRun?: boolean;
  readonly ignoreMissing?: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
}

/** Declares `rm`. */
export const register: Register = (program, action) => {
  program
    .command('rm')
    .helpGroup('Models:')
    .summary('remove models')
    .description(
      'Removes models, after saying which and how large. Asks in a terminal; without one it needs --yes.',
    )
    .argument('<model...>', 'names, or globs such as "qwen2*"')
    .option('-n, --dry-run', 'only say what would be removed')
    .option('--ignore-missing', 'a model that is not there is no failure')
    .option('-y, --yes', 'do not ask')
    .option('-f, --force', 'the same as --yes')
    .action(action(rm));
};

/** What one removed model is told with. */
const ITEM_FIELDS = ['name', 'size'];

/** One name to remove; the size is unknown where the list does not have it. */
interface Target {
  readonly name: string;
  readonly size: number | undefined;
}

async function rm(context: Context, words: readonly string[], flags: RmFlags): Promise<Outcome> {
  const { io, client } = context;
  checkModelWords(words);
  checkFields(readFields(context.flags) ?? [], ITEM_FIELDS);
  const installed = await client.list({ signal: io.signal, force: true });
  const { targets, unmatched } = choose(words, installed);

  const asks = flags.dryRun !== true && flags.yes !== true && flags.force !== true;
  const freed = await openFreed(context, installed, targets, asks || flags.dryRun === true);
  if (flags.dryRun === true) return await tellPlan(context, targets, unmatched, flags, freed);
  if (asks && targets.some(({ size }) => size !== undefined)) await confirm(context, targets, freed);
  const outcome: Removal = { removed: [], missing: [...unmatched], failed: [] };
  try {
    const { openUnloading } = await import('../models/unload.js');
    const unload = await openUnloading(context);
    for (const target of targets) {
      await unload(target.name);
      await remove(context, target, outcome);
    }
  } catch (error) {
    // Ctrl-C between two of them: what is gone is told all the same.
    if (outcome.removed.length > 0) await tellOutcome(context, outcome, freed);
    throw error;
  }
  await tellOutcome(context, outcome, freed);
  return endWith(context, outcome, flags);
}

/** What removing some of the models frees; undefined where that could not be found out, or is not told. */
type MeasureFreed = (targets: readonly Target[]) => FreedTold | undefined;

/** Finds out what the models share, before any of them goes. What can't be found out is only not told. */
async function openFreed(
  context: Context,
  installed: readonly InstalledModel[],
  targets: readonly Target[],
  asks: boolean,
): Promise<MeasureFreed> {
  const isTold = asks || context.mode === 'json' || context.flags.quiet !== true;
  if (!isTold || targets.every(({ size }) => size === undefined)) return () => undefined;
  try {
    const { measureFreed } = await import('../models/freed.js');
    const measure = await measureFreed(context, installed);
    return (gone) => measure(gone.map(({ name }) => name));
  } catch (error) {
    if (toOllamaError(error).code === 'interrupted') throw error;
    return () => undefined;
  }
}

function choose(
  words: readonly string[],
  installed: readonly InstalledModel[],
): { targets: Target[]; unmatched: string[] } {
  const targets = new Map<string, Target>();
  const unmatched: string[] = [];
  for (const word of words) {
    const found = installed.filter(({ name }) => meansModel(word, name));
    for (const { name, size } of found) targets.set(name, { name, size });
    // Only the server's own 404 says that a model is absent: a name is asked for even where the list lacks it.
    if (found.length === 0 && isGlob(word)) unmatched.push(word);
    else if (found.length === 0) targets.set(word, { name: word, size: undefined });
  }
  return { targets: [...targets.values()], unmatched };
}

function describe(targets: readonly Target[]): string {
  const known = targets.filter(({ size }) => size !== undefined);
  return known.map(({ name, size }) => `  ${cleanLine(name)}  ${formatBytes(size ?? 0)}\n`).join('');
}

/** `0 B would be freed: 816 kB are shared with gemma3:1b.` */
function freedLine(freed: FreedTold | undefined, verb: string): string {
  if (freed === undefined) return '';
  return `${freed.amount} ${verb}${freed.sharing === '' ? '' : `: ${freed.sharing}`}.`;
}

function totalOf(targets: readonly Target[]): string {
  return formatBytes(targets.reduce((sum, { size }) => sum + (size ?? 0), 0));
}

async function confirm(context: Context, targets: readonly Target[], measure: MeasureFreed): Promise<void> {
  const known = targets.filter(({ size }) => size !== undefined);
  const count = known.length === 1 ? 'this model' : `these ${known.length} models`;
  if (context.mode !== 'json') context.io.stderr.write(describe(targets));
  const host = context.client.host.display;
  const freed = measure(known);
  const sharing = freed?.sharing ? ` (${freed.sharing})` : '';
  const question = `Remove ${count} from ${host}, which frees ${freed?.amount ?? `at most ${totalOf(known)}`}${sharing}?`;
  if (!(await askOrDecline(context, question))) {
    throw new OllamaError('declined', 'Nothing was removed.', { host: context.client.host.url });
  }
}

interface Removal {
  readonly removed: { name: string; size: number | undefined }[];
  readonly missing: string[];
  readonly failed: { name: string; error: OllamaError }[];
}

async function remove({ io, client }: Context, target: Target, outcome: Removal): Promise<void> {
  try {
    await client.delete(target.name, { signal: io.signal });
    outcome.removed.push(target);
  } catch (thrown) {
    const error = toOllamaError(thrown);
    if (error.code === 'interrupted') throw error;
    if (error.code === 'model_not_found') outcome.missing.push(target.name);
    else outcome.failed.push({ name: target.name, error });
  }
}

function plain({ name, size }: Target): object {
  return size === undefined ? { name } : { name, size };
}

async function tellPlan(
  context: Context,
  targets: readonly Target[],
  unmatched: readonly string[],
  flags: RmFlags,
  measure: MeasureFreed,
): Promise<Outcome> {
  const { io, mode, client } = context;
  const known = targets.filter(({ size }) => size !== undefined);
  const freed = measure(known);
  const missing = [...unmatched, ...targets.filter(({ size }) => size === undefined).map(({ name }) => name)];
  if (mode === 'json') {
    await writeDocument(context, {
      host: client.host.url,
      dry_run: true,
      removed: known.map(plain),
      missing,
      failed: [],
      ...(freed?.known === true ? { freed_bytes: freed.bytes } : {}),
    });
  } else {
    const end =
      known.length === 0
        ? 'Nothing would be removed.'
        : freedLine(freed, 'would be freed') || `At most ${totalOf(known)} would be freed.`;
    await writeText(io.stdout, `${describe(known)}${end}\n`, io.signal);
  }
  return endWith(context, { removed: [...known], missing, failed: [] }, flags);
}

async function tellOutcome(context: Context, outcome: Removal, measure: MeasureFreed): Promise<void> {
  const { io, mode, client } = context;
  const freed = measure(outcome.removed);
  if (mode === 'json') {
    await writeDocument(context, {
      host: client.host.url,
      removed: outcome.removed.map(plain),
      missing: outcome.missing,
      failed: outcome.failed.map(({ name, error }) => ({ name, error: failureJson(toFailure(error)) })),
      ...(freed?.known === true ? { freed_bytes: freed.bytes } : {}),
    });
  } else if (context.flags.quiet !== true) {
    // A size that does not go is not told as if it did.
    const isShared = freed !== undefined && freed.sharing !== '';
    const lines = outcome.removed.map(({ name, size }) => {
      const bytes = size === undefined || isShared ? '' : `, ${formatBytes(size)}`;
      return `removed ${cleanLine(name)}${bytes}\n`;
    });
    const end = isShared ? `${freedLine(freed, 'freed')}\n` : '';
    await writeText(io.stdout, lines.join('') + end, io.signal);
  }
}

async function writeDocument({ io, flags }: Context, document: object): Promise<void> {
  const fields = readFields(flags);
  await writeJson(io, fields === undefined ? document : pickFields(document, 'removed', fields, ITEM_FIELDS));
}

/** 0, or throws the one error that tells of all that did not work. */
function endWith({ client }: Context, { removed, missing, failed }: Removal, flags: RmFlags): Outcome {
  const host = client.host.url;
  const absent = flags.ignoreMissing === true ? [] : missing;
  const errors = [
    ...absent.map((word) => notInstalled(word, host, 404)),
    ...failed.map(({ error }) => error),
  ];
  const why = [
    ...absent.map((model) => `${model} (${isGlob(model) ? 'no match' : 'not installed'})`),
    ...failed.map(({ name, error }) => `${name} (${error.message})`),
  ].join(', ');
  const message = `${errors.length} of ${errors.length + removed.length} could not be removed: ${why}.`;
  const error = sumErrors(errors, removed.length, { message, host });
  if (error) throw error;
  return 0;
}
