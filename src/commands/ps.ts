import { matchName } from '../config/glob.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import type { RunningModel } from '../core/wire.js';
import { cleanLine } from '../format/clean.js';
import { checkFields, fieldText, readFields } from '../output/fields.js';
import { pickFields, SCHEMA_VERSION, writeJson, writeJsonLine } from '../output/json.js';
import type { Look } from '../models/watch.js';
import type { LoadedModel } from '../output/running-columns.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines, writeText } from '../output/write.js';
import { collect, type Outcome, type Register } from '../command.js';
import type { PsView } from '../views/ps.js';

interface PsFlags {
  readonly on?: readonly string[];
  /** The interval; `2s` where none is given. */
  readonly watch?: string;
  readonly header?: boolean;
}

/** Declares `ps`. */
export const register: Register = (program, action) => {
  program
    .command('ps')
    .helpGroup('Models:')
    .summary('loaded models')
    .description(
      'Lists the models in memory: how much of each the server says is in GPU memory, its context, and until when it stays.',
    )
    .argument('[glob]', "only models that match; * crosses / and :, without one it is a name's beginning")
    .option('--watch [interval]', 'look again and again: --watch, or --watch=5s; q ends it')
    .option('--no-header', 'in a pipe: without the header row')
    .option('--on <a,b>', 'ask these hosts side by side, or all that are configured: --on all', collect)
    .action(action(ps, { needsClient: (_glob, { on }) => on === undefined }));
};

/** What a loaded model is told with; the first of them are the columns of a pipe. */
const COLUMNS = ['name', 'digest', 'size', 'size_vram', 'gpu_percent', 'context_length', 'expires_at'];
const FIELDS = [...COLUMNS, 'model', 'details', 'tokens_per_second'];
/** More often would only load the server. In milliseconds. */
const SHORTEST = 100;

async function ps(context: Context, glob: string | undefined, flags: PsFlags): Promise<Outcome> {
  const { io } = context;
  if (flags.on !== undefined) return await psOn(context, flags.on, glob, flags);
  checkFields(readFields(context.flags) ?? [], FIELDS);
  if (flags.watch !== undefined) return await watch(context, glob, flags);
  const models = await context.client.running({ signal: io.signal });
  await tell(context, await describe(context, models, glob), flags);
}

/** The same of several hosts, each one's models when it has answered. */
async function psOn(
  context: Context,
  on: readonly string[],
  glob: string | undefined,
  { watch: interval, header = true }: PsFlags,
): Promise<void> {
  if (interval !== undefined) {
    throw new OllamaError('usage', '--watch looks at one host: give -H, or --on without --watch.');
  }
  const { io } = context;
  const { tellTable } = await import('../hosts/on-table.js');
  const { runningColumns, RUNNING_WIDTHS } = await import('../output/running-columns.js');
  await tellTable<LoadedModel>(context, on, {
    ask: async (host) => ({
      items: await describe(host, await host.client.running({ signal: io.signal }), glob),
    }),
    known: FIELDS,
    columns: (fields, reader) =>
      fields === undefined && reader === 'person'
        ? runningColumns(io.now())
        : fieldColumns(fields ?? COLUMNS),
    least: RUNNING_WIDTHS,
    header,
    name: ({ name }) => name,
    sum: ({ length }) => ({ total: length }),
    end: ({ length }, hosts) => `${length} loaded on ${hosts}`,
    none: 'No model is loaded on',
  });
}

/** The models that are asked for, with what this program knows of them besides. */
async function describe(
  { io, client }: Context,
  models: readonly RunningModel[],
  glob: string | undefined,
): Promise<LoadedModel[]> {
  const wanted = glob === undefined ? models : models.filter(({ name }) => matchName(glob, name));
  if (wanted.length === 0) return [];
  const { gpuPercent } = await import('../output/running-columns.js');
  const { readUsage, usageName } = await import('../models/usage.js');
  const usage = await readUsage(io, client.host.url);
  return wanted.map((model) => {
    const percent = gpuPercent(model);
    const speed = usage.get(usageName(model.name))?.tokensPerSecond;
    return {
      ...model,
      ...(percent === undefined ? {} : { gpu_percent: percent }),
      ...(speed === undefined ? {} : { tokens_per_second: speed }),
    };
  });
}

function document({ client, flags }: Context, models: readonly LoadedModel[]): object {
  const whole = { host: client.host.url, models, total: models.length };
  const fields = readFields(flags);
  return fields === undefined ? whole : pickFields(whole, 'models', fields, FIELDS);
}

async function tell(context: Context, models: readonly LoadedModel[], flags: PsFlags): Promise<void> {
  const { io, mode } = context;
  if (mode === 'json') return await writeJson(io, document(context, models));
  await tellText(context, models, flags.header !== false);
}

