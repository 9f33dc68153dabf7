import type { Context } from '../context.js';
import type { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { checkFields, readFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { renderTsv, type Column } from '../output/table.js';
import { writeLines } from '../output/write.js';
import { askHostsInTurns, labelHost, type HostAnswer } from './many.js';
import { endHosts, hostJson, readOn, tellHostFailure } from './on.js';

/** What one host has to tell. */
export interface HostItems<Item, About extends object = object> {
  readonly items: readonly Item[];
  /** Told of the host itself in JSON. */
  readonly about?: About;
  /** What is said of it below the table; hostile until cleaned. */
  readonly notes?: readonly string[];
  /** Why that is not all: the host counts as failed, and what it has is told all the same. */
  readonly error?: OllamaError | undefined;
  /** Done when everything has been told. */
  readonly after?: (() => Promise<void>) | undefined;
}

/** An item of JSON, or a row of a table, with the host that it is from. */
export type OfHost<Item> = Item & { readonly host: string };

/** A list that several hosts are asked for. */
export interface HostTable<Item extends object, About extends object = object> {
  ask(context: Context): Promise<HostItems<Item, About>>;
  /** The fields of an item, for `--fields`. */
  readonly known: readonly string[];
  /** The columns without the host: those of `fields`, or the usual ones for a person or a script. */
  columns(fields: readonly string[] | undefined, reader: 'person' | 'script'): readonly Column<Item>[];
  /** How wide columns usually are in a terminal, by key: rows are drawn before all are known. */
  readonly least: Readonly<Record<string, number>>;
  readonly header: boolean;
  /** What `--quiet` tells of an item; undefined where it tells nothing. */
  name(item: Item): string | undefined;
  /** What the JSON document says besides the hosts and the items. */
  sum(items: readonly Item[], hosts: readonly About[]): object;
  /** The last line in a terminal; `hosts` is how many have told something. */
  end(items: readonly Item[], hosts: string): string;
  /** What is said of a host that has no item: `No models on`. */
  readonly none: string;
}

type Answer<Item, About extends object> = HostAnswer<HostItems<Item, About>>;

/**
 * Asks the hosts of `--on` and tells each one's items as soon as it has answered, and on stderr each that failed; JSON is one
 * document at the end. Throws the one error of all that failed.
 */
export async function tellTable<Item extends object, About extends object = object>(
  context: Context,
  on: readonly string[],
  table: HostTable<Item, About>,
): Promise<void> {
  const fields = readFields(context.flags);
  checkFields(fields ?? [], ['host', ...table.known]);
  const names = readOn(context, on);
  const asking = askHostsInTurns(context, names, async (host) => await table.ask(host));
  // What shows the answers is loaded while they are awaited.
  const show = context.mode === 'json' ? undefined : await openShow(context, table, fields, names);
  const answers: Answer<Item, About>[] = [];
  const failed: { host: string; error: OllamaError }[] = [];
  for await (const come of asking) {
    answers.push(...come);
    await show?.rows(come.flatMap((answer) => ('value' in answer ? [answer] : [])));
    for (const answer of come) {
      const { host } = answer;
      const error = 'error' in answer ? answer.error : answer.value.error;
      if (error === undefined) continue;
      failed.push({ host, error });
      if (show && names.length > 1) await tellHostFailure(context, { host, error });
    }
  }
  if (show) await show.end();
  else await writeDocument(context, table, inOrder(answers, names), fields);
  // One after another: each adds to the same file.
  for (const answer of answers) if ('value' in answer) await answer.value.after?.();
  endHosts(inOrder(failed, names), names.length);
}

/** As they were asked for, whoever answered first. */
function inOrder<One extends { readonly host: string }>(
  ones: readonly One[],
  names: readonly string[],
): readonly One[] {
  const order = names.map(labelHost);
  return ones.toSorted((a, b) => order.indexOf(a.host) - order.indexOf(b.host));
}

async function writeDocument<Item extends object, About extends object>(
  { io }: Context,
  table: HostTable<Item, About>,
  answers: readonly Answer<Item, About>[],
  fields: readonly string[] | undefined,
): Promise<void> {
  const told = answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));
  const document = {
    hosts: answers.map((answer) => {
      if (!('value' in answer)) return hostJson(answer);
      const { about, error } = answer.value;
      return { ...hostJson(answer), ...about, ...(error ? hostJson({ host: answer.host, error }) : {}) };
    }),
    models: answers.flatMap((answer) =>
      'value' in answer ? answer.value.items.map((item) => ({ ...item, host: answer.host })) : [],
    ),
    ...table.sum(
      told.flatMap(({ items }) => items),
      told.flatMap(({ about }) => about ?? []),
    ),
  };
  const known = ['host', ...table.known];
  await writeJson(io, fields === undefined ? document : pickFields(document, 'models', fields, known));
}

