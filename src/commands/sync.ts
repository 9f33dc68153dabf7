import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { interruption } from '../core/time-limit.js';
import { failureJson, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { SyncStep } from '../models/sync-apply.js';
import type { SyncPlan } from '../models/sync-plan.js';
import type { PullFlags } from '../pulls/flags.js';
import type { PullAllOptions, PullsOutcome } from '../pulls/pull-all.js';
import type { SyncDone } from '../pulls/sync-host.js';
import { collect, type Register } from '../command.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';
import { writeLines, writeText } from '../output/write.js';

interface SyncFlags extends PullFlags {
  readonly on?: readonly string[];
  readonly prune?: boolean;
  readonly export?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/** Declares `sync`. */
export const register: Register = (program, action) => {
  program
    .command('sync')
    .helpGroup('Models:')
    .summary('bring a server to a declared set of models')
    .description(
      'Pulls, copies and with --prune removes until the server has what a file declares: YAML, JSON, or a name a line. The plan is shown first.',
    )
    .argument('[file]', 'what is declared, - is stdin; with --export where it is written, without it stdout')
    .option('--export', 'write down what is installed, with digests')
    .option('--prune', 'remove installed models that the file does not name')
    .option('-n, --dry-run', 'only the plan')
    .option('-j, --jobs <n>', 'how many pulls side by side, 1 to 16')
    .option('--keep-going', 'go on with the other pulls when one fails')
    .option('--stall <duration>', 'ask again after so long without a byte: 45s; 0 for never')
    .option('--retries <n>', 'ask again so often at most; otherwise as long as bytes come')
    .option('--insecure', 'have the server fetch over plain HTTP')
    .option('-y, --yes', 'do not ask')
    .option('-f, --force', 'the same as --yes')
    .option('--on <a,b>', 'these hosts, or all that are configured: --on all', collect)
    .action(
      action(sync, {
        needsClient: (_file, { on }) => on === undefined,
        refused: (file) => ({
          start: file === undefined ? {} : { file },
          error: { succeeded: [], failed: [] },
        }),
      }),
    );
};

async function sync(context: Context, file: string | undefined, flags: SyncFlags): Promise<void> {
  if (flags.export === true) {
    if (flags.on !== undefined)
      throw new OllamaError('usage', '--export writes down one host: give -H, or no --on.');
    const { exportInstalled } = await import('../export-installed.js');
    const yes = flags.yes === true || flags.force === true;
    return await exportInstalled(context, file, { yes, dryRun: flags.dryRun === true });
  }
  if (file === undefined) {
    throw new OllamaError('usage', 'No file was named.', {
      hint: 'ollama-cli sync FILE; ollama-cli sync --export FILE writes one',
    });
  }
  const { readPullFlags } = await import('../pulls/flags.js');
  const yes = flags.yes === true || flags.force === true;
  const options = { ...readPullFlags(flags, context.io.now()), yes, frame: false };
  if (flags.on !== undefined) {
    const { syncOn } = await import('../hosts/on-sync.js');
    return await syncOn(context, flags.on, file, flags, options);
  }
  const write = await openWriter(context);
  await write({ type: 'start', schema_version: SCHEMA_VERSION, host: context.client.host.url, file });
  const done: SyncDone = { succeeded: [], failed: [], copied: [], removed: [] };
  try {
    await run(context, file, flags, options, write, done);
  } catch (thrown) {
    const { io, client } = context;
    const error =
      io.signal.aborted && !isOllamaError(thrown)
        ? interruption(io.signal.reason, client.host)
        : toOllamaError(thrown);
    await write({ type: 'error', error: toJson(error), ...lists(done) });
    throw error;
  }
  await write({ type: 'result', ...(flags.dryRun === true ? { dry_run: true } : {}), ...lists(done) });
}

type Write = (event: object) => Promise<void>;

function lists({ succeeded, failed, copied, removed }: SyncDone): object {
  return {
    succeeded,
    failed: failed.map(({ model, error }) => ({ model, error: toJson(error) })),
    copied,
    removed,
  };
}

function toJson(error: OllamaError): object {
  return failureJson(toFailure(error));
}

/** Writes events as JSON, in that mode; an unknown field is a mistake in any. */
async function openWriter(context: Context): Promise<Write> {
  const { SYNC_FIELDS } = await import('../pulls/sync-host.js');
  const write = openEventWriter(context.io, readFields(context.flags), SYNC_FIELDS);
  return context.mode === 'json' ? write : async () => undefined;
}

async function run(
  context: Context,
  file: string,
  flags: SyncFlags,
  options: PullAllOptions,
  write: Write,
  done: SyncDone,
): Promise<void> {
  const { io, client } = context;
  const { isEmptyPlan } = await import('../models/sync-plan.js');
  const { checkPins } = await import('../models/sync-apply.js');
  const { finishSync, planHost, planJson, readDeclared, sumSync } = await import('../pulls/sync-host.js');
  const declared = await readDeclared(io, file);
  const plan = await planHost(context, declared, { prune: flags.prune === true });
  const dry = flags.dryRun === true;
  await write({ type: 'plan', ...(dry ? { dry_run: true } : {}), ...planJson(plan) });
  if (context.mode !== 'json') await showPlan(context, file, plan, dry);
  await checkPins(context, plan.pull, { insecure: flags.insecure === true });
  if (dry || isEmptyPlan(plan)) return;
  if (options.yes !== true) await confirm(context, plan);

  const tell = async (step: SyncStep): Promise<void> => {
    await write(step);
    if (context.mode !== 'json' && context.flags.quiet !== true) await say(context, step);
  };
  const pulls = await pull(context, plan, options);
  await finishSync(context, plan, pulls, done, tell);
  const error = sumSync(plan, done, pulls, client.host.url);
  if (error) throw error;
}

async function showPlan(context: Context, file: string, plan: SyncPlan, dry: boolean): Promise<void> {
  const { io, client } = context;
  if (context.flags.quiet === true && !dry) return;
  const { syncLines } = await import('../models/sync-words.js');
  const { isEmptyPlan } = await import('../models/sync-plan.js');
  const nothing = isEmptyPlan(plan);
  const source = file === '-' ? 'stdin' : cleanLine(file);
  const head = nothing
    ? `Nothing to do: ${client.host.display} has what ${source} declares.`
    : `For ${client.host.display} to have what ${source} declares:`;
  await writeLines(dry || nothing ? io.stdout : io.stderr, [head, ...syncLines(plan)], io.signal);
}

async function confirm(context: Context, { pull, copy, remove }: SyncPlan): Promise<void> {
  const size = formatBytes(remove.reduce((sum, one) => sum + one.size, 0));
  const parts = [
    ...(pull.length === 0 ? [] : [`pull ${pull.length}`]),
    ...(copy.length === 0 ? [] : [`copy ${copy.length}`]),
    ...(remove.length === 0 ? [] : [`remove ${remove.length} (${size})`]),
  ];
  if (await askOrDecline(context, `On ${context.client.host.display}: ${parts.join(', ')}?`)) return;
  throw new OllamaError('declined', 'Nothing was changed.', { host: context.client.host.url });
}

async function pull(context: Context, plan: SyncPlan, options: PullAllOptions): Promise<PullsOutcome> {
  const names = plan.pull.map(({ name }) => name);
  if (names.length === 0) return { succeeded: [], failed: [], skipped: [], error: undefined };
  const { pullAll } = await import('../pulls/pull-all.js');
  const { pullFields } = await import('../pulls/sync-host.js');
  return await pullAll({ ...context, flags: pullFields(context.flags) }, names, options);
}

async function say({ io }: Context, step: SyncStep): Promise<void> {
  const line =
    step.type === 'copied'
      ? `copied ${cleanLine(step.from)} to ${cleanLine(step.name)}`
      : `removed ${cleanLine(step.name)}, ${formatBytes(step.size)}`;
  await writeText(io.stdout, `${line}\n`, io.signal);
}
