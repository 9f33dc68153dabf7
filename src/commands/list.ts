import type { Context } from '../context.js';
import type { InstalledModel } from '../core/wire.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { collect, type Register } from '../command.js';
import { readArrangement, SORTS, type Arrange } from '../models/arrange.js';
import type { KeptDetails } from '../models/details.js';
import { readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import {
  chooseColumns,
  contextLength,
  fieldColumns,
  MODEL_FIELDS,
  USUAL_WIDTHS,
} from '../output/model-columns.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines, writeText } from '../output/write.js';

interface ListFlags {
  readonly on?: readonly string[];
  readonly sort?: string;
  readonly reverse?: boolean;
  readonly columns?: string;
  readonly header?: boolean;
}

/** Declares `list`. */
export const register: Register = (program, action) => {
  program
    .command('list')
    .alias('ls')
    .helpGroup('Models:')
    .summary('installed models')
    .description(
      'Lists the installed models: name, size, parameters, quantization, context, capabilities, age.',
    )
    .argument('[glob]', "only models that match; * crosses / and :, without one it is a name's beginning")
    .option('--sort <by>', `${SORTS.join(', ')}; as the server has them otherwise: newest first`)
    .option('--reverse', 'the other way round')
    .option('--columns <a,b>', 'only these columns, in this order')
    .option('--no-header', 'in a pipe: without the header row')
    .option('--on <a,b>', 'ask these hosts side by side, or all that are configured: --on all', collect)
    .action(action(list, { needsClient: (_glob, { on }) => on === undefined }));
};

async function list(context: Context, glob: string | undefined, flags: ListFlags): Promise<void> {
  const { io } = context;
  const fields = readFields(context.flags);
  const arrange = readArrangement(glob, flags);
  if (flags.on !== undefined) return await listOn(context, flags.on, arrange, flags);
  const columns =
    fields && context.flags.json !== true
      ? fieldColumns(fields, io.now())
      : chooseColumns(flags.columns, io.now());
  const { client } = context;
  const asked = client.list({ signal: io.signal });
  let kept: KeptDetails | undefined;
  const prepare = async (): Promise<void> => {
    void io.stdout;
    kept = (await import('../models/details.js')).readKept(io);
  };
  // It takes as long as a server's answer: once the request is out, it is done while that is awaited.
  setImmediate(() => setImmediate(() => void prepare()));
  const all = await asked;
  const { mode } = context;
  const models = arrange(all);
  const onTerminal = io.stdout.isTTY === true || mode === 'tty';
  if (all.length === 0 && mode !== 'json' && !onTerminal && context.flags.quiet !== true)
    io.stderr.write(await emptyWords(context));

  if (mode !== 'json' && context.flags.quiet === true) {
    const lines = models.map((model) => cleanLine(model.name));
    return await writeLines(io.stdout, lines, io.signal);
  }
  const wanted = mode === 'json' ? (fields ?? MODEL_FIELDS) : columns.map(({ key }) => key);
  const isWhole = fields === undefined && (mode === 'json' || flags.columns === undefined);
  const wantsShared = isWhole && (mode === 'json' || onTerminal);
  const known = await learn(context, models, { wanted, wantsShared, kept });
  if (mode === 'json') await writeJson(io, listDocument(context, known, fields));
  else if (onTerminal) await drawTable(context, known, columns, all.length);
  else {
    const lines = renderTsv(known.models, columns, { header: flags.header !== false });
    await writeLines(io.stdout, lines, io.signal);
  }
  // The answer first: what was asked for it is kept while nobody waits.
  await known.save?.();
}

/** The same of several hosts, each one's models when it has answered. What they share is of one disk, and not told. */
async function listOn(
  context: Context,
  on: readonly string[],
  arrange: Arrange,
  { columns: chosen, header = true }: ListFlags,
): Promise<void> {
  const { io, mode } = context;
  const now = io.now();
  const columns = chooseColumns(chosen, now);
  const wanted =
    readFields(context.flags) ?? (mode === 'json' ? MODEL_FIELDS : columns.map(({ key }) => key));
  const isQuiet = mode !== 'json' && context.flags.quiet === true;
  const { tellTable } = await import('../hosts/on-table.js');
  const { readKept } = await import('../models/details.js');
  const kept = readKept(io);
  await tellTable<InstalledModel>(context, on, {
    ask: async (host) => {
      const models = arrange(await host.client.list({ signal: io.signal }));
      if (isQuiet) return { items: models };
      const known = await learn(host, models, { wanted, wantsShared: false, kept });
      const about = { total: models.length, total_size: sizeOf(models) };
      return { items: known.models.map(withContext), about, after: known.save };
    },
    known: MODEL_FIELDS,
    columns: (fields) => (fields === undefined ? columns : fieldColumns(fields, now)),
    least: USUAL_WIDTHS,
    header,
    name: ({ name }) => name,
    sum: (models) => ({ total: models.length, total_size: sizeOf(models) }),
    end: (models, hosts) => `${countOf(models)} on ${hosts}, ${formatBytes(sizeOf(models))}`,
    none: 'No models on',
  });
}

/** The models with what the list of some servers lacks, and how many bytes they share, where that is known. */
interface Known {
  readonly models: readonly InstalledModel[];
  readonly shared: number | undefined;
  readonly save?: () => Promise<void>;
}

/** Models that differ in this share nothing. */
function looks({ details }: InstalledModel): string {
  return `${details.parameter_size} ${details.quantization_level}`;
}

/** Asks for what is wanted and not told, and loads nothing where there is nothing to ask. */
async function learn(
  context: Context,
  models: readonly InstalledModel[],
  {
    wanted,
    wantsShared,
    kept,
  }: {
    readonly wanted: readonly string[];
    readonly wantsShared: boolean;
    readonly kept: KeptDetails | undefined;
  },
): Promise<Known> {
  const lacking = models.filter(
    (model) =>
      model.remote_host === undefined &&
      ((wanted.includes('capabilities') && model.capabilities === undefined) ||
        (wanted.includes('context_length') && contextLength(model) === undefined)),
  );
  const hasDoubles = wantsShared && new Set(models.map(looks)).size < models.length;
  if (lacking.length === 0 && !hasDoubles) return { models, shared: wantsShared ? 0 : undefined };
  const { findDetails } = await import('../models/details.js');
  const { findDoubles, measureSharing } = await import('../models/shared.js');
  const doubles = hasDoubles ? findDoubles(models) : [];
  const details = await findDetails(context, [...new Set([...lacking, ...doubles])], kept);
  const sharing = measureSharing(models, (digest) => details.get(digest)?.weights);
  return {
    models: models.map((model) => {
      const { capabilities, contextLength: length } = details.get(model.digest) ?? {};
      return {
        ...model,
        ...(model.capabilities === undefined && capabilities !== undefined ? { capabilities } : {}),
        ...(contextLength(model) === undefined && length !== undefined ? { context_length: length } : {}),
      };
    }),
    shared: wantsShared && sharing.known ? sharing.bytes : undefined,
    save: () => details.save(),
  };
}

function listDocument(
  { client }: Context,
  { models, shared }: Known,
  fields: readonly string[] | undefined,
): object {
  const size = sizeOf(models);
  const document = {
    host: client.host.url,
    models: models.map(withContext),
    total: models.length,
    total_size: size,
    ...(shared === undefined ? {} : { shared_size: shared, unique_total_size: size - shared }),
  };
  return fields === undefined ? document : pickFields(document, 'models', fields, MODEL_FIELDS);
}

/** A model with its context length where a script looks for it. */
function withContext(model: InstalledModel): InstalledModel {
  const length = contextLength(model);
  return length === undefined || length === model.context_length
    ? model
    : { ...model, context_length: length };
}

function countOf({ length }: readonly InstalledModel[]): string {
  return `${length} ${length === 1 ? 'model' : 'models'}`;
}

function sizeOf(models: readonly InstalledModel[]): number {
  return models.reduce((sum, model) => sum + model.size, 0);
}

async function drawTable(
  context: Context,
  { models, shared = 0 }: Known,
  columns: readonly Column<InstalledModel>[],
  installed: number,
): Promise<void> {
  const { io, settings, client } = context;
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const look = await openLook(io, io.stdout, settings);
  const { dim } = look.styles;
  if (models.length === 0) {
    const text =
      installed === 0
        ? await emptyWords(context)
        : `None of the ${installed} models on ${client.host.display} matches.\n`;
    return await writeText(io.stdout, text, io.signal);
  }
  // A column that no model fills says nothing.
  const filled = columns.filter((column) => models.some((model) => column.value(model) !== ''));
  const lines = renderTerminalTable(models, filled, {
    width: look.width,
    styles: look.styles,
    ellipsis: look.symbols.ellipsis,
  });
  const share = shared === 0 ? '' : ` (${formatBytes(shared)} shared)`;
  const total = `${countOf(models)}, ${formatBytes(sizeOf(models))}${share}`;
  await writeLines(io.stdout, [...lines, '', dim(total)], io.signal);
}

/** Which server has nothing, and the usual reason where something was expected. */
async function emptyWords({ client, flags }: Context): Promise<string> {
  const { throughHost } = await import('../next-step.js');
  return `No models on ${client.host.display}. Get one: ${throughHost('ollama-cli pull llama3.2:1b', flags.host)}
Installed some before? A server that runs as another user or with another OLLAMA_MODELS has its own.
`;
}
