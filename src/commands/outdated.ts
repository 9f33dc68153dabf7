import { throughHost } from '../next-step.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { checkFields, fieldText, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';
import { collect, type Register } from '../command.js';
import type { Freshness } from '../models/outdated.js';
import { checkModelWords } from '../models/words.js';

interface OutdatedFlags {
  readonly on?: readonly string[];
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
    .option('--on <a,b>', 'ask these hosts side by side, or all that are configured: --on all', collect)
    .action(action(outdated, { needsClient: (_words, { on }) => on === undefined }));
};

const ITEM_FIELDS = ['name', 'digest', 'remote_digest', 'state', 'reason'] as const;

type Item = Readonly<Partial<Record<(typeof ITEM_FIELDS)[number], string>>>;

async function outdated(context: Context, words: readonly string[], flags: OutdatedFlags): Promise<void> {
  checkModelWords(words);
  if (flags.on !== undefined) return await outdatedOn(context, flags.on, words, flags);
  const fields = readFields(context.flags);
  checkFields(fields ?? [], ITEM_FIELDS);
  const { checked, error } = await compare(context, words, flags);
  // With nothing to tell the error alone is the answer.
  if (checked.length > 0 || error === undefined) await tell(context, checked, fields, flags);
  if (error) throw error;
}

/** The models as they stand to the registry, and the one error of all that could not be compared. */
async function compare(
  context: Context,
  words: readonly string[],
  { insecure = false }: OutdatedFlags,
): Promise<{ readonly checked: readonly Freshness[]; readonly error: OllamaError | undefined }> {
  const { compareInstalled } = await import('../models/outdated-choice.js');
  const { registryFailure } = await import('../models/outdated.js');
  const { checked, missing } = await compareInstalled(context, words, { insecure });
  const [first] = missing;
  const failure = registryFailure(checked);
  if (failure || !first) return { checked, error: failure };
  if (missing.length === 1 && checked.length === 0) return { checked, error: first.error };
  const code = checked.length === 0 ? 'model_not_found' : 'partial';
  const message = missing.map(({ error }) => error.message).join('\n');
  return { checked, error: new OllamaError(code, message, { host: context.client.host.url }) };
}

/** The same of several hosts, each one's models when it has answered. */
async function outdatedOn(
  context: Context,
  on: readonly string[],
  words: readonly string[],
  flags: OutdatedFlags,
): Promise<void> {
  const { tellTable } = await import('../hosts/on-table.js');
  const countOf = (items: readonly Item[]): number =>
    items.filter(({ state }) => state === 'outdated').length;
  await tellTable<Item>(context, on, {
    ask: async (host) => {
      const { checked, error } = await compare(host, words, flags);
      const items = checked.map(itemOf);
      return { items, about: { outdated: countOf(items) }, error: error && withStep(error) };
    },
    known: ITEM_FIELDS,
    columns: (fields) => (fields === undefined ? COLUMNS : fields.map(fieldColumn)),
    least: { name: 20, state: 8, digest: 12, remote_digest: 12, reason: 24 },
    header: flags.header !== false,
    name: ({ name, state }) => (state === 'outdated' ? name : undefined),
    sum: (items) => ({ outdated: countOf(items) }),
    end: (items, hosts) => `${countOf(items)} of ${items.length} outdated on ${hosts}`,
    none: 'No models on',
  });
}

/** Of several hosts "the same command" would ask all again. */
function withStep(error: OllamaError): OllamaError {
  if (error.code !== 'registry_unreachable' || error.hint !== undefined) return error;
  return new OllamaError(error.code, error.message, { ...error, hint: 'ollama-cli outdated', cause: error });
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
