import type { Context } from '../context.js';
import { parseHost } from '../core/url.js';
import { failureJson, toFailure } from '../failure.js';
import { askHosts, labelHost, type HostAnswer } from './many.js';
import { endHosts, hostJson, tellHostFailure } from './on.js';
import { hostNotFound } from './resolve-host.js';
import { fieldColumn, tellList } from './tell.js';

/** What came of asking one host. */
export interface TestedHost {
  readonly name: string;
  readonly url?: string;
  readonly ok: boolean;
  readonly version?: string;
  readonly ms?: number;
  readonly error?: object;
}

const COLUMNS = [
  fieldColumn<TestedHost>('name', 'HOST', ({ name }) => name, { shrink: 'middle' }),
  fieldColumn<TestedHost>('url', 'URL', ({ url }) => url, { shrink: 'middle', priority: 2 }),
  fieldColumn<TestedHost>('ok', 'ANSWERS', ({ ok }) => ok),
  fieldColumn<TestedHost>('version', 'VERSION', ({ version }) => version, { priority: 1 }),
  fieldColumn<TestedHost>('ms', 'MS', ({ ms }) => ms, { align: 'right', priority: 1 }),
  fieldColumn<TestedHost>('error', 'ERROR', ({ error }) => codeOf(error), { priority: 3 }),
];

function codeOf(error: object | undefined): string | undefined {
  return error !== undefined && 'code' in error ? String(error.code) : undefined;
}

/** How long a server took to tell its version. */
export interface Version {
  readonly version: string;
  readonly ms: number;
}

/** Asks a host for its version, with its own credentials. Throws what the client does. */
export async function askVersion({ client, io }: Context): Promise<Version> {
  const before = io.now();
  const version = await client.version({ signal: io.signal });
  return { version, ms: Math.round(io.now() - before) };
}

/** An answer as it is told; a configured host has an address even where it can't be asked. */
export function describeAnswer(
  settings: Context['settings'],
  name: string,
  answer: HostAnswer<Version>,
): TestedHost {
  const own = Object.hasOwn(settings.hosts, name) ? settings.hosts[name]?.url : undefined;
  const asked = 'error' in answer ? answer.error.host : undefined;
  const { ok, url = own === undefined ? asked : parseHost(own).url, error } = hostJson(answer, settings);
  return {
    name,
    ...(url === undefined ? {} : { url }),
    ok,
    ...('value' in answer ? answer.value : {}),
    ...(error === undefined ? {} : { error }),
  };
}

/**
 * Asks hosts side by side whether they answer: those that are named, all that are configured, or the one in force. Tells
 * each, with one next step for each that fails. Throws `host_not_found`, or the one error of all that failed.
 */
export async function testHosts(
  context: Context,
  words: readonly string[],
  { all = false, header = true }: { readonly all?: boolean; readonly header?: boolean },
): Promise<void> {
  const { settings, config, mode } = context;
  const configured = Object.keys(settings.hosts);
  const names = all
    ? configured
    : words.length > 0
      ? [...new Set(words)]
      : [config.hostName ?? settings.host];
  const unknown = words.length === 0 ? [] : names.filter((word) => !configured.includes(word));
  const told = new Map(unknown.map((host) => [host, { host, error: hostNotFound(host, configured) }]));
  if (unknown.length === names.length) endHosts([...told.values()], names.length);

  const rows = new Map<string, TestedHost>();
  for (const [name, { error }] of told)
    rows.set(name, { name, ok: false, error: failureJson(toFailure(error)) });
  const known = names.filter((name) => !unknown.includes(name));
  for await (const answer of askHosts(context, known, askVersion)) {
    rows.set(answer.host, describeAnswer(settings, answer.host, answer));
    if ('error' in answer) told.set(answer.host, answer);
  }
  const labels = names.map(labelHost);
  await tellList(context, {
    rows: labels.flatMap((label) => rows.get(label) ?? []),
    columns: COLUMNS,
    header,
    name: ({ name, ok }) => (ok ? name : undefined),
    below: names.length === 0 ? ['No hosts are configured: ollama-cli hosts add NAME URL'] : [],
  });
  const failed = labels.flatMap((label) => told.get(label) ?? []);
  // The only one is told as any failure is, by main.
  const apart = mode !== 'json' && names.length > 1;
  for (const failure of apart ? failed : []) await tellHostFailure(context, failure);
  endHosts(failed, names.length);
}
