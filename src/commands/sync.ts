import { askOrDecline, checkAllowed } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { interruption } from '../core/time-limit.js';
import { failureJson, sumErrors, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { SyncFailure, SyncStep } from '../models/sync-apply.js';
import type { SyncPlan } from '../models/sync-plan.js';
import type { PullFlags } from '../pulls/flags.js';
import type { PullAllOptions, PullsOutcome } from '../pulls/pull-all.js';
import type { Register } from '../command.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';
import { writeLines, writeText } from '../output/write.js';

interface SyncFlags extends PullFlags {
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
    .action(
      action(sync, {
        refused: (file) => ({
          start: file === undefined ? {} : { file },
          error: { succeeded: [], failed: [] },
        }),
      }),
    );
};

const OWN_FIELDS = [
  ...['file', 'dry_run', 'pull', 'copy', 'remove', 'keep', 'name', 'from', 'size'],
  ...['copied', 'removed'],
];

async function sync(context: Context, file: string | undefined, flags: SyncFlags): Promise<void> {
  if (flags.export === true) {
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
  const write = await openWriter(context);
  await write({ type: 'start', schema_version: SCHEMA_VERSION, host: context.client.host.url, file });
  const done: Done = { succeeded: [], failed: [], copied: [], removed: [] };
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

/** What has been done so far. */
interface Done {
  succeeded: readonly string[];
  readonly failed: SyncFailure[];
  readonly copied: string[];
  readonly removed: string[];
}

function lists({ succeeded, failed, copied, removed }: Done): object {
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
  const { EVENT_FIELDS } = await import('../pulls/tell-json.js');
  const write = openEventWriter(context.io, readFields(context.flags), [...EVENT_FIELDS, ...OWN_FIELDS]);
  return context.mode === 'json' ? write : async () => undefined;
}

async function run(
  context: Context,
  file: string,
  flags: SyncFlags,
  options: PullAllOptions,
  write: Write,
  done: Done,
): Promise<void> {
  const { io, client } = context;
  const { isEmptyPlan, planSync } = await import('../models/sync-plan.js');
  const { parseSyncFile, readSyncFile } = await import('../models/sync-file.js');
  const { readPipedPrompt } = await import('../output/stdin.js');
  const text = file === '-' ? await readPipedPrompt(io) : await readSyncFile(io.cwd, file);
  const declared = parseSyncFile(text, file === '-' ? 'stdin' : file);
  for (const { name } of declared) checkAllowed(context, name);
  const installed = await client.list({ signal: io.signal, force: true });
  const plan = planSync(declared, installed, { prune: flags.prune === true });
  const dry = flags.dryRun === true;
  const { pull: pulled, copy, remove, keep } = plan;
  await write({ type: 'plan', ...(dry ? { dry_run: true } : {}), pull: pulled, copy, remove, keep });
  const { checkPins, findMismatches, makeCopies, removeListed } = await import('../models/sync-apply.js');
  if (context.mode !== 'json') await showPlan(context, file, plan, dry);
  await checkPins(context, plan.pull, { insecure: flags.insecure === true });
  if (dry || isEmptyPlan(plan)) return;
  if (options.yes !== true) await confirm(context, plan);

  const tell = async (step: SyncStep): Promise<void> => {
    done[step.type].push(step.name);
    await write(step);
    if (context.mode !== 'json' && context.flags.quiet !== true) await say(context, step);
  };
  const pulls = await pull(context, plan, options);
  done.succeeded = pulls.succeeded;
  done.failed.push(...pulls.failed);
  if (pulls.error?.code === 'interrupted') throw pulls.error;
  const fresh = plan.pull.filter(({ name }) => pulls.succeeded.includes(name));
  done.failed.push(...(await findMismatches(context, fresh)));
  done.succeeded = pulls.succeeded.filter((name) => !done.failed.some(({ model }) => model === name));
  const broken = new Set([...done.failed.map(({ model }) => model), ...pulls.skipped]);
  done.failed.push(...(await makeCopies(context, plan, broken, tell)));
  const copied = plan.copy.filter(({ name }) => done.copied.includes(name));
  done.failed.push(...(await findMismatches(context, copied)));
  // What stands in for something else must be there before the other goes.
  if (done.failed.length === 0 && !pulls.error)
    done.failed.push(...(await removeListed(context, plan, tell)));
  endWith(context, plan, done, pulls);
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
  const { EVENT_FIELDS } = await import('../pulls/tell-json.js');
  // Of the fields that were asked for, a pull's events know their own.
  const fields = readFields(context.flags)?.filter((field) => EVENT_FIELDS.includes(field));
  const own = fields === undefined ? {} : { fields: ['type', ...fields].join(',') };
  return await pullAll({ ...context, flags: { ...context.flags, ...own } }, names, options);
}

async function say({ io }: Context, step: SyncStep): Promise<void> {
  const line =
    step.type === 'copied'
      ? `copied ${cleanLine(step.from)} to ${cleanLine(step.name)}`
      : `removed ${cleanLine(step.name)}, ${formatBytes(step.size)}`;
  await writeText(io.stdout, `${line}\n`, io.signal);
}

/** Throws the one error that sums up what failed. */
function endWith({ client }: Context, plan: SyncPlan, done: Done, pulls: PullsOutcome): void {
  const why = done.failed.map(({ model, error }) => `${model} (${toFailure(error).message})`).join(', ');
  const kept = plan.remove.length > 0 && done.removed.length === 0 ? ' Nothing was removed.' : '';
  const error = sumErrors(
    done.failed.map((one) => one.error),
    done.succeeded.length + done.copied.length + done.removed.length,
    { message: `Not as declared: ${why}.${kept}`, host: client.host.url },
  );
  // Where nothing failed by itself, something came before all pulls.
  const thrown = error ?? pulls.error;
  if (thrown) throw thrown;
}
