import { isGlob } from '../config/glob.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { failureJson, sumOf, toFailure, toOllamaError } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION, writeJson } from '../output/json.js';
import type { Register } from '../command.js';
import type { Freshness } from '../models/outdated.js';
import { checkModelWords } from '../models/words.js';
import type { PullFlags } from '../pulls/flags.js';
import type { PullAllOptions, PullsOutcome } from '../pulls/pull-all.js';

interface UpdateFlags extends PullFlags {
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

/** Declares `update`. */
export const register: Register = (program, action) => {
  program
    .command('update')
    .helpGroup('Models:')
    .summary('pull the models that are outdated')
    .description('Pulls those models of which the registry has another build, and no others.')
    .argument('[model...]', 'names, or globs such as "qwen2*"')
    .option('--all', 'every installed model that is outdated')
    .option('-j, --jobs <n>', 'how many side by side, 1 to 16')
    .option('--keep-going', 'go on with the others when one fails')
    .option('-n, --dry-run', 'only say what would be fetched, and what is there already')
    .option('--stall <duration>', 'ask again after so long without a byte: 45s; 0 for never')
    .option('--retries <n>', 'ask again so often at most; otherwise as long as bytes come')
    .option('--insecure', 'have the server fetch over plain HTTP')
    .option('-y, --yes', 'do not ask, and check neither disk nor memory')
    .action(
      action(update, {
        refused: (models) => ({ start: { models }, error: { succeeded: [], failed: [] } }),
      }),
    );
};

async function update(context: Context, words: readonly string[], flags: UpdateFlags): Promise<void> {
  const { io, mode } = context;
  const { EVENT_FIELDS } = await import('../pulls/tell-json.js');
  const json = mode === 'json' && flags.dryRun !== true;
  const write = openEventWriter(io, json ? readFields(context.flags) : undefined, EVENT_FIELDS);
  let options: PullAllOptions;
  let plan: Plan;
  try {
    const { readPullFlags } = await import('../pulls/flags.js');
    options = readPullFlags(flags, io.now());
    plan = await makePlan(context, words, flags);
  } catch (error) {
    if (json) {
      const { refusePulls } = await import('../pulls/pull-all.js');
      await refusePulls(context, words, toOllamaError(error));
    }
    throw error;
  }
  if (flags.dryRun === true) return await tellDryRun(context, plan, flags);
  if (json) return await pullAsJson(context, plan, options, write);
  await sayPlan(context, plan);
  throwSum(context, plan, plan.stale.length > 0 ? await pull(context, plan, options) : NOTHING);
}

async function pull(context: Context, { stale }: Plan, options: PullAllOptions): Promise<PullsOutcome> {
  const { pullAll } = await import('../pulls/pull-all.js');
  return await pullAll(context, stale, options);
}

/** What is to be pulled, and what can't be. */
interface Plan {
  readonly stale: readonly string[];
  /** Named models that can't be updated. */
  readonly refused: readonly { readonly model: string; readonly error: OllamaError }[];
  /** With `--all`: those that could not be compared. */
  readonly open: readonly Freshness[];
}

const NOTHING: PullsOutcome = { succeeded: [], failed: [], skipped: [], error: undefined };

async function makePlan(
  context: Context,
  words: readonly string[],
  { all, insecure = false }: UpdateFlags,
): Promise<Plan> {
  const host = context.client.host.url;
  if ((words.length === 0) === (all !== true)) {
    const message =
      words.length === 0 ? 'Which models to update is missing.' : 'Either names or --all, not both.';
    throw new OllamaError('usage', message, { hint: 'ollama-cli update MODEL, or ollama-cli update --all' });
  }
  checkModelWords(words);
  const { compareInstalled } = await import('../models/outdated-choice.js');
  const { registryFailure } = await import('../models/outdated.js');
  const { checked, missing } = await compareInstalled(context, words, { insecure });
  const failure = registryFailure(checked);
  if (failure) throw failure;
  const isNamed = (name: string): boolean => words.some((word) => !isGlob(word) && sameModel(word, name));
  // Told as they were asked for, but in the case that the registry knows.
  const asAsked = (name: string): string =>
    words.find((word) => word === name || `${word}:latest` === name) ?? name;
  const refused = checked.flatMap((one) => {
    if (!isNamed(one.name)) return [];
    const error = refusal(one, host);
    return error ? [{ model: asAsked(one.name), error }] : [];
  });
  return {
    stale: checked.filter(({ state }) => state === 'outdated').map(({ name }) => asAsked(name)),
    refused: [...missing, ...refused],
    open: checked.filter(({ name, state }) => state === 'unknown' && !isNamed(name)),
  };
}

/** Why a model that was named can't be updated. */
function refusal({ name, state, reason, error }: Freshness, host: string): OllamaError | undefined {
  if (state === 'unknown') {
    return (
      error ?? new OllamaError('model_not_found', `${name} can't be updated: ${reason ?? state}.`, { host })
    );
  }
  if (state !== 'local') return undefined;
  return new OllamaError('model_not_found', `${name} can't be updated: ${reason ?? state}.`, { host });
}

/** A pull's events, around them those of what can't be updated. */
async function pullAsJson(
  context: Context,
  plan: Plan,
  options: PullAllOptions,
  write: (event: object) => Promise<void>,
): Promise<void> {
  const { stale, refused, open } = plan;
  const json = (error: OllamaError): object =>
    failureJson(toFailure(error, { hostFlag: context.flags.host }));
  const models = [...refused.map(({ model }) => model), ...stale];
  await write({ type: 'start', schema_version: SCHEMA_VERSION, host: context.client.host.url, models });
  for (const { name, reason } of open) {
    await write({ type: 'status', model: name, status: `not compared: ${reason ?? 'unknown'}` });
  }
  for (const { model, error } of refused) await write({ type: 'model_error', model, error: json(error) });
  const outcome = stale.length > 0 ? await pull(context, plan, { ...options, frame: false }) : NOTHING;
  const { succeeded, skipped } = outcome;
  const failed = [...refused, ...outcome.failed].map(({ model, error }) => ({ model, error: json(error) }));
  const lists = { succeeded, failed, ...(skipped.length === 0 ? {} : { skipped }) };
  const error = sum(context, plan, outcome);
  await write(error ? { type: 'error', error: json(error), ...lists } : { type: 'result', ...lists });
  if (error) throw error;
}

async function tellDryRun(context: Context, plan: Plan, { insecure }: UpdateFlags): Promise<void> {
  const { io, mode, client } = context;
  if (mode === 'json') sayOpen(context, plan.open);
  else await sayPlan(context, plan);
  if (plan.stale.length > 0) {
    const { tellPlans } = await import('../pulls/dry-run.js');
    await tellPlans(context, plan.stale, { insecure });
  } else if (mode === 'json') {
    const nothing = { dry_run: true, models: [], bytes_to_fetch: 0, bytes_present: 0 };
    await writeJson(io, { host: client.host.url, ...nothing });
  }
  throwSum(context, plan, { ...NOTHING, succeeded: plan.stale });
}

/** A model that could not be compared may be outdated: it is not passed over in silence. */
function sayOpen({ io }: Context, open: Plan['open']): void {
  for (const { name, reason } of open) {
    io.stderr.write(`warning: ${cleanLine(`${name} could not be compared: ${reason ?? 'unknown'}`)}\n`);
  }
}

/** On stderr, before the pull: what is to be pulled, what is not, and why. */
async function sayPlan(context: Context, { stale, refused, open }: Plan): Promise<void> {
  const { io, flags, settings } = context;
  const { tellFailure } = await import('../tell-failure.js');
  if (refused.length + stale.length > 1) {
    for (const { error } of refused) {
      await tellFailure(io, toFailure(error, { hostFlag: flags.host }), false, settings);
    }
  }
  sayOpen(context, open);
  if (flags.quiet === true) return;
  const names = stale.map(cleanLine).join(', ');
  if (stale.length > 0) io.stderr.write(`${stale.length} outdated: ${names}\n`);
  else if (refused.length === 0 && open.length === 0) io.stderr.write('Nothing is outdated.\n');
}

function throwSum(context: Context, plan: Plan, outcome: PullsOutcome): void {
  const error = sum(context, plan, outcome);
  if (error) throw error;
}

/** One error for all that could not be updated. */
function sum({ client }: Context, { refused }: Plan, outcome: PullsOutcome): OllamaError | undefined {
  const [first] = refused;
  if (!first || outcome.error?.code === 'interrupted') return outcome.error;
  const failed = [...refused, ...outcome.failed];
  const all = failed.length + outcome.succeeded.length + outcome.skipped.length;
  if (all === 1) return first.error;
  const names = failed.map(({ model }) => model).join(', ');
  return sumOf(
    failed.map(({ error }) => error),
    outcome.succeeded.length,
    { message: `${failed.length} of ${all} models could not be updated: ${names}.`, host: client.host.url },
  );
}
