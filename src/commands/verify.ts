import { askOrDecline, checkAllowed } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { sumErrors, toOllamaError } from '../failure.js';
import type { HashProgress, Integrity } from '../models/verify.js';
import type { Check } from '../models/verify-library.js';
import type { RepairPlan } from '../models/verify-repair.js';
import { checkModelWords } from '../models/words.js';
import type { Register } from '../command.js';
import { checkFields, readFields } from '../output/fields.js';
import { writeLines } from '../output/write.js';
import type { Repair } from '../tell-check.js';

interface VerifyFlags {
  readonly insecure?: boolean;
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
    .option('--insecure', 'have the server fetch over plain HTTP')
    .option('-y, --yes', 'do not ask')
    .option('--models-dir <dir>', "the server's models folder, where it is not in its usual place")
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(verify));
};

/** What one model is told with; `tell-check.ts` has the columns. */
const CHECK_FIELDS = ['name', 'state', 'layers', 'reason'];

async function verify(context: Context, words: readonly string[], flags: VerifyFlags): Promise<void> {
  checkModelWords(words);
  checkFields(readFields(context.flags) ?? [], CHECK_FIELDS);
  if (flags.dryRun === true && flags.repair !== true) {
    throw new OllamaError('usage', '--dry-run goes with --repair: verify by itself changes nothing.');
  }
  const { checkLibrary, checkAgain, planFor } = await import('../models/verify-library.js');
  const { tellCheck } = await import('../tell-check.js');
  const tell = async (what: Check, repair?: Repair): Promise<void> =>
    await tellCheck(context, what, { dryRun: flags.dryRun === true, header: flags.header !== false }, repair);
  const options = { dir: flags.modelsDir, insecure: flags.insecure };
  const check = await withProgress(context, async (onProgress) => {
    return await checkLibrary(context, words, { ...options, onProgress });
  });
  if (flags.repair !== true) {
    await tell(check);
    return endWith(context, check.integrity);
  }
  const plan = await planFor(context, check, options);
  // Of a plan alone, a pipe gets the plan: it is the answer.
  if (context.mode === 'tty' || (context.mode === 'plain' && flags.dryRun !== true)) {
    await tell(check);
  }
  await tellPlan(context, plan, flags);
  if (flags.dryRun === true || plan.blobs.length === 0) {
    if (context.mode === 'json') await tell(check, { plan, failed: [] });
    if (flags.dryRun === true && plan.left.length === 0) return;
    return endWith(context, check.integrity, AFTER_REPAIR);
  }
  // Before anything goes: what may not be pulled would not come again.
  for (const model of plan.pull) checkAllowed(context, model);
  const tellAsItWas = async (error: unknown): Promise<never> => {
    if (context.mode === 'json') await tell(check, { plan, failed: [] });
    throw error;
  };
  if (flags.yes !== true) await confirm(context, plan).catch(tellAsItWas);
  const failed = await apply(context, plan, flags.insecure === true).catch(tellAsItWas);
  const again = await withProgress(context, async (onProgress) => {
    return await checkAgain(context, check, plan, { ...options, onProgress });
  });
  if (context.mode === 'json' || context.flags.quiet !== true) {
    await tell(again, { plan, failed });
  }
  const error = sumUp(context, failed, plan.pull.length - failed.length);
  if (error) throw error;
  endWith(context, again.integrity, AFTER_REPAIR);
}

/** The one error of the pulls that failed. */
function sumUp({ client }: Context, failed: Repair['failed'], succeeded: number): OllamaError | undefined {
  const names = failed.map(({ model, error }) => `${model} (${error.message})`).join(', ');
  const message = `${failed.length} of ${failed.length + succeeded} models could not be fetched again: ${names}.`;
  return sumErrors(
    failed.map(({ error }) => error),
    succeeded,
    { message, host: client.host.url },
  );
}

/** Checks, and tells meanwhile how far the hashing is: a bar on a terminal, lines in a log. */
async function withProgress(
  context: Context,
  run: (onProgress: HashProgress | undefined) => Promise<Check>,
): Promise<Check> {
  const { io, settings, mode, progressMode, flags } = context;
  if (mode === 'json' || flags.quiet === true) return await run(undefined);
  const { openCheckBar } = await import('../output/check-bar.js');
  const { openLook } = await import('../output/look.js');
  const bar = openCheckBar({
    stream: io.stderr,
    look: await openLook(io, io.stderr, settings),
    live: progressMode === 'tty' && settings.progress !== 'lines',
    now: () => io.now(),
  });
  return await run((...at) => bar.show(...at)).finally(() => bar.end());
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

async function confirm(context: Context, { pull }: RepairPlan): Promise<void> {
  const { host } = context.client;
  if (await askOrDecline(context, `Repair ${pull.join(', ')} on ${host.display}?`)) return;
  throw new OllamaError('declined', 'Nothing was repaired.', { host: host.url });
}

async function apply(context: Context, plan: RepairPlan, insecure: boolean): Promise<Repair['failed']> {
  const { client, io, mode } = context;
  const { clearTheWay } = await import('../models/verify-repair.js');
  await clearTheWay(context, plan);
  if (mode !== 'json') {
    const { pullAll } = await import('../pulls/pull-all.js');
    const outcome = await pullAll(withoutFields(context), plan.pull, {
      yes: true,
      keepGoing: true,
      insecure,
    });
    if (outcome.error?.code === 'interrupted') throw outcome.error;
    return outcome.failed;
  }
  const failed: { model: string; error: OllamaError }[] = [];
  for (const model of plan.pull) {
    try {
      await client.pullWithReporter(model, { onEvent: () => undefined }, { signal: io.signal, insecure });
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

const AFTER_REPAIR = 'a model that stays broken: remove it with rm, and pull it or make it again';

/** Throws the one error that tells which models are not whole. */
function endWith(
  { client }: Context,
  { models }: Integrity,
  hint = 'ollama-cli verify --repair fetches again what is broken, after a plan and a yes',
): void {
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
    hint,
  });
}
