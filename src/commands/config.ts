import path from 'node:path';
import type { Command } from 'commander';
import { listSettings, type ListedSetting } from '../config/list.js';
import { locateOrigins } from '../config/origins.js';
import { cacheDir, configDir, stateDir } from '../config/paths.js';
import { SETTINGS, settingAt } from '../config/schema.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { findNearest } from '../format/nearest.js';
import { checkFields, readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines, writeText } from '../output/write.js';
import type { Action, Register } from '../command.js';

/** What shows the configuration works without a server. */
const LOCAL = { needsClient: (..._args: unknown[]) => false };

/** Declares `config` with its subcommands. */
export const register: Register = (program, action) => {
  const config = program
    .command('config')
    .helpGroup('Tools:')
    .summary('the settings')
    .description('Shows the settings in force, and where each came from.');
  declare(config, action);
};

function declare(config: Command, action: Action): void {
  config
    .command('list')
    .description('Every setting in force.')
    .option('--show-origin', 'with the flag, variable, or file and line that each came from')
    .option('--no-header', 'in a pipe: without the header row')
    .action(action(list, LOCAL));
  config
    .command('get')
    .description('The value of one setting.')
    .argument('<key>', 'such as timeouts.connect')
    .action(action(get, LOCAL));
  config.command('path').description('Where the files of this program are.').action(action(paths, LOCAL));
}

function originText({ origin }: ListedSetting): string {
  const line = origin.line === undefined ? '' : `:${origin.line}`;
  const where = origin.file === undefined ? origin.name : `${origin.file}${line}`;
  return where === undefined ? origin.kind : `${origin.kind} ${where}`;
}

function valueText({ value }: ListedSetting): string {
  if (typeof value === 'string') return value;
  return value === null ? 'none' : JSON.stringify(value);
}

const COLUMNS: readonly Column<ListedSetting>[] = [
  { key: 'key', title: 'KEY', value: ({ key }) => key, raw: ({ key }) => key },
  { key: 'value', title: 'VALUE', value: valueText, raw: valueText, shrink: 'end' },
  { key: 'origin', title: 'ORIGIN', value: originText, raw: originText, shrink: 'middle', priority: 1 },
];

async function list(
  context: Context,
  flags: { readonly showOrigin?: boolean; readonly header?: boolean },
): Promise<void> {
  const { io, mode, config } = context;
  for (const name of config.unknownVariables) io.stderr.write(`warning: ${cleanLine(name)} is no setting\n`);
  const settings = listSettings({ ...config, origins: await locateOrigins(config) });
  if (mode === 'json') {
    const items = settings.map(({ key, value, origin }) => ({ key, value, origin }));
    return await writeItems(context, items, ['key', 'value', 'origin']);
  }
  const shown = flags.showOrigin === true ? ['key', 'value', 'origin'] : ['key', 'value'];
  const columns = chooseColumns(context, COLUMNS, shown);
  await writeTable(context, settings, columns, flags.header !== false);
}

/** The columns that are shown, or those of `--fields` in its order. */
function chooseColumns<Row>(
  { flags }: Context,
  columns: readonly Column<Row>[],
  shown: readonly string[],
): readonly Column<Row>[] {
  const fields = readFields(flags);
  if (fields)
    checkFields(
      fields,
      columns.map(({ key }) => key),
    );
  return (fields ?? shown).flatMap((field) => columns.filter(({ key }) => key === field));
}

async function writeItems(
  { io, flags }: Context,
  items: readonly object[],
  known: readonly string[],
): Promise<void> {
  const document = { items, total: items.length };
  const fields = readFields(flags);
  await writeJson(io, fields === undefined ? document : pickFields(document, 'items', fields, known));
}

async function writeTable<Row>(
  { io, mode, settings }: Context,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  header: boolean,
): Promise<void> {
  if (io.stdout.isTTY !== true && mode !== 'tty') {
    return await writeLines(io.stdout, renderTsv(rows, columns, { header }), io.signal);
  }
  const { openLook } = await import('../output/look.js');
  const { renderTerminalTable } = await import('../output/terminal-table.js');
  const look = await openLook(io, io.stdout, settings);
  const lines = renderTerminalTable(rows, columns, {
    width: look.width,
    styles: look.styles,
    ellipsis: look.symbols.ellipsis,
  });
  await writeLines(io.stdout, lines, io.signal);
}

async function get(context: Context, key: string): Promise<void> {
  const { io, mode, config } = context;
  const settings = listSettings({ ...config, origins: await locateOrigins(config) });
  const found = settings.find((setting) => setting.key === key);
  if (!found && settingAt(key.split('.')) === undefined) throw unknownSetting(key, settings);
  const fields = readFields(context.flags);
  const whole = { key, value: found?.value ?? null, origin: found?.origin ?? { kind: 'default' } };
  const picked = fields && pickFields(whole, undefined, fields);
  if (mode === 'json') return await writeJson(io, picked ?? whole);
  if (!found) {
    // A script that takes stdout has nothing, as there is.
    if (context.flags.quiet !== true) io.stderr.write(`${cleanLine(key)} is not set.\n`);
    return;
  }
  if (picked) return await writeLines(io.stdout, renderFields(picked), io.signal);
  await writeText(io.stdout, `${valueText(found)}\n`, io.signal);
}

function unknownSetting(key: string, settings: readonly ListedSetting[]): OllamaError {
  const known = new Set([...settings, ...SETTINGS].map((setting) => setting.key));
  const near = findNearest(key, [...known], 2);
  const hint = near.length === 0 ? 'ollama-cli config list' : `Did you mean ${near.join(' or ')}?`;
  return new OllamaError('usage', `There is no setting "${cleanLine(key)}".`, { hint });
}

async function paths(context: Context): Promise<void> {
  const { io, mode, config } = context;
  const { env, platform } = io;
  const { join } = platform === 'win32' ? path.win32 : path.posix;
  const items = [
    { name: 'project', path: config.files.project ?? '', exists: config.files.project !== undefined },
    {
      name: 'user',
      path: config.files.user ?? join(configDir(env, platform), 'config.yaml'),
      exists: config.files.user !== undefined,
    },
    { name: 'state', path: stateDir(env, platform), exists: undefined },
    { name: 'cache', path: cacheDir(env, platform), exists: undefined },
  ].map(({ exists, ...item }) => (exists === undefined ? item : { ...item, exists }));
  if (mode === 'json') return await writeItems(context, items, ['name', 'path', 'exists']);
  const columns: readonly Column<(typeof items)[number]>[] = [
    { key: 'name', title: 'WHAT', value: (row) => row.name, raw: (row) => row.name },
    {
      key: 'path',
      title: 'WHERE',
      value: (row) => (row.path === '' ? '(none here)' : row.path),
      raw: (row) => row.path,
      shrink: 'middle',
    },
  ];
  await writeTable(context, items, chooseColumns(context, columns, ['name', 'path']), true);
}
