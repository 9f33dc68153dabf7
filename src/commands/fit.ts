import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName } from '../core/model-name.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { formatCount } from '../format/count.js';
import { checkFields, readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeLines } from '../output/write.js';
import type { Register } from '../command.js';
import type { FitReport } from '../models/fit.js';
import type { KvType } from '../models/fit-estimate.js';

interface FitFlags {
  readonly context?: string;
  readonly kv?: string;
  readonly ram?: string;
  readonly vram?: string;
}

const KV_TYPES: readonly KvType[] = ['f16', 'q8_0', 'q4_0'];

/** The fields of the document, so that one which this model has not is no mistake. */
const FIELDS = [
  ...['host', 'model', 'context', 'kv_type', 'weights_bytes', 'kv_bytes', 'overhead_bytes', 'total_bytes'],
  ...[
    'available',
    'verdict',
    'estimate',
    'basis',
    'installed',
    'context_limit',
    'parameters',
    'quantization',
  ],
  ...['memory_source', 'unified', 'reason'],
];

/** Declares `fit`. */
export const register: Register = (program, action) => {
  program
    .command('fit')
    .helpGroup('Models:')
    .summary('whether a model fits this memory')
    .description(
      'Estimates the memory that a model takes once it is loaded, installed or not, against what there is. Downloads nothing.',
    )
    .argument('<model>')
    .option('--context <n>', 'for a context of so many tokens: 8192, 32k')
    .option('--kv <type>', `for a key-value cache of ${KV_TYPES.join(', ')}`)
    .option('--ram <size>', 'as if so much memory were free: 16GB')
    .option('--vram <size>', 'as if so much GPU memory were free; 0 for no GPU')
    .action(action(fit));
};

async function fit(context: Context, model: string, flags: FitFlags): Promise<void> {
  const { io, mode } = context;
  checkModelName(model);
  const fields = readFields(context.flags);
  checkFields(fields ?? [], FIELDS);
  const options = await readOptions(flags);
  const { fitModel } = await import('../models/fit.js');
  const report = await fitModel(context, model, options);
  const document = { host: context.client.host.url, ...report };
  if (mode === 'json') {
    return await writeJson(io, fields ? pickFields(document, undefined, fields, FIELDS) : document);
  }
  if (context.flags.quiet === true) return await writeLines(io.stdout, [report.verdict], io.signal);
  if (!fields && (io.stdout.isTTY === true || mode === 'tty')) return await draw(context, report);
  const rows = fields ? pickFields(document, undefined, fields, FIELDS) : flatten(document);
  await writeLines(io.stdout, renderFields(rows), io.signal);
}

/** A line of a table holds one value: the memory is taken apart. */
function flatten({ available, ...rest }: FitReport): Record<string, unknown> {
  const { ram, vram } = available;
  return {
    ...rest,
    ...(ram === undefined ? {} : { available_ram: ram }),
    ...(vram === undefined ? {} : { available_vram: vram }),
  };
}

async function readOptions(flags: FitFlags): Promise<{
  context: number | undefined;
  kvType: KvType | undefined;
  ram: number | undefined;
  vram: number | undefined;
}> {
  const kvType = KV_TYPES.find((type) => type === flags.kv);
  if (flags.kv !== undefined && kvType === undefined) {
    throw new OllamaError('usage', `--kv is ${KV_TYPES.join(', ')}, and not "${cleanLine(flags.kv)}".`);
  }
  const { parseFlag, parseSize } = await import('../config/duration.js');
  const size = (flag: 'ram' | 'vram'): number | undefined => {
    const text = flags[flag];
    return text === undefined ? undefined : parseFlag(`--${flag}`, text, parseSize);
  };
  return { context: readContext(flags.context), kvType, ram: size('ram'), vram: size('vram') };
}

function readContext(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^([1-9]\d{0,8})(k?)$/i.exec(text.trim());
  if (match) return Number(match[1]) * (match[2] === '' ? 1 : 1024);
  throw new OllamaError(
    'usage',
    `--context is a number of tokens such as 8192 or 32k, and not "${cleanLine(text)}".`,
  );
}

