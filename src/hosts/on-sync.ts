import { askOrDecline } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { failureJson, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { shellWord } from '../next-step.js';
import { checkPins, type SyncStep } from '../models/sync-apply.js';
import type { DeclaredModel } from '../models/sync-file.js';
import { isEmptyPlan, type SyncPlan } from '../models/sync-plan.js';
import { syncLines } from '../models/sync-words.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';
import { writeLines, writeText } from '../output/write.js';
import type { PullAllOptions, PullsOutcome } from '../pulls/pull-all.js';
import {
  finishSync,
  planHost,
  planJson,
  pullFields,
  readDeclared,
  sumSync,
  SYNC_FIELDS,
  type SyncDone,
} from '../pulls/sync-host.js';
import { askHosts, labelHost, replaceIn } from './many.js';
import { endHosts, hostJson, readOn, tellHostFailure } from './on.js';
import { pullSideBySide } from './on-pull.js';

interface SyncFlags {
  readonly prune?: boolean;
  readonly dryRun?: boolean;
  readonly insecure?: boolean;
}

type Write = (event: object) => Promise<void>;

/** What one host lacks, and what has been done of it. */
interface Work {
  readonly host: string;
  readonly name: string;
  readonly plan: SyncPlan;
  pulls: PullsOutcome;
  readonly done: SyncDone;
  error?: OllamaError | undefined;
}

/** One host's part: its work, or why there is none. */
type Part = Work | { readonly host: string; readonly error: OllamaError };

const NO_PULLS: PullsOutcome = { succeeded: [], failed: [], skipped: [], error: undefined };

/**
 * Brings several hosts to what a file declares: each is planned for and told, one question is asked for all, and each goes on
 * by itself. Throws `declined`, and the one error of the hosts that failed.
 */
export async function syncOn(
  context: Context,
  on: readonly string[],
  file: string,
  flags: SyncFlags,
  options: PullAllOptions,
): Promise<void> {
  const { io } = context;
  const events = openEventWriter(io, readFields(context.flags), SYNC_FIELDS);
  const write: Write = context.mode === 'json' ? events : async () => undefined;
  const parts: Part[] = [];
  let names: readonly string[] = [];
  const dry = flags.dryRun === true;
  const head = (): object => ({
    type: 'start',
    schema_version: SCHEMA_VERSION,
    hosts: names.map(labelHost),
    file,
  });
  let isBegun = false;
  try {
    names = readOn(context, on);
    await write(head());
    isBegun = true;
    const declared = await readDeclared(io, file);
    for (const part of await planAll(context, names, declared, file, flags, write)) parts.push(part);
    const works = parts.filter(isWork).filter(({ plan }) => !isEmptyPlan(plan));
    if (!dry && works.length > 0) {
      if (options.yes !== true) await confirm(context, works);
      await apply(context, works, file, options, write);
    }
    endHosts(
      parts.flatMap(({ host, error }) => (error === undefined ? [] : [{ host, error }])),
      names.length,
    );
  } catch (thrown) {
    const error = toOllamaError(thrown);
    if (!isBegun) await write(head());
    await write({ type: 'error', error: toJson(error), ...listsOf(parts) });
    throw error;
  }
  await write({ type: 'result', ...(dry ? { dry_run: true } : {}), ...listsOf(parts) });
}

function isWork(part: Part): part is Work {
  return 'plan' in part;
}

function toJson(error: OllamaError): object {
  return failureJson(toFailure(error));
}

/** Plans for each host and tells it when it has answered; in the order in which they were asked for. */
async function planAll(
  context: Context,
  names: readonly string[],
  declared: readonly DeclaredModel[],
  file: string,
  flags: SyncFlags,
  write: Write,
): Promise<Part[]> {
  const dry = flags.dryRun === true;
  const parts = new Map<string, Part>();
  const ask = async (own: Context): Promise<SyncPlan> => {
    const plan = await planHost(own, declared, { prune: flags.prune === true });
    await checkPins(own, plan.pull, { insecure: flags.insecure === true });
    return plan;
  };
  for await (const answer of askHosts(context, names, ask)) {
    const { host } = answer;
    if ('error' in answer) {
      parts.set(host, { host, error: answer.error });
      if (context.mode !== 'json' && names.length > 1) await tellHostFailure(context, answer);
      continue;
    }
    const plan = answer.value;
    const name = names.find((one) => labelHost(one) === host) ?? host;
    const done: SyncDone = { succeeded: [], failed: [], copied: [], removed: [] };
    parts.set(host, { host, name, plan, pulls: NO_PULLS, done });
    await write({ type: 'plan', host, ...(dry ? { dry_run: true } : {}), ...planJson(plan) });
    if (context.mode !== 'json') await showPlan(context, host, file, plan, dry);
  }
  return names.flatMap((name) => parts.get(labelHost(name)) ?? []);
}

async function showPlan(
  { io, flags }: Context,
  host: string,
  file: string,
  plan: SyncPlan,
  dry: boolean,
): Promise<void> {
  if (flags.quiet === true && !dry) return;
  const nothing = isEmptyPlan(plan);
  const source = file === '-' ? 'stdin' : cleanLine(file);
  const head = nothing
    ? `Nothing to do: ${cleanLine(host)} has what ${source} declares.`
    : `For ${cleanLine(host)} to have what ${source} declares:`;
  await writeLines(dry || nothing ? io.stdout : io.stderr, [head, ...syncLines(plan)], io.signal);
}

async function confirm(context: Context, works: readonly Work[]): Promise<void> {
  const plans = works.map(({ plan }) => plan);
  const pulls = plans.reduce((sum, { pull }) => sum + pull.length, 0);
  const copies = plans.reduce((sum, { copy }) => sum + copy.length, 0);
  const removals = plans.flatMap(({ remove }) => remove);
  const size = formatBytes(removals.reduce((sum, one) => sum + one.size, 0));
  const parts = [
    ...(pulls === 0 ? [] : [`pull ${pulls}`]),
    ...(copies === 0 ? [] : [`copy ${copies}`]),
    ...(removals.length === 0 ? [] : [`remove ${removals.length} (${size})`]),
  ];
  const hosts = works.map(({ host }) => cleanLine(host)).join(', ');
  if (await askOrDecline(context, `On ${hosts}: ${parts.join(', ')}?`)) return;
  throw new OllamaError('declined', 'Nothing was changed.');
}

/** Pulls on all of them as one piece of work, then each does the rest of its plan. */
async function apply(
  context: Context,
  works: readonly Work[],
  file: string,
  options: PullAllOptions,
  write: Write,
): Promise<void> {
  const isTold = context.mode !== 'json' && works.length > 1;
  const pulling = works.filter(({ plan }) => plan.pull.length > 0);
  const of = (host: string): Work | undefined => works.find((work) => work.host === host);
  if (pulling.length > 0) {
    const hosts = works.map(({ host }) => host).join(',');
    const own = replaceIn(context, { flags: pullFields(context.flags) });
    const ended = await pullSideBySide(own, {
      names: pulling.map(({ name }) => name),
      models: (host) => of(host)?.plan.pull.map(({ name }) => name) ?? [],
      options,
      again: `ollama-cli sync ${shellWord(file)} --on ${shellWord(hosts)}`,
    });
    for (const { host, outcome } of ended) {
      const work = of(host);
      if (work) work.pulls = outcome;
    }
  }
  const finish = async (own: Context, host: string): Promise<void> => {
    const work = of(host);
    if (!work) return;
    const tell = async (step: SyncStep): Promise<void> => {
      await write({ ...step, host });
      if (context.mode !== 'json' && context.flags.quiet !== true) await say(context, host, step);
    };
    await finishSync(own, work.plan, work.pulls, work.done, tell);
    work.error = sumSync(work.plan, work.done, work.pulls, own.client.host.url);
  };
  const names = works.map(({ name }) => name);
  for await (const answer of askHosts(context, names, finish, { bounded: false })) {
    const work = of(answer.host);
    if (work && 'error' in answer) work.error = answer.error;
    // A pull that failed has been told where it failed.
    const isNew = work?.done.failed.some((one) => !work.pulls.failed.includes(one));
    if (isTold && work?.error && isNew !== false)
      await tellHostFailure(context, { host: work.host, error: work.error });
  }
}

async function say({ io }: Context, host: string, step: SyncStep): Promise<void> {
  const what =
    step.type === 'copied'
      ? `copied ${cleanLine(step.from)} to ${cleanLine(step.name)}`
      : `removed ${cleanLine(step.name)}, ${formatBytes(step.size)}`;
  await writeText(io.stdout, `${cleanLine(host)}: ${what}\n`, io.signal);
}

/** What was done anywhere, and how each host ended. */
function listsOf(parts: readonly Part[]): object {
  const works = parts.filter(isWork);
  const once = (pick: (done: SyncDone) => readonly string[]): string[] => [
    ...new Set(works.flatMap(({ done }) => pick(done))),
  ];
  const failed = works.flatMap(({ host, done }) =>
    done.failed.map(({ model, error }) => ({ host, model, error: toJson(error) })),
  );
  const failedNames = new Set(failed.map(({ model }) => model));
  return {
    succeeded: once(({ succeeded }) => succeeded).filter((name) => !failedNames.has(name)),
    failed,
    copied: once(({ copied }) => copied),
    removed: once(({ removed }) => removed),
    hosts: parts.map((part) => {
      const { host, error } = part;
      const state = error === undefined ? { host, ok: true } : hostJson({ host, error });
      if (!isWork(part)) return state;
      const { succeeded, copied, removed, failed: failures } = part.done;
      const told = failures.map((one) => ({ model: one.model, error: toJson(one.error) }));
      return { ...state, succeeded, failed: told, copied, removed };
    }),
  };
}
