import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { failureJson, sumOf, toFailure, toOllamaError } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { shellWord } from '../next-step.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';
import type { Column } from '../output/table.js';
import { makePlans, planJson } from '../pulls/dry-run.js';
import { groupNames } from '../pulls/names.js';
import { pullAll, type PullAllOptions, type PullsOutcome } from '../pulls/pull-all.js';
import { EVENT_FIELDS } from '../pulls/tell-json.js';
import { askHosts, labelHost } from './many.js';
import { openManyTeller } from './on-pull-teller.js';
import { hostJson, nextOfHosts, readOn } from './on.js';
import { tellTable } from './on-table.js';

/** How the pulls of one host ended, or why none could begin. */
export interface HostPulls {
  readonly host: string;
  readonly outcome: PullsOutcome;
}

/** The pulls of several hosts: what each is to have, and how. */
export interface PullsOn {
  readonly names: readonly string[];
  /** The models of a host, by how it is told. */
  models(host: string): readonly string[];
  readonly options: PullAllOptions;
  readonly again: string;
}

/**
 * Pulls models on several hosts side by side, each at its own pace, and tells it as one; the caller tells the first and the
 * last line of JSON. What fails on one host stops nothing on another. Throws `usage` for an unknown field.
 */
export async function pullSideBySide(context: Context, work: PullsOn): Promise<HostPulls[]> {
  const { names, options } = work;
  const hosts = names.map(labelHost);
  const { bell = false, stallMs, insecure = false } = options;
  const models = (host: string): string[] => groupNames(work.models(host)).map(({ model }) => model);
  const teller = openManyTeller(context, { hosts, models, bell, stallMs, insecure, again: work.again });
  const ended = new Map<string, PullsOutcome>();
  let error: OllamaError | undefined;
  const pull = async (own: Context, host: string): Promise<PullsOutcome> =>
    await pullAll(own, work.models(host), { ...options, teller: teller.of(host, own) });
  try {
    for await (const answer of askHosts(context, names, pull, { bounded: false })) {
      const { host } = answer;
      const outcome = 'value' in answer ? answer.value : noneOf(work.models(host), answer.error);
      ended.set(host, outcome);
      const before = outcome.failed.length === 0 ? outcome.error : undefined;
      if (before && before.code !== 'interrupted') await teller.failed(host, before);
      if (outcome.error?.code === 'interrupted') error = outcome.error;
    }
  } finally {
    await teller.end(error);
  }
  return hosts.flatMap((host) => {
    const outcome = ended.get(host);
    return outcome === undefined ? [] : [{ host, outcome }];
  });
}

function noneOf(models: readonly string[], error: OllamaError): PullsOutcome {
  return { succeeded: [], failed: [], skipped: models, error };
}

/** `pull --on`: the same models on each host. Throws the one error of the hosts that failed. */
export async function pullOn(
  context: Context,
  on: readonly string[],
  models: readonly string[],
  options: PullAllOptions,
): Promise<void> {
  const asked = [...new Set(models)];
  const write = openFrame(context);
  let ended: readonly HostPulls[] = [];
  let error: OllamaError | undefined;
  let names: readonly string[] = [];
  let refused: OllamaError | undefined;
  try {
    names = readOn(context, on);
    for (const model of asked) checkModelName(model);
  } catch (thrown) {
    refused = toOllamaError(thrown);
  }
  const hosts = names.map(labelHost);
  await write({ type: 'start', schema_version: SCHEMA_VERSION, hosts, models: asked });
  if (refused === undefined) {
    const words = ['ollama-cli pull', '--on', hosts.join(','), ...asked].map((word, at) =>
      at === 0 ? word : shellWord(word),
    );
    ended = await pullSideBySide(context, { names, models: () => asked, options, again: words.join(' ') });
    error = sumHosts(ended);
  } else error = refused;
  const lists = listsOf(asked, ended);
  await write(error ? { type: 'error', error: toJson(error), ...lists } : { type: 'result', ...lists });
  if (error) throw error;
}

/** Writes the first and the last line of a JSON stream, in that mode. Throws `usage` for an unknown field. */
function openFrame(context: Context): (event: object) => Promise<void> {
  const write = openEventWriter(context.io, readFields(context.flags), [...EVENT_FIELDS, 'hosts']);
  return context.mode === 'json' ? write : async () => undefined;
}

function toJson(error: OllamaError): object {
  return failureJson(toFailure(error));
}