async function draw({ io, settings }: Context, report: FitReport): Promise<void> {
  const { openLook } = await import('../output/look.js');
  const { breakWords, displayWidth, padEnd, padStart, truncateEnd, truncateMiddle } =
    await import('../format/width.js');
  const { missingBytes, usableVram } = await import('../models/fit-verdict.js');
  const look = await openLook(io, io.stdout, settings);
  const { dim, good, warn, bad, bold } = look.styles;
  const rows = describe(report);
  const titles = Math.max(...rows.map(([title]) => displayWidth(title)));
  const sizes = Math.max(...rows.map(([, size]) => displayWidth(size)));
  const room = Math.max(1, look.width - titles - sizes - 5);
  const lines = rows.map(([title, size, note]) => {
    const remark = truncateEnd(cleanLine(note), room, look.symbols.ellipsis);
    const cells = ` ${dim(padEnd(title, titles))}  ${padStart(size, sizes)}`;
    return remark === '' ? cells : `${cells}  ${dim(remark)}`;
  });
  const paint = { fits: good, partly: warn, no: bad, unknown: warn }[report.verdict];
  const memory = { ...report.available, unified: report.unified };
  const { word, notes } = verdictWords(report, usableVram(memory), missingBytes(report.total_bytes, memory));
  const width = Math.max(1, look.width - 1);
  const name = truncateMiddle(cleanLine(report.model), width, look.symbols.ellipsis);
  const isOneLine = displayWidth(`${name} ${word}`) <= width;
  const verdict = isOneLine
    ? [`${bold(name)} ${paint(word)}`]
    : [bold(name), ...breakWords(word, width).map((line) => paint(line))];
  const rest = notes.flatMap((note) => breakWords(cleanLine(note), width));
  lines.push('', ...[...verdict, ...rest].map((line) => ` ${line}`));
  await writeLines(io.stdout, lines, io.signal);
}

function describe(report: FitReport): (readonly [title: string, size: string, note: string])[] {
  const { available, basis } = report;
  const limit = report.context_limit === report.context ? ', the longest that it has' : '';
  const guess = basis === 'config' ? ', a guess: only its config is known' : '';
  const rows: [string, string, string][] = [
    ['weights', formatBytes(report.weights_bytes), report.quantization ?? ''],
    [
      'cache',
      formatBytes(report.kv_bytes),
      `${formatCount(report.context)} tokens${limit}, ${report.kv_type}${guess}`,
    ],
    ['overhead', formatBytes(report.overhead_bytes), 'buffers, and what is kept twice'],
    ['total', formatBytes(report.total_bytes), 'an estimate'],
  ];
  const source = `free: ${report.memory_source ?? 'not known where'}`;
  if (available.vram !== undefined) rows.push(['GPU memory', formatBytes(available.vram), source]);
  if (available.ram !== undefined) {
    rows.push(['memory', formatBytes(available.ram), available.vram === undefined ? source : '']);
  }
  return rows;
}

/** The verdict in words, and in short lines what follows from it; `vram` is what a model can take of it. */
function verdictWords(
  { total_bytes: total, verdict, reason }: FitReport,
  vram: number,
  missing: number,
): { word: string; notes: string[] } {
  switch (verdict) {
    case 'fits':
      if (total === 0) return { word: 'needs no memory here', notes: ['It runs in the cloud.'] };
      return {
        word: vram >= total ? 'fits into the GPU memory' : 'fits into the memory, without a GPU',
        notes: [],
      };
    case 'partly': {
      const share = Math.max(1, Math.min(99, Math.floor((vram / total) * 100)));
      return {
        word: 'fits partly',
        notes: [`About ${share} % on the GPU, the rest on the processor: slower.`],
      };
    }
    case 'no':
      return { word: 'does not fit', notes: [`About ${formatBytes(missing)} are missing.`] };
    case 'unknown': {
      const why = reason === undefined ? [] : [`${upperFirst(reason)}.`];
      return { word: 'may fit or not', notes: [...why, 'Say what there is: --ram 16GB --vram 8GB'] };
    }
  }
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
