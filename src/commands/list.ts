import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import type { InstalledModel } from '../core/wire.js';
import { matchGlob } from '../config/glob.js';
import { formatAge } from '../format/age.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { formatCount } from '../format/count.js';
import type { Register } from '../command.js';
import { checkFields, fieldText, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
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
  modified: (a, b) => Date.parse(b.modified_at) - Date.parse(a.modified_at),
};

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
  // Opening stdout takes as long as a server's answer: once the request is out, it is done while that is awaited.
  setImmediate(() => setImmediate(() => void io.stdout));
  const all = await asked;
  const { mode } = context;
  let models = glob === undefined ? all : all.filter((model) => matches(glob, model.name));
  if (sort) models = [...models].sort(sort);
  if (flags.reverse === true) models = [...models].reverse();

  if (mode === 'json') return await writeJson(io, listDocument(context, models, fields));
  if (context.flags.quiet === true) {
    const lines = models.map((model) => cleanLine(model.name));
    return await writeLines(io.stdout, lines, io.signal);
  }
  if (io.stdout.isTTY === true || mode === 'tty')
    return await drawTable(context, models, columns, all.length);
  const lines = renderTsv(models, columns, { header: flags.header !== false });
  await writeLines(io.stdout, lines, io.signal);
}

function matches(glob: string, name: string): boolean {
  return /[*?]/.test(glob) ? matchGlob(glob, name) : name.toLowerCase().startsWith(glob.toLowerCase());
}

function listDocument(
  { client }: Context,
  models: readonly InstalledModel[],
  fields: readonly string[] | undefined,
): object {
  const document = {
    host: client.host.url,
    models: models.map((model) => {
      const length = contextLength(model);
      return length === model.context_length ? model : { ...model, context_length: length };
    }),
    total: models.length,
    total_size: models.reduce((sum, model) => sum + model.size, 0),
  };
  return fields === undefined ? document : pickFields(document, 'models', fields, MODEL_FIELDS);
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

function contextLength(model: InstalledModel): number | undefined {
  return model.context_length ?? model.details.context_length;
}

function allColumns(now: number): readonly Column<InstalledModel>[] {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return [
    { key: 'name', title: 'NAME', value: (m) => m.name, raw: (m) => m.name, shrink: 'middle' },
    {
      key: 'digest',
      title: 'ID',
      value: (m) => m.digest.replace(/^sha256:/, '').slice(0, 12),
      raw: (m) => m.digest,
      priority: 6,
    },
    {
      key: 'size',
      title: 'SIZE',
      value: (m) => (m.remote_host === undefined ? formatBytes(m.size) : '-'),
      raw: (m) => String(m.size),
      align: 'right',
    },
    {
      key: 'parameter_size',
      title: 'PARAMS',
      value: (m) => text(m.details.parameter_size),
      raw: (m) => text(m.details.parameter_size),
      align: 'right',
      priority: 1,
    },
    {
      key: 'quantization_level',
      title: 'QUANT',
      value: (m) => text(m.details.quantization_level),
      raw: (m) => text(m.details.quantization_level),
      priority: 3,
    },
    {
      key: 'context_length',
      title: 'CONTEXT',
      value: (m) => {
        const length = contextLength(m);
        return length === undefined ? '' : formatCount(length);
      },
      raw: (m) => String(contextLength(m) ?? ''),
      align: 'right',
      priority: 4,
    },
    {
      key: 'capabilities',
      title: 'CAN',
      value: (m) => (m.capabilities ?? []).filter((can) => can !== 'completion').join(' '),
      raw: (m) => (m.capabilities ?? []).join(','),
      priority: 5,
      shrink: 'end',
    },
    {
      key: 'modified_at',
      title: 'MODIFIED',
      value: (m) => formatAge(m.modified_at, now),
      raw: (m) => m.modified_at,
      priority: 2,
    },
  ];
}

function chooseColumns(asked: string | undefined, now: number): readonly Column<InstalledModel>[] {
  const columns = allColumns(now);
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
  const columns = allColumns(now);
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
  models: readonly InstalledModel[],
  columns: readonly Column<InstalledModel>[],
  installed: number,
): Promise<void> {
  const { io, settings, client } = context;
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const look = await openLook(io, io.stdout, settings);
  const { dim } = look.styles;
  if (models.length === 0) {
    const where = client.host.display;
    const line =
      installed === 0
        ? `No models on ${where}. Get one: ollama-cli pull llama3.2:1b\nInstalled some before? A server that runs as another user or with another OLLAMA_MODELS has its own.`
        : `None of the ${installed} models on ${where} matches.`;
    return await writeText(io.stdout, `${line}\n`, io.signal);
  }
  // A column that no model fills says nothing.
  const filled = columns.filter((column) => models.some((model) => column.value(model) !== ''));
  const lines = renderTerminalTable(models, filled, {
    width: look.width,
    styles: look.styles,
    ellipsis: look.symbols.ellipsis,
  });
  const size = models.reduce((sum, model) => sum + model.size, 0);
  const total = `${models.length} ${models.length === 1 ? 'model' : 'models'}, ${formatBytes(size)}`;
  await writeLines(io.stdout, [...lines, '', dim(total)], io.signal);
}