/** The one error of the hosts that failed: the only one's where no other was asked, or `interrupted`. */
function sumHosts(ended: readonly HostPulls[]): OllamaError | undefined {
  const failed = ended.flatMap(({ host, outcome: { error } }) => (error ? [{ host, error }] : []));
  const stopped = failed.find(({ error }) => error.code === 'interrupted');
  if (stopped) return stopped.error;
  if (ended.length === 1) return failed[0]?.error;
  return sumOf(
    failed.map(({ error }) => error),
    ended.length - failed.length,
    {
      message: `${failed.length} of ${ended.length} hosts failed: ${failed.map(({ host }) => host).join(', ')}.`,
      hint: nextOfHosts(failed),
    },
  );
}

/** What came on every host, what failed anywhere, and how each host ended. */
function listsOf(models: readonly string[], ended: readonly HostPulls[]): object {
  const failed = ended.flatMap(({ host, outcome }) =>
    outcome.failed.map(({ model, error }) => ({ host, model, error: toJson(error) })),
  );
  const skipped = models.filter((model) => ended.some(({ outcome }) => outcome.skipped.includes(model)));
  return {
    succeeded: models.filter(
      (model) => ended.length > 0 && ended.every(({ outcome }) => outcome.succeeded.includes(model)),
    ),
    failed,
    ...(skipped.length === 0 ? {} : { skipped }),
    hosts: ended.map(pullsJson),
  };
}

/** How the pulls of one host ended, as JSON has it. */
function pullsJson({ host, outcome }: HostPulls): object {
  const { succeeded, failed, skipped, error } = outcome;
  return {
    ...(error === undefined ? { host, ok: true } : hostJson({ host, error })),
    succeeded,
    failed: failed.map((one) => ({ model: one.model, error: toJson(one.error) })),
    ...(skipped.length === 0 ? {} : { skipped }),
  };
}

type Plan = ReturnType<typeof planJson>;

/** `pull --on --dry-run`: what each host would fetch. */
export async function planOn(
  context: Context,
  on: readonly string[],
  models: readonly string[],
  { insecure = false }: PullAllOptions,
): Promise<void> {
  await tellTable<Plan, Sums>(context, on, {
    ask: async (host) => {
      const { plans, failed, error } = await makePlans(host, models, { insecure });
      const items = plans.map(planJson);
      return { items, about: sumPlans(items), error: error && explain(error, failed) };
    },
    known: ['model', 'layers', 'bytes_to_fetch', 'bytes_present'],
    columns: (fields) =>
      (fields ?? COLUMNS.map(({ key }) => key)).flatMap((field) =>
        COLUMNS.filter(({ key }) => key === field),
      ),
    least: { model: 20, bytes_to_fetch: 8, bytes_present: 8 },
    header: true,
    name: ({ model, bytes_to_fetch: bytes }) => (bytes > 0 ? model : undefined),
    sum: (items) => ({ dry_run: true, ...sumPlans(items) }),
    end: (items, hosts) => `${formatBytes(sumPlans(items).bytes_to_fetch)} to fetch on ${hosts}`,
    none: 'Nothing known of',
  });
}

/** One line is told of each host: it says why each could not be looked up. */
function explain(error: OllamaError, failed: readonly { model: string; error: OllamaError }[]): OllamaError {
  if (error.errors === undefined) return error;
  const message = failed.map((one) => `${one.model}: ${toFailure(one.error).message}`).join(' ');
  return new OllamaError(error.code, message, { host: error.host, errors: error.errors, cause: error });
}

interface Sums {
  readonly bytes_to_fetch: number;
  readonly bytes_present: number;
}

function sumPlans(items: readonly Plan[]): Sums {
  return {
    bytes_to_fetch: items.reduce((sum, one) => sum + one.bytes_to_fetch, 0),
    bytes_present: items.reduce((sum, one) => sum + one.bytes_present, 0),
  };
}

const COLUMNS: readonly Column<Plan>[] = [
  { key: 'model', title: 'MODEL', value: ({ model }) => model, raw: ({ model }) => model, shrink: 'middle' },
  sizeColumn('bytes_to_fetch', 'TO FETCH'),
  sizeColumn('bytes_present', 'PRESENT'),
];

function sizeColumn(key: keyof Sums, title: string): Column<Plan> {
  return {
    key,
    title,
    value: (plan) => formatBytes(plan[key]),
    raw: (plan) => String(plan[key]),
    align: 'right',
  };
}
