import { collect, type Outcome, type Register } from '../command.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { EXIT_CODES, toFailure } from '../failure.js';
import { cleanLine } from '../format/clean.js';
import type { Verdict } from '../health/examine.js';
import { readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeLines } from '../output/write.js';

interface HealthFlags {
  readonly model?: string;
  readonly probe?: boolean;
  /** The interval; `2s` where none is given. */
  readonly watch?: string;
  readonly on?: readonly string[];
}

/** Declares `health`. */
export const register: Register = (program, action) => {
  program
    .command('health')
    .helpGroup('Server:')
    .summary('is the server well')
    .description('One verdict on the server, the checks behind it, and a next step for each that fails.')
    .option('--model <model>', 'also whether this model is installed and loaded; exits 3 where it is absent')
    .option('--probe', 'have the model answer a little, and measure it; this loads it, and may unload others')
    .option('--watch [interval]', 'look again and again, and tell what changes: --watch, or --watch=5s')
    .option('--on <a,b>', 'ask these hosts side by side, or all that are configured: --on all', collect)
    .action(action(health, { needsClient: ({ on }) => on === undefined }));
};

/** More often would only load the server. In milliseconds. */
const SHORTEST = 100;

async function health(context: Context, flags: HealthFlags): Promise<Outcome> {
  const { io, mode } = context;
  const { model, probe } = flags;
  if (model !== undefined) checkModelName(model);
  if (flags.on !== undefined && flags.watch !== undefined)
    throw new OllamaError('usage', '--watch looks at one host, --on at several: give one of the two.');
  const asked = { model, probe };
  if (probe === true && context.flags.quiet !== true) {
    const which = model ?? 'a model';
    io.stderr.write(`--probe has ${which} answer a few tokens: it is loaded, which may unload others.\n`);
  }
  if (flags.on !== undefined) {
    const { healthOn } = await import('../health/health-on.js');
    return await healthOn(context, flags.on, asked);
  }
  if (flags.watch !== undefined) return await watch(context, flags.watch, asked);

  const { examine } = await import('../health/examine.js');
  const { tellVerdict } = await import('../health/tell-verdict.js');
  const { verdictJson } = await import('../health/verdict-json.js');
  const verdict = await examine(context, asked);
  const whole = verdictJson(context, verdict);
  const picked = await narrowed(context, whole);
  if (mode === 'json') await writeJson(io, picked ?? whole);
  else if (picked) await writeLines(io.stdout, renderFields(picked), io.signal);
  else if (context.flags.quiet !== true) await tellVerdict(context, verdict);
  await tellWrong(context, verdict);
  return exitOf(verdict);
}

/** What `--fields` leaves; undefined without. */
async function narrowed({ flags }: Context, whole: object): Promise<Record<string, unknown> | undefined> {
  const fields = readFields(flags);
  if (fields === undefined) return undefined;
  const { SOMETIMES } = await import('../health/verdict-json.js');
  return pickFields(whole, undefined, fields, SOMETIMES);
}

async function watch(
  context: Context,
  interval: string,
  asked: { readonly model: string | undefined; readonly probe: boolean | undefined },
): Promise<void> {
  const { parseDuration, parseFlag } = await import('../config/duration.js');
  const { watchHealth } = await import('../health/watch-health.js');
  const { SOMETIMES } = await import('../health/verdict-json.js');
  const everyMs = Math.max(SHORTEST, parseFlag('--watch', interval, parseDuration));
  const fields = readFields(context.flags);
  await watchHealth(context, asked, everyMs, (document) =>
    fields === undefined ? document : pickFields(document, undefined, fields, SOMETIMES),
  );
}

/** An absent model is no fault of the server's; whatever else fails is. */
function exitOf({ report, available }: Verdict): number {
  const wrong = report.checks.filter(({ status }) => status === 'fail');
  if (wrong.length === 0) return report.status === 'healthy' ? 0 : EXIT_CODES.unreachable;
  const onlyModel = available === false && wrong.every(({ name }) => name === 'model');
  return onlyModel ? EXIT_CODES.model_not_found : EXIT_CODES.unreachable;
}

/** For those who don't read the verdict: with --json and --quiet, what is wrong is an error like any other. */
async function tellWrong(context: Context, { report, model, available }: Verdict): Promise<void> {
  const { io, mode, settings, client } = context;
  const failed = report.checks.find(({ status }) => status === 'fail');
  if (!failed || (mode !== 'json' && context.flags.quiet !== true)) return;
  const isAbsent = failed.name === 'model' && available === false;
  const error =
    report.error ??
    new OllamaError(isAbsent ? 'model_not_found' : 'server_error', failed.detail, {
      host: client.host.url,
      model: failed.name === 'model' || failed.name === 'probe' ? model : undefined,
      hint: isAbsent ? undefined : failed.hint,
      reason: failed.reason,
    });
  const { tellFailure } = await import('../tell-failure.js');
  const failure = toFailure(error, { hostFlag: context.flags.host });
  // The check's own step is the better one: it knows the system.
  const hint = isAbsent || failed.hint === undefined ? undefined : cleanLine(failed.hint);
  const step = hint === undefined ? {} : { hint, steps: [{ label: 'next', command: hint }] };
  await tellFailure(io, { ...failure, ...step }, mode === 'json', settings);
}