/** One host's part of what is shown. */
interface Part<Item> {
  readonly host: string;
  readonly value: HostItems<Item>;
}

/** How answers become text as they come, those that came at one time together. */
interface Show<Item> {
  rows(parts: readonly Part<Item>[]): Promise<void>;
  end(): Promise<void>;
}

async function openShow<Item extends object>(
  context: Context,
  table: HostTable<Item>,
  fields: readonly string[] | undefined,
  names: readonly string[],
): Promise<Show<Item>> {
  const { io, mode, flags } = context;
  if (flags.quiet === true) return openNames(context, table);
  const isPerson = io.stdout.isTTY === true || mode === 'tty';
  const reader = isPerson ? 'person' : 'script';
  const columns: readonly Column<OfHost<Item>>[] =
    fields === undefined
      ? [HOST, ...table.columns(undefined, reader)]
      : fields.flatMap((field): readonly Column<OfHost<Item>>[] =>
          field === 'host' ? [HOST] : table.columns([field], reader),
        );
  return isPerson ? await openTable(context, table, columns, names) : openLines(context, table, columns);
}

const HOST: Column<{ readonly host: string }> = {
  key: 'host',
  title: 'HOST',
  value: ({ host }) => host,
  raw: ({ host }) => host,
  shrink: 'middle',
};
/** No host's name takes more of a terminal, in cells. */
const WIDEST_HOST = 24;

function ofHost<Item extends object>(host: string, items: readonly Item[]): OfHost<Item>[] {
  return items.map((item) => ({ ...item, host }));
}

function notesOf<Item>({ host, value: { notes = [] } }: Part<Item>): readonly string[] {
  return notes.map((note) => `${host}: ${note}`);
}

/** Each name once, whichever host has it: what is listed so is given to another command. */
function openNames<Item extends object>({ io }: Context, table: HostTable<Item>): Show<Item> {
  const told = new Set<string>();
  return {
    rows: async (parts) => {
      const items = parts.flatMap(({ value }) => value.items);
      const fresh = items.flatMap((item) => table.name(item) ?? []).filter((name) => !told.has(name));
      for (const name of fresh) told.add(name);
      await writeLines(io.stdout, [...new Set(fresh)].map(cleanLine), io.signal);
    },
    end: async () => undefined,
  };
}

function openLines<Item extends object>(
  { io }: Context,
  table: HostTable<Item>,
  columns: readonly Column<OfHost<Item>>[],
): Show<Item> {
  let { header } = table;
  return {
    rows: async (parts) => {
      if (parts.length === 0) return;
      const rows = parts.flatMap(({ host, value }) => ofHost(host, value.items));
      await writeLines(io.stdout, renderTsv(rows, columns, { header }), io.signal);
      header = false;
      const lines = parts.flatMap(notesOf).map(cleanLine);
      await writeLines(io.stderr, lines, io.signal);
    },
    end: async () => undefined,
  };
}

async function openTable<Item extends object>(
  { io, settings }: Context,
  table: HostTable<Item>,
  columns: readonly Column<OfHost<Item>>[],
  names: readonly string[],
): Promise<Show<Item>> {
  // A pipe needs none of it.
  const { breakWords, displayWidth } = await import('../format/width.js');
  const { openLook } = await import('../output/look.js');
  const { openTerminalTable } = await import('../output/terminal-table.js');
  const { width, styles, symbols } = await openLook(io, io.stdout, settings);
  const host = Math.max(...names.map((name) => displayWidth(labelHost(name))));
  const least = { ...table.least, host: Math.min(WIDEST_HOST, host) };
  const lines = openTerminalTable(columns, { width, styles, ellipsis: symbols.ellipsis, least });
  const items: Item[] = [];
  const notes: string[] = [];
  const empty: string[] = [];
  let answered = 0;
  return {
    rows: async (parts) => {
      answered += parts.length;
      items.push(...parts.flatMap(({ value }) => value.items));
      empty.push(...parts.flatMap(({ host: from, value }) => (value.items.length === 0 ? [from] : [])));
      notes.push(...parts.flatMap(notesOf));
      const drawn = parts.flatMap(({ host: from, value }) => lines.add(ofHost(from, value.items)));
      await writeLines(io.stdout, drawn, io.signal);
    },
    end: async () => {
      const hosts = names.length === answered ? `${answered}` : `${answered} of ${names.length}`;
      const last = items.length === 0 ? [] : [table.end(items, `${hosts} hosts`)];
      const none = empty.length === 0 ? [] : [`${table.none} ${empty.join(', ')}.`];
      const below = [...last, ...none, ...notes]
        .flatMap((line) => breakWords(cleanLine(line), width))
        .map((line) => styles.dim(line));
      const gap = items.length === 0 || below.length === 0 ? [] : [''];
      await writeLines(io.stdout, [...gap, ...below], io.signal);
    },
  };
}
