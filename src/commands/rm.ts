import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { failureJson, sumErrors, toFailure } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { RmFlags } from '../hosts/on-rm.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeText } from '../output/write.js';
import {
  chooseTargets,
  describeTargets,
  freedLine,
  openFreed,
  removalErrors,
  removeAll,
  totalOf,
  type MeasureFreed,
  type Removal,
  type Target,
} from '../models/removal.js';
import { checkModelWords } from '../models/words.js';
import { collect, type Outcome, type Register } from '../command.js';

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
    .option('--on <a,b>', 'on these hosts, or on all that are configured: --on all', collect)
    .action(action(rm, { needsClient: (_words, { on }) => on === undefined }));
};

/** What one removed model is told with. */
const ITEM_FIELDS = ['name', 'size'];

async function rm(
  context: Context,
  words: readonly string[],
  flags: RmFlags & { readonly on?: readonly string[] },
): Promise<Outcome> {
  checkModelWords(words);
  if (flags.on !== undefined) {
    const { removeOn } = await import('../hosts/on-rm.js');
    return await removeOn(context, flags.on, words, flags);
  }
  const { io, client } = context;
  checkFields(readFields(context.flags) ?? [], ITEM_FIELDS);
  const installed = await client.list({ signal: io.signal, force: true });
  const { targets, unmatched } = chooseTargets(words, installed);

  const asks = flags.dryRun !== true && flags.yes !== true && flags.force !== true;
  const isTold = asks || flags.dryRun === true || context.mode === 'json' || context.flags.quiet !== true;
  const freed = await openFreed(context, installed, targets, isTold);
  if (flags.dryRun === true) return await tellPlan(context, targets, unmatched, flags, freed);
  if (asks && targets.some(({ size }) => size !== undefined)) await confirm(context, targets, freed);
  const outcome: Removal = { removed: [], missing: [...unmatched], failed: [] };
  try {
    await removeAll(context, targets, outcome);
  } catch (error) {
    // Ctrl-C between two of them: what is gone is told all the same.
    if (outcome.removed.length > 0) await tellOutcome(context, outcome, freed);
    throw error;
  }
  await tellOutcome(context, outcome, freed);
  return endWith(context, outcome, flags);
}

async function confirm(context: Context, targets: readonly Target[], measure: MeasureFreed): Promise<void> {
  const known = targets.filter(({ size }) => size !== undefined);
  const count = known.length === 1 ? 'this model' : `these ${known.length} models`;
  if (context.mode !== 'json') context.io.stderr.write(describeTargets(targets));
  const host = context.client.host.display;
  const freed = measure(known);
  const sharing = freed?.sharing ? ` (${freed.sharing})` : '';
  const question = `Remove ${count} from ${host}, which frees ${freed?.amount ?? `at most ${totalOf(known)}`}${sharing}?`;
  if (!(await askOrDecline(context, question))) {
    throw new OllamaError('declined', 'Nothing was removed.', { host: context.client.host.url });
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
    await writeText(io.stdout, `${describeTargets(known)}${end}\n`, io.signal);
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
function endWith({ client }: Context, outcome: Removal, flags: RmFlags): Outcome {
  const host = client.host.url;
  const { errors, message } = removalErrors(outcome, host, flags);
  const error = sumErrors(errors, outcome.removed.length, { message, host });
  if (error) throw error;
  return 0;
}
