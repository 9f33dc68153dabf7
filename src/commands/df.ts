import type { Context } from '../context.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { DiskReport } from '../models/disk-use.js';
import type { Register } from '../command.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';

interface DfFlags {
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
    .action(action(df));
};

type Row = DiskReport['models'][number];

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
    value: ({ uniqueSize }) => formatBytes(uniqueSize),
    raw: ({ uniqueSize }) => String(uniqueSize),
    align: 'right',
  },
];

async function df(context: Context, flags: DfFlags): Promise<void> {
  const { io, client, mode } = context;
  const fields = readFields(context.flags);
  const known = COLUMNS.map(({ key }) => key);
  checkFields(fields ?? [], known);
  const { measureFolder } = await import('../models/disk-use.js');
  const models = await client.list({ signal: io.signal, force: true });
  const report = await measureFolder(context, models, { dir: flags.modelsDir });
  if (mode === 'json') {
    const document = documentOf(report, client.host.url);
    return await writeJson(
      io,
      fields === undefined ? document : pickFields(document, 'models', fields, known),
    );
  }
  if (context.flags.quiet === true) {
    return await writeLines(
      io.stdout,
      report.models.map(({ name }) => cleanLine(name)),
      io.signal,
    );
  }
  const columns =
    fields === undefined ? COLUMNS : fields.flatMap((field) => COLUMNS.filter(({ key }) => key === field));
  if (io.stdout.isTTY === true || mode === 'tty') return await drawReport(context, report, columns);
  const lines = renderTsv(report.models, columns, { header: flags.header !== false });
  await writeLines(io.stdout, lines, io.signal);
  await writeLines(io.stderr, words(report).map(cleanLine), io.signal);
}

function documentOf(report: DiskReport, host: string): object {
  const { totalSize, freeBytes, notes, ...rest } = report;
  return {
    host,
    ...rest,
    models: report.models.map(({ name, size, uniqueSize }) => ({ name, size, unique_size: uniqueSize })),
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
  const table = renderTerminalTable(report.models, columns, { width, styles, ellipsis: symbols.ellipsis });
  const lines = report.models.length === 0 ? [] : [...table, ''];
  await writeLines(
    io.stdout,
    [...lines, ...words(report).map((line) => styles.dim(cleanLine(line)))],
    io.signal,
  );
}
