import { isSameHost } from '../config/host-text.js';
import { DEFAULT_HOST } from '../config/schema.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { parseHost } from '../core/url.js';
import { cleanLine } from '../format/clean.js';
import { askHosts } from './many.js';
import { fieldColumn, tellList } from './tell.js';
import { askVersion, describeAnswer, type TestedHost } from './test-host.js';

/** An address that was looked at; `name` is the configured host that it belongs to, empty where it has none. */
interface Found extends TestedHost {
  /** What names it, where it answers and has no name. */
  readonly add?: string;
}

/** So many are looked at in one go: each takes a socket. */
const AT_ONCE = 64;

const COLUMNS = [
  fieldColumn<Found>('url', 'URL', ({ url }) => url, { shrink: 'middle' }),
  fieldColumn<Found>('name', 'NAME', ({ name }) => name, { priority: 1 }),
  fieldColumn<Found>('ok', 'ANSWERS', ({ ok }) => ok),
  fieldColumn<Found>('version', 'VERSION', ({ version }) => version, { priority: 2 }),
  fieldColumn<Found>('ms', 'MS', ({ ms }) => ms, { align: 'right', priority: 2 }),
  fieldColumn<Found>('error', 'ERROR', ({ error }) => errorCode(error), { priority: 1 }),
  fieldColumn<Found>('add', 'NAME IT', ({ add }) => add, { priority: 3, shrink: 'never' }),
];

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
  const { settings } = context;
  words.forEach(checkSingle);
  const hosts = Object.entries(settings.hosts);
  const given = words.length > 0 ? words : [...hosts.map(([, { url }]) => url), settings.host, DEFAULT_HOST];
  const urls = [...new Set(given.map((word) => parseHost(word).url))];
  // By its name where it has one: then it is asked with its own credentials.
  const names = new Map(
    urls.map((url) => [hosts.find(([, host]) => isSameHost(host.url, url))?.[0] ?? url, url]),
  );
  const rows = new Map<string, Found>();
  for (const some of chunks([...names.keys()], AT_ONCE)) {
    for await (const answer of askHosts(context, some, askVersion)) {
      const url = names.get(answer.host) ?? answer.host;
      const name = url === answer.host ? '' : answer.host;
      const found = { ...describeAnswer(name, answer), url };
      const isNew = found.ok && name === '';
      rows.set(
        url,
        isNew ? { ...found, add: `ollama-cli hosts add ${suggestName(url, settings.hosts)} ${url}` } : found,
      );
    }
  }
  const list = urls.flatMap((url) => rows.get(url) ?? []);
  const found = list.filter(({ ok }) => ok).length;
  await tellList(context, {
    rows: list,
    columns: COLUMNS,
    header,
    more: { found },
    name: ({ ok, url }) => (ok ? url : undefined),
    below: [`${String(found)} of ${String(list.length)} answer.`],
  });
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const many = Math.ceil(items.length / size);
  return Array.from({ length: many }, (_, at) => items.slice(at * size, (at + 1) * size));
}

/** A name that is free: the first part of the host's own, or one made of its address. */
function suggestName(url: string, taken: Readonly<Record<string, unknown>>): string {
  const { hostname } = parseHost(url);
  const isAddress = /^[\d.]+$|:/.test(hostname);
  const base = isAddress
    ? `host-${hostname.replace(/[^\da-f]+/gi, '-')}`
    : (hostname.split('.')[0] ?? 'host');
  const names = [base, ...Array.from({ length: 100 }, (_, at) => `${base}-${String(at + 2)}`)];
  return names.find((name) => !Object.hasOwn(taken, name)) ?? base;
}
