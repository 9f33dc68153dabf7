import { isSameHost } from '../config/host-text.js';
import { DEFAULT_HOST } from '../config/schema.js';
import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { parseHost } from '../core/url.js';
import { cleanLine } from '../format/clean.js';
import { readConfiguredHeaders } from './headers.js';
import { askHosts } from './many.js';
import { resolveForHost } from './resolve-host.js';
import { fieldColumn, tellList } from './tell.js';
import { askVersion, describeAnswer, type TestedHost } from './test-host.js';

/** An address that was looked at; `name` is the configured host that it belongs to, empty where it has none. */
interface Found extends TestedHost {
  /** What names it, where it answers and has no name. */
  readonly add?: string;
}

/** So many are looked at at a time: each takes a socket. */
const AT_ONCE = 256;

const COLUMNS = [
  fieldColumn<Found>('url', 'URL', ({ url }) => url, { shrink: 'middle' }),
  fieldColumn<Found>('name', 'NAME', ({ name }) => name, { priority: 1 }),
  fieldColumn<Found>('ok', 'ANSWERS', ({ ok }) => ok),
  fieldColumn<Found>('version', 'VERSION', ({ version }) => version, { priority: 2 }),
  fieldColumn<Found>('ms', 'MS', ({ ms }) => ms, { align: 'right', priority: 2 }),
  fieldColumn<Found>('error', 'ERROR', ({ error }) => errorCode(error), { priority: 1 }),
];

/** For scripts and `--fields`: in a terminal a command stands below the table, where there is room for it. */
const ADD = fieldColumn<Found>('add', 'NAME IT', ({ add }) => add, { shrink: 'never' });
const ADD_BELOW = { ...ADD, value: () => '' };

function errorCode(error: object | undefined): string | undefined {
  return error !== undefined && 'code' in error ? String(error.code) : undefined;
}

/** Throws `usage` for what stands for many addresses: a network is never looked through. */
export function checkSingle(word: string): void {
  const isRange =
    /[*?{}]/.test(word) ||
    /^(?:https?:\/\/)?[\d.]+\/\d{1,2}\/?$/i.test(word) ||
    /^\[?[\da-f:]*:[\da-f:]*\]?\/\d{1,3}$/i.test(word) ||
    /^[\d.]+-[\d.]+(?::\d+)?$/.test(word) ||
    /\[\d*-\d*\]/.test(word);
  if (!isRange && !word.includes('@')) return;
  throw new OllamaError(
    'usage',
    isRange
      ? `"${cleanLine(word)}" stands for many addresses, and no network is looked through.`
      : 'An address is looked at without a user and a password.',
    { hint: 'ollama-cli hosts discover HOST HOST:PORT …' },
  );
}

/**
 * Looks which of some addresses have an Ollama: those that are given, else those that are configured and the default.
 * Nothing else is ever looked at. An address without a name gets none of the person's credentials. Throws `usage`.
 */
export async function discoverHosts(
  context: Context,
  words: readonly string[],
  { header = true }: { readonly header?: boolean },
): Promise<void> {
  const { settings, flags } = context;
  words.forEach(checkSingle);
  const hosts = Object.entries(settings.hosts);
  const given = words.length > 0 ? words : [...hosts.map(([, { url }]) => url), settings.host, DEFAULT_HOST];
  const urls = [...new Set(given.map((word) => parseHost(word).url))];
  // By its name where it has one: then it is asked with its own credentials.
  const named = urls.map(async (url) => [(await nameOf(context, url)) ?? url, url] as const);
  const names = new Map(await Promise.all(named));
  const rows = new Map<string, Found>();
  const takeTurn = openTurns(AT_ONCE);
  const ask = async (own: Context) => await takeTurn(async () => await askVersion(own));
  for await (const answer of askHosts(context, [...names.keys()], ask)) {
    const url = names.get(answer.host) ?? answer.host;
    const name = url === answer.host ? '' : answer.host;
    rows.set(url, { ...describeAnswer(settings, name, answer), url });
  }
  const offer = openOffers(Object.keys(settings.hosts));
  const list = urls.flatMap((url) => rows.get(url) ?? []).map(offer);
  const found = list.filter(({ ok }) => ok).length;
  await tellList(context, {
    rows: list,
    columns: [...COLUMNS, flags.fields === undefined ? ADD_BELOW : ADD],
    header,
    more: { found },
    name: ({ ok, url }) => (ok ? url : undefined),
    below: [`${String(found)} of ${String(list.length)} answer.`, ...list.flatMap(({ add }) => add ?? [])],
  });
}

/** The configured host with this address; of several the first whose credentials can be had. */
async function nameOf({ config, settings, io }: Context, url: string): Promise<string | undefined> {
  const hosts = Object.entries(settings.hosts).filter(([, host]) => isSameHost(host.url, url));
  const names = hosts.map(([name]) => name);
  for (const name of names.length > 1 ? names : []) {
    try {
      await readConfiguredHeaders(resolveForHost(config, name).config, io);
      return name;
    } catch (error) {
      if (!isOllamaError(error)) throw error;
    }
  }
  return names[0];
}

/** Runs so many works at a time; one that ends lets the next one begin. */
function openTurns(count: number): <Value>(work: () => Promise<Value>) => Promise<Value> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** What says of each that answers and has no name how to name it; a name is offered once. */
function openOffers(configured: readonly string[]): (row: Found) => Found {
  const taken = new Set(configured);
  return (row) => {
    const { ok, name, url = '' } = row;
    if (!ok || name !== '') return row;
    const suggested = suggestName(url, taken);
    taken.add(suggested);
    return { ...row, add: `ollama-cli hosts add ${suggested} ${url}` };
  };
}

/** A name that is free: the first part of the host's own, or one made of its address. */
function suggestName(url: string, taken: ReadonlySet<string>): string {
  const { hostname } = parseHost(url);
  const isAddress = /^[\d.]+$|:/.test(hostname);
  const base = isAddress
    ? `host-${hostname.replace(/[^\da-f]+/gi, '-')}`
    : (hostname.split('.')[0] ?? 'host');
  let name = base;
  for (let count = 2; taken.has(name); count++) name = `${base}-${String(count)}`;
  return name;
}
