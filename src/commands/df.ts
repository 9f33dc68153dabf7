import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { DiskReport } from '../models/disk-use.js';
import { collect, type Register } from '../command.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';

interface DfFlags {
  readonly on?: readonly string[];
  readonly modelsDir?: string;
  readonly header?: boolean;
}

/** Declares `df`. */
export const register: Register = (program, action) => {
  program
    .command('df')
    .helpGroup('Models:')
    .summary('what models take of the disk')
    .description(
      'What the installed models take of the disk, shared layers once; with the models folder at hand also unfinished downloads and blobs of no model.',
    )
    .option('--models-dir <dir>', "the server's models folder, where it is not in its usual place")
    .option('--no-header', 'in a pipe: without the header row')
    .option('--on <a,b>', 'ask these hosts side by side, or all that are configured: --on all', collect)
    .action(action(df, { needsClient: ({ on }) => on === undefined }));
};

/** A model as it is told. */
interface Row {
  readonly name: string;
  readonly size: number;
  readonly unique_size: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { key: 'name', title: 'NAME', value: ({ name }) => name, raw: ({ name }) => name, shrink: 'middle' },
  {
    key: 'size',
    title: 'SIZE',
    value: ({ size }) => formatBytes(size),
    raw: ({ size }) => String(size),
    align: 'right',
  },
  {
    key: 'unique_size',
    title: 'ITS OWN',
    value: ({ unique_size: bytes }) => formatBytes(bytes),
    raw: ({ unique_size: bytes }) => String(bytes),
    align: 'right',
  },
];
const KEYS = COLUMNS.map(({ key }) => key);

function chooseColumns(fields: readonly string[] | undefined): readonly Column<Row>[] {
  return (fields ?? KEYS).flatMap((field) => COLUMNS.filter(({ key }) => key === field));
}

async function df(context: Context, flags: DfFlags): Promise<void> {
  if (flags.on !== undefined) return await dfOn(context, flags.on, flags);
  const { io, client, mode } = context;
  const fields = readFields(context.flags);
  checkFields(fields ?? [], KEYS);
  const { measureFolder } = await import('../models/disk-use.js');
  const models = await client.list({ signal: io.signal, force: true });
  const report = await measureFolder(context, models, { dir: flags.modelsDir });
  if (mode === 'json') {
    const document = { host: client.host.url, ...documentOf(report) };
    return await writeJson(
      io,
      fields === undefined ? document : pickFields(document, 'models', fields, KEYS),
    );
  }
  if (context.flags.quiet === true) {
    return await writeLines(
      io.stdout,
      report.models.map(({ name }) => cleanLine(name)),
      io.signal,
    );
  }
  const columns = chooseColumns(fields);
  if (io.stdout.isTTY === true || mode === 'tty') return await drawReport(context, report, columns);
  const lines = renderTsv(rowsOf(report), columns, { header: flags.header !== false });
  await writeLines(io.stdout, lines, io.signal);
  await writeLines(io.stderr, words(report).map(cleanLine), io.signal);
}

/** The same of several hosts, each one's models when it has answered. */
async function dfOn(
  context: Context,
  on: readonly string[],
  { modelsDir, header = true }: DfFlags,
): Promise<void> {
  if (modelsDir !== undefined) {
    throw new OllamaError('usage', '--models-dir is the folder of one host: give -H, or --on without it.');
  }
  const { io } = context;
  const { tellTable } = await import('../hosts/on-table.js');
  const { measureFolder } = await import('../models/disk-use.js');
  await tellTable<Row, Omit<ReturnType<typeof documentOf>, 'models'>>(context, on, {
    ask: async (host) => {
      const models = await host.client.list({ signal: io.signal, force: true });
      const report = await measureFolder(host, models, {});
      const { models: items, ...about } = documentOf(report);
      // Of a folder that is elsewhere, as of most of several hosts, nothing is expected.
      const notes = report.folder === undefined ? [] : report.notes;
      return { items, about, notes: words({ ...report, notes }) };
    },
    known: KEYS,
    columns: chooseColumns,
    least: { name: 20, size: 8, unique_size: 8 },
    header,
    name: ({ name }) => name,
    sum: (_models, reports) => ({
      total_size: reports.reduce((bytes, report) => bytes + report.total_size, 0),
      complete: reports.every(({ complete }) => complete),
    }),
    end: ({ length }, hosts) => `${length} ${length === 1 ? 'model' : 'models'} on ${hosts}`,
    none: 'No models on',
  });
}

function rowsOf({ models }: DiskReport): Row[] {
  return models.map(({ name, size, uniqueSize }) => ({ name, size, unique_size: uniqueSize }));
}

function documentOf(report: DiskReport) {
  const { totalSize, freeBytes, notes, ...rest } = report;
  return {
    ...rest,
    models: rowsOf(report),
    total_size: totalSize,
    ...(freeBytes === undefined ? {} : { free_bytes: freeBytes }),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** The report's sums, and what is not known, in sentences. */
function words(report: DiskReport): string[] {
  const { models, totalSize, partials = [], orphans = [], folder, freeBytes, notes } = report;
  const sum = models.reduce((bytes, { size }) => bytes + size, 0);
  const count = models.length === 1 ? '1 model takes' : `${models.length} models take`;
  const shared = sum > totalSize ? `; ${formatBytes(sum - totalSize)} more if each had its own layers` : '';
  const where = folder === undefined ? '' : ` in ${folder}`;
  const lines = [`${count} ${formatBytes(totalSize)}${where}${shared}.`];
  const sizeOf = (files: readonly { size: number }[]): string =>
    formatBytes(files.reduce((bytes, { size }) => bytes + size, 0));
  if (partials.length > 0) {
    const what =
      partials.length === 1 ? '1 unfinished download takes' : `${partials.length} unfinished downloads take`;
    lines.push(
      `${what} ${sizeOf(partials)}: the same pull goes on; a server that starts drops what is older than an hour.`,
    );
  }
  if (orphans.length > 0) {
    const what =
      orphans.length === 1 ? '1 blob of no model takes' : `${orphans.length} blobs of no model take`;
    lines.push(`${what} ${sizeOf(orphans)}: a server that starts removes such blobs.`);
  }
  if (freeBytes !== undefined) lines.push(`${formatBytes(freeBytes)} are free there.`);
  return [...lines, ...notes];
}

async function drawReport(
  { io, settings }: Context,
  report: DiskReport,
  columns: readonly Column<Row>[],
): Promise<void> {
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const look = await openLook(io, io.stdout, settings);
  const { styles, symbols, width } = look;
  const table = renderTerminalTable(rowsOf(report), columns, { width, styles, ellipsis: symbols.ellipsis });
  const lines = report.models.length === 0 ? [] : [...table, ''];
  await writeLines(
    io.stdout,
    [...lines, ...words(report).map((line) => styles.dim(cleanLine(line)))],
    io.signal,
  );
}
