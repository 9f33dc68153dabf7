import type { Context } from '../context.js';
import { failureJson, toFailure } from '../failure.js';
import { formatAge } from '../format/age.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { breakWords } from '../format/width.js';
import { checkFields, fieldText, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';
import type { SourceReport } from './ask-sources.js';
import type { Result } from './merge.js';

/** What is told: the results of one question, and who answered it. */
export interface Told {
  readonly kind: 'search' | 'tags';
  /** What was asked for, as it was written. */
  readonly asked: string;
  readonly results: readonly Result[];
  readonly reports: readonly SourceReport[];
  /** How many were left out because their size is not known. */
  readonly unknown: number;
  readonly header: boolean;
}

/** The fields of a result, so that one which no result has today is no mistake. */
const RESULT_FIELDS = [
  'name',
  'source',
  'installed',
  'sizes',
  'parameter_sizes',
  'quantization',
  'capabilities',
  'digest',
  'updated_at',
  'description',
];

function plain(result: Result): Record<string, unknown> {
  const { name, source, installed, sizes, parameterSizes, quantization, capabilities, digest } = result;
  const updated = result.updatedAt === undefined ? undefined : new Date(result.updatedAt).toISOString();
  const fields = {
    name,
    source,
    // Not known is not "no".
    installed: installed ?? null,
    sizes,
    parameter_sizes: parameterSizes,
    quantization,
    capabilities,
    digest,
    updated_at: updated,
    description: result.description,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Throws `usage` for a field that no result can have, before anything is asked. */
export function checkResultFields(context: Context): void {
  checkFields(readFields(context.flags) ?? [], RESULT_FIELDS);
}

/** Tells what was found: a document, names, a table for a pipe or one for a terminal. */
export async function tellFindings(context: Context, told: Told): Promise<void> {
  const { io, mode, flags } = context;
  if (mode === 'json') return await tellJson(context, told);
  if (flags.quiet === true) {
    const names = told.results.map(({ name }) => cleanLine(name));
    return await writeLines(io.stdout, names, io.signal);
  }
  if (io.stdout.isTTY === true || mode === 'tty') return await drawTable(context, told);
  const fields = readFields(flags);
  const columns = fields === undefined ? tableColumns(told.kind, io.now()) : fields.map(fieldColumn);
  await writeLines(io.stdout, renderTsv(told.results, columns, { header: told.header }), io.signal);
  for (const line of troubles(told)) io.stderr.write(`${line}\n`);
}

async function tellJson({ io, client, flags }: Context, told: Told): Promise<void> {
  const fields = readFields(flags);
  const document = {
    host: client.host.url,
    results: told.results.map(plain),
    sources: told.reports.map(({ name, error, note }) => ({
      name,
      ok: error === undefined,
      ...(error === undefined ? {} : { error: failureJson(toFailure(error)) }),
      ...(note === undefined ? {} : { note }),
    })),
    total: told.results.length,
  };
  await writeJson(
    io,
    fields === undefined ? document : pickFields(document, 'results', fields, RESULT_FIELDS),
  );
}

function fieldColumn(key: string): Column<Result> {
  const text = (result: Result): string => fieldText(plain(result)[key]);
  return { key, title: key.toUpperCase(), value: text, raw: text };
}

function formatSizes({ sizes, parameterSizes }: Result): string {
  const [first, last] = [sizes?.[0], sizes?.at(-1)];
  if (first === undefined || last === undefined) return parameterSizes?.join(' ') ?? '';
  return first === last ? formatBytes(first) : `${formatBytes(first)} to ${formatBytes(last)}`;
}

const join = (values: readonly (string | number)[] | undefined): string => values?.join(',') ?? '';

function tableColumns(kind: Told['kind'], now: number): readonly Column<Result>[] {
  const installed: Column<Result> = {
    key: 'installed',
    title: 'HERE',
    value: (one) => (one.installed === undefined ? '?' : one.installed ? 'yes' : ''),
    raw: (one) => (one.installed === undefined ? '' : String(one.installed)),
    priority: 1,
  };
  const sizes: Column<Result> = {
    key: 'sizes',
    title: 'SIZE',
    value: formatSizes,
    raw: ({ sizes: known }) => join(known),
    align: 'right',
    priority: 2,
  };
  const updated: Column<Result> = {
    key: 'updated_at',
    title: 'UPDATED',
    value: (one) =>
      one.updatedAt === undefined ? '' : formatAge(new Date(one.updatedAt).toISOString(), now),
    raw: (one) => (one.updatedAt === undefined ? '' : new Date(one.updatedAt).toISOString()),
    priority: 4,
  };
  const source: Column<Result> = {
    key: 'source',
    title: 'SOURCE',
    value: (one) => one.source,
    raw: (one) => one.source,
    priority: 5,
  };
  const text = (
    key: string,
    title: string,
    value: (one: Result) => string | undefined,
    priority: number,
  ): Column<Result> => {
    const read = (one: Result): string => value(one) ?? '';
    return { key, title, value: read, raw: read, priority };
  };
  const name: Column<Result> = {
    key: 'name',
    title: 'NAME',
    value: (one) => one.name,
    raw: (one) => one.name,
    shrink: 'middle',
  };
  const description = text('description', 'DESCRIPTION', (one) => one.description, 8);
  if (kind === 'tags') {
    const digest: Column<Result> = {
      ...text('digest', 'ID', (one) => one.digest, 6),
      value: (one) => one.digest?.replace(/^sha256:/, '').slice(0, 12) ?? '',
    };
    const quantization = text('quantization', 'QUANT', (one) => one.quantization, 3);
    return [name, sizes, quantization, installed, digest, updated, source, { ...description, shrink: 'end' }];
  }
  const parameters: Column<Result> = {
    key: 'parameter_sizes',
    title: 'PARAMS',
    // Where the bytes are known they say more.
    value: () => '',
    raw: ({ parameterSizes }) => join(parameterSizes),
  };
  const capabilities: Column<Result> = {
    key: 'capabilities',
    title: 'CAN',
    value: (one) => (one.capabilities ?? []).filter((can) => can !== 'completion').join(' '),
    raw: (one) => join(one.capabilities),
    priority: 3,
  };
  return [
    name,
    installed,
    sizes,
    parameters,
    capabilities,
    updated,
    source,
    { ...description, shrink: 'end' },
  ];
}

/** What went wrong, and what of the results is not as whole as it may look. */
function troubles({ reports, unknown }: Told): string[] {
  const left = unknown === 1 ? '1 of unknown size is' : `${unknown} of unknown size are`;
  return [
    ...reports.flatMap(({ name, error, note }) => {
      const words =
        error === undefined ? note : `no answer: ${toFailure(error).message.replaceAll('\n', ' ')}`;
      return words === undefined ? [] : [`${name}: ${cleanLine(words)}`];
    }),
    ...(unknown === 0 ? [] : [`${left} left out.`]),
  ];
}

async function drawTable(context: Context, told: Told): Promise<void> {
  const { io, settings } = context;
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const { styles, symbols, width } = await openLook(io, io.stdout, settings);
  const { results, reports, kind } = told;
  const fields = readFields(context.flags);
  const columns = fields === undefined ? tableColumns(kind, io.now()) : fields.map(fieldColumn);
  // A column that no result fills says nothing.
  const filled = columns.filter((column) => results.some((result) => column.value(result) !== ''));
  const table =
    results.length === 0
      ? []
      : [...renderTerminalTable(results, filled, { width, styles, ellipsis: symbols.ellipsis }), ''];
  const answered = reports.filter(({ error }) => error === undefined).map(({ name }) => name);
  const what = kind === 'search' ? 'model' : 'tag';
  const count = `${results.length} ${what}${results.length === 1 ? '' : 's'}`;
  const end = results.length === 0 ? `Nothing for "${cleanLine(told.asked)}"` : count;
  const total = breakWords(`${end} from ${answered.join(', ')}`, width).map((line) => styles.dim(line));
  await writeLines(io.stdout, [...table, ...total], io.signal);
  for (const line of troubles(told).flatMap((text) => breakWords(text, width))) io.stderr.write(`${line}\n`);
  if (results.length === 0 && kind === 'search') {
    io.stderr.write('Fewer words find more; an exact name can be asked for: ollama-cli tags NAME\n');
  }
}
