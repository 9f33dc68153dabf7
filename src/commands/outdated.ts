import { throughHost } from '../next-step.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { checkFields, fieldText, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';
import type { Register } from '../command.js';
import type { Freshness } from '../models/outdated.js';
import { checkModelWords } from '../models/words.js';

interface OutdatedFlags {
  readonly insecure?: boolean;
  readonly header?: boolean;
}

/** Declares `outdated`. */
export const register: Register = (program, action) => {
  program
    .command('outdated')
    .helpGroup('Models:')
    .summary('which models the registry has anew')
    .description('Compares the digests of installed models with the registry. Downloads nothing.')
    .argument('[model...]', 'names, or globs such as "qwen2*"; all without one')
    .option('--insecure', 'ask a registry that speaks no TLS over plain HTTP')
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(outdated));
};

const ITEM_FIELDS = ['name', 'digest', 'remote_digest', 'state', 'reason'] as const;

type Item = Readonly<Partial<Record<(typeof ITEM_FIELDS)[number], string>>>;

async function outdated(context: Context, words: readonly string[], flags: OutdatedFlags): Promise<void> {
  const { client } = context;
  const fields = readFields(context.flags);
  checkFields(fields ?? [], ITEM_FIELDS);
  checkModelWords(words);
  const { compareInstalled } = await import('../models/outdated-choice.js');
  const { registryFailure } = await import('../models/outdated.js');
  const { checked, missing } = await compareInstalled(context, words, { insecure: flags.insecure === true });
  // With nothing to tell the error alone is the answer.
  if (checked.length > 0 || missing.length === 0) await tell(context, checked, fields, flags);
  const failure = registryFailure(checked);
  if (failure) throw failure;
  const [first] = missing;
  if (!first) return;
  if (missing.length === 1 && checked.length === 0) throw first.error;
  const code = checked.length === 0 ? 'model_not_found' : 'partial';
  throw new OllamaError(code, missing.map(({ error }) => error.message).join('\n'), {
    host: client.host.url,
  });
}

function itemOf({ name, digest, remoteDigest, state, reason }: Freshness): Item {
  return {
    name,
    digest,
    ...(remoteDigest === undefined ? {} : { remote_digest: remoteDigest }),
    state,
    ...(reason === undefined ? {} : { reason }),
  };
}

async function tell(
  context: Context,
  checked: readonly Freshness[],
  fields: readonly string[] | undefined,
  flags: OutdatedFlags,
): Promise<void> {
  const { io, mode, client } = context;
  const count = checked.filter(({ state }) => state === 'outdated').length;
  const items = checked.map(itemOf);
  if (mode === 'json') {
    const document = { host: client.host.url, models: items, outdated: count };
    const picked = fields === undefined ? document : pickFields(document, 'models', fields, ITEM_FIELDS);
    return await writeJson(io, picked);
  }
  if (context.flags.quiet === true) {
    const names = checked.flatMap(({ name, state }) => (state === 'outdated' ? [cleanLine(name)] : []));
    return await writeLines(io.stdout, names, io.signal);
  }
  const columns = fields === undefined ? COLUMNS : fields.map(fieldColumn);
  if (io.stdout.isTTY === true || mode === 'tty') return await draw(context, items, columns, count);
  await writeLines(io.stdout, renderTsv(items, columns, { header: flags.header !== false }), io.signal);
}

const short = (digest: string | undefined): string => (digest ?? '').slice(0, 12);

const COLUMNS: readonly Column<Item>[] = [
  { ...textColumn('name', 'NAME'), shrink: 'middle' },
  textColumn('state', 'STATE'),
  { ...textColumn('digest', 'HERE'), value: ({ digest }) => short(digest), priority: 2 },
  {
    ...textColumn('remote_digest', 'REGISTRY'),
    value: ({ remote_digest: digest }) => short(digest),
    priority: 1,
  },
  { ...textColumn('reason', 'REASON'), shrink: 'end', priority: 0 },
];

function textColumn(key: keyof Item, title: string): Column<Item> {
  const value = (item: Item): string => item[key] ?? '';
  return { key, title, value, raw: value };
}

function fieldColumn(key: string): Column<Item> {
  const value = (item: Item): string => fieldText(Object.entries(item).find(([name]) => name === key)?.[1]);
  return { key, title: key.toUpperCase(), value, raw: value };
}

async function draw(
  { io, settings, client, flags }: Context,
  items: readonly Item[],
  columns: readonly Column<Item>[],
  count: number,
): Promise<void> {
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const { displayWidth } = await import('../format/width.js');
  const look = await openLook(io, io.stdout, settings);
  const { good, warn } = look.styles;
  if (items.length === 0) {
    return await writeLines(io.stdout, [`No models on ${client.host.display}.`], io.signal);
  }
  const filled = columns.filter((column) => items.some((item) => column.value(item) !== ''));
  const { width, styles, symbols } = look;
  const lines = renderTerminalTable(items, filled, { width, styles, ellipsis: symbols.ellipsis });
  const open = items.filter(({ state }) => state === 'unknown').length;
  const unsure = open === 0 ? '' : ` ${open} could not be compared.`;
  if (count === 0) {
    const end = open > 0 ? unsure.trim() : good('Nothing is outdated.');
    return await writeLines(io.stdout, [...lines, '', end], io.signal);
  }
  const told = `${count} of ${items.length} outdated.`;
  const next = `Get them: ${throughHost('ollama-cli update --all', flags.host)}`;
  // A command that is torn apart can't be copied.
  const gap = displayWidth(`${told}${unsure} ${next}`) > width ? '\n' : ' ';
  await writeLines(io.stdout, [...lines, '', `${warn(told)}${unsure}${gap}${next}`], io.signal);
}
