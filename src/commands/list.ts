import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import type { InstalledModel } from '../core/wire.js';
import { matchName } from '../config/glob.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { Register } from '../command.js';
import type { KeptDetails } from '../models/details.js';
import { checkFields, fieldText, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { contextLength, modelColumns } from '../output/model-columns.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines, writeText } from '../output/write.js';

interface ListFlags {
  readonly sort?: string;
  readonly reverse?: boolean;
  readonly columns?: string;
  readonly header?: boolean;
}

const SORTS: Readonly<Record<string, (a: InstalledModel, b: InstalledModel) => number>> = {
  name: (a, b) => a.name.localeCompare(b.name, 'en'),
  size: (a, b) => b.size - a.size,
  modified: (a, b) => timeOf(b) - timeOf(a),
};

/** A time that can't be read comes last, wherever it stands in the list. */
function timeOf({ modified_at }: InstalledModel): number {
  return Date.parse(modified_at) || 0;
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
    .option('--sort <by>', `${Object.keys(SORTS).join(', ')}; as the server has them otherwise: newest first`)
    .option('--reverse', 'the other way round')
    .option('--columns <a,b>', 'only these columns, in this order')
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(list));
};

async function list(context: Context, glob: string | undefined, flags: ListFlags): Promise<void> {
  const { io, client } = context;
  const fields = readFields(context.flags);
  const columns =
    fields && context.flags.json !== true
      ? fieldColumns(fields, io.now())
      : chooseColumns(flags.columns, io.now());
  const sort = flags.sort === undefined ? undefined : SORTS[flags.sort];
  if (flags.sort !== undefined && !sort) {
    throw new OllamaError(
      'usage',
      `There is no order "${flags.sort}": it is ${Object.keys(SORTS).join(', ')}.`,
    );
  }
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
  let models = glob === undefined ? all : all.filter((model) => matchName(glob, model.name));
  if (sort) models = [...models].sort(sort);
  if (flags.reverse === true) models = [...models].reverse();
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
    models: models.map((model) => {
      const length = contextLength(model);
      return length === model.context_length ? model : { ...model, context_length: length };
    }),
    total: models.length,
    total_size: size,
    ...(shared === undefined ? {} : { shared_size: shared, unique_total_size: size - shared }),
  };
  return fields === undefined ? document : pickFields(document, 'models', fields, MODEL_FIELDS);
}

function sizeOf(models: readonly InstalledModel[]): number {
  return models.reduce((sum, model) => sum + model.size, 0);
}

/** The fields of the shape, so that one which no model has today is no mistake. */
const MODEL_FIELDS = [
  'name',
  'model',
  'size',
  'digest',
  'modified_at',
  'details',
  'capabilities',
  'context_length',
  'remote_host',
];

function chooseColumns(asked: string | undefined, now: number): readonly Column<InstalledModel>[] {
  const columns = modelColumns(now);
  if (asked === undefined) return columns;
  return asked.split(',').map((word) => {
    const wanted = word.trim().toLowerCase();
    const column = columns.find(({ key, title }) => key === wanted || title.toLowerCase() === wanted);
    if (column) return column;
    const names = columns.map(({ key }) => key).join(', ');
    throw new OllamaError('usage', `There is no column "${word.trim()}". The columns are: ${names}.`);
  });
}

/** The columns of `--fields`: those of the table, and any other field of a model as it is. */
function fieldColumns(fields: readonly string[], now: number): readonly Column<InstalledModel>[] {
  const columns = modelColumns(now);
  checkFields(fields, [...new Set([...MODEL_FIELDS, ...columns.map(({ key }) => key)])]);
  return fields.map((key) => {
    const text = (model: InstalledModel): string => fieldText(model[key]);
    return (
      columns.find((column) => column.key === key) ?? {
        key,
        title: key.toUpperCase(),
        value: text,
        raw: text,
      }
    );
  });
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
  const count = `${models.length} ${models.length === 1 ? 'model' : 'models'}`;
  const share = shared === 0 ? '' : ` (${formatBytes(shared)} shared)`;
  const total = `${count}, ${formatBytes(sizeOf(models))}${share}`;
  await writeLines(io.stdout, [...lines, '', dim(total)], io.signal);
}

/** Which server has nothing, and the usual reason where something was expected. */
async function emptyWords({ client, flags }: Context): Promise<string> {
  const { throughHost } = await import('../next-step.js');
  return `No models on ${client.host.display}. Get one: ${throughHost('ollama-cli pull llama3.2:1b', flags.host)}
Installed some before? A server that runs as another user or with another OLLAMA_MODELS has its own.
`;
}