async function tellText(context: Context, models: readonly LoadedModel[], header: boolean): Promise<void> {
  const { io, mode, client } = context;
  if (context.flags.quiet === true) {
    const lines = models.map(({ name }) => cleanLine(name));
    return await writeLines(io.stdout, lines, io.signal);
  }
  if (io.stdout.isTTY !== true && mode !== 'tty') {
    const columns = fieldColumns(readFields(context.flags) ?? COLUMNS);
    return await writeLines(io.stdout, renderTsv(models, columns, { header }), io.signal);
  }
  if (models.length === 0)
    return await writeText(io.stdout, `No model is loaded on ${client.host.display}.\n`, io.signal);
  await drawTable(context, models);
}

function fieldColumns(fields: readonly string[]): Column<LoadedModel>[] {
  return fields.map((key) => {
    const text = (model: LoadedModel): string => fieldText(model[key]);
    return { key, title: key.toUpperCase(), value: text, raw: text };
  });
}

async function drawTable(context: Context, models: readonly LoadedModel[]): Promise<void> {
  const { io, settings } = context;
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const { runningColumns } = await import('../output/running-columns.js');
  const fields = readFields(context.flags);
  const columns = fields ? fieldColumns(fields) : runningColumns(io.now());
  const look = await openLook(io, io.stdout, settings);
  const filled = columns.filter((column) => models.some((model) => column.value(model) !== ''));
  const lines = renderTerminalTable(models, filled, {
    width: look.width,
    styles: look.styles,
    ellipsis: look.symbols.ellipsis,
  });
  await writeLines(io.stdout, lines, io.signal);
}

/** Looks until `q` or Ctrl-C. What does not change is told once; a server that goes is told on stderr, and asked on. */
async function watch(context: Context, glob: string | undefined, flags: PsFlags): Promise<Outcome> {
  const { io, client, mode } = context;
  const { parseDuration, parseFlag } = await import('../config/duration.js');
  const { relay } = await import('../core/time-limit.js');
  const { watchRunning } = await import('../models/watch.js');
  const everyMs = Math.max(SHORTEST, parseFlag('--watch', flags.watch ?? '', parseDuration));
  const ending = relay(io.signal);
  const looks = watchRunning(client, { everyMs, signal: ending.signal, now: () => io.now() });
  try {
    if (mode === 'tty' && context.flags.quiet !== true && readFields(context.flags) === undefined) {
      await watchLive(context, looks, glob, everyMs, () => ending.abort('q'));
    } else await watchLines(context, looks, glob, flags);
  } finally {
    ending.release();
  }
  if (io.signal.aborted) throw new OllamaError('interrupted', 'Interrupted.', { host: client.host.url });
}

async function watchLive(
  context: Context,
  looks: AsyncIterable<Look>,
  glob: string | undefined,
  everyMs: number,
  onQuit: () => void,
): Promise<void> {
  const { io, client, settings } = context;
  const { openLook } = await import('../output/look.js');
  const look = await openLook(io, io.stdout, settings);
  let view: PsView | undefined;
  try {
    for await (const seen of looks) {
      if ('error' in seen) {
        view?.show(seen);
        continue;
      }
      const models = await describe(context, seen.models, glob);
      // Not before the first answer: a server that is not there is an error like any other.
      if (view) view.show({ models });
      else {
        const { openPsView } = await import('../views/ps.js');
        view = openPsView({ io, host: client.host.display, everyMs, look, onQuit }, models);
      }
    }
  } finally {
    view?.close();
  }
}

async function watchLines(
  context: Context,
  looks: AsyncIterable<Look>,
  glob: string | undefined,
  flags: PsFlags,
): Promise<void> {
  const { io, mode } = context;
  let told: string | undefined;
  let isGone = false;
  for await (const seen of looks) {
    if ('error' in seen) {
      if (!isGone) await tellGone(context, seen.error);
      isGone = true;
      told = undefined;
      continue;
    }
    isGone = false;
    const models = await describe(context, seen.models, glob);
    const state = JSON.stringify(models);
    if (state === told) continue;
    if (mode === 'json')
      await writeJsonLine(io, { schema_version: SCHEMA_VERSION, ...document(context, models) });
    else {
      if (told !== undefined) await writeText(io.stdout, '\n', io.signal);
      await tellText(context, models, flags.header !== false);
    }
    told = state;
  }
}

async function tellGone({ io, mode, settings }: Context, error: OllamaError): Promise<void> {
  const { toFailure } = await import('../failure.js');
  const { tellFailure } = await import('../tell-failure.js');
  await tellFailure(io, toFailure(error), mode === 'json', settings);
}
