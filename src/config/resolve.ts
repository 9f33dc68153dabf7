import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { isLoopbackText, isSameHost, redactCredentials } from './host-text.js';
import type { Layer, Origin } from './layer.js';
import { DEFAULT_HOST, SETTINGS } from './schema.js';
import type { Settings } from './schema.js';
import type { Stored } from './value-types.js';

export type { Layer, Origin } from './layer.js';

/** The settings in force, and how they came about. */
export interface Resolved {
  readonly settings: Settings;
  /** Where each value in force came from, by dotted key. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The values in force by dotted key, as they were checked; `null` is an explicit "none". */
  readonly values: ReadonlyMap<string, Stored>;
  /** Lines for stderr, already safe to print. */
  readonly warnings: readonly string[];
  /** Variables that begin with `OLLAMA_CLI_` and name no setting. */
  readonly unknownVariables: readonly string[];
  readonly files: { readonly project?: string; readonly user?: string };
  /** What each source sets: from these the settings of another host are resolved without reading anything again. */
  readonly layers: readonly Layer[];
  /** The configured host that is in force, where one is named and not an address. */
  readonly hostName?: string;
  /** A host that a project file chose and that is not this machine: the first chat or pull asks before it goes there. */
  readonly projectHost?: { readonly file: string; readonly url: string };
}

const STRENGTH: readonly Origin['kind'][] = ['default', 'user', 'project', 'environment', 'flag'];

/** A value in force, and where it came from. */
export interface Effective {
  readonly value: Stored;
  readonly origin: Origin;
}

/** The sources laid over one another, before a host has its say. */
export interface Merged {
  readonly effective: Map<string, Effective>;
  /** What each configured host brings, by what its keys begin with: those keys without it. */
  readonly named: ReadonlyMap<string, readonly (readonly [string, Effective])[]>;
  /** What belongs to one host alone, by key, and the host that it was configured with; undefined: whichever is in force. */
  readonly credentials: readonly (readonly [string, Effective | undefined])[];
}

/**
 * Lays the sources over one another: flag, environment, project file, user file, default, the strongest wins, whatever
 * their order. Pure; throws `config` for a named host without an address.
 */
export function resolveSettings(
  layers: readonly Layer[],
  { warnings = [], unknownVariables = [] }: Partial<Pick<Resolved, 'warnings' | 'unknownVariables'>> = {},
): Resolved {
  const merged = mergeLayers(layers);
  const { effective } = merged;
  const host = effective.get('host') ?? { value: DEFAULT_HOST, origin: { kind: 'default' } };
  for (const [key, entry] of changesFor(merged, host)) {
    if (entry === undefined) effective.delete(key);
    else effective.set(key, entry);
  }
  const url = String((effective.get('host') ?? host).value);
  const { origin } = host;
  const projectHost =
    origin.kind === 'project' && origin.file !== undefined && !isLoopbackText(url)
      ? { file: origin.file, url }
      : undefined;
  const values = new Map([...effective].map(([key, { value }]) => [key, value]));
  return {
    settings: buildSettings(values),
    origins: new Map([...effective].map(([key, entry]) => [key, entry.origin])),
    values,
    warnings: [
      ...warnings,
      ...(projectHost === undefined
        ? []
        : [cleanLine(`host ${redactCredentials(url)} comes from ${projectHost.file}`)]),
    ],
    unknownVariables,
    files: filesOf(layers),
    layers,
    ...(isNamed(merged, host.value) ? { hostName: String(host.value) } : {}),
    ...(projectHost === undefined ? {} : { projectHost }),
  };
}

function filesOf(layers: readonly Layer[]): Resolved['files'] {
  const project = layers.find(({ kind }) => kind === 'project')?.file;
  const user = layers.find(({ kind }) => kind === 'user')?.file;
  return { ...(project === undefined ? {} : { project }), ...(user === undefined ? {} : { user }) };
}

/** The values of the layers, given weakest first, over the defaults. */
function merge(layers: readonly Layer[]): Map<string, Effective> {
  const effective = new Map<string, Effective>();
  for (const { key, default: value } of SETTINGS) {
    if (value !== undefined) effective.set(key, { value, origin: { kind: 'default' } });
  }
  for (const { kind, file, values } of layers) {
    for (const [key, { value, name }] of values) {
      const origin = {
        kind,
        ...(name === undefined ? {} : { name }),
        ...(file === undefined ? {} : { file }),
      };
      effective.set(key, { value, origin });
    }
  }
  return effective;
}

/**
 * What belongs to the host that it was configured with: what it is sent, and that it is believed unseen. Not `ca_file`: who
 * trusts a company's certificates trusts them for each of its servers.
 */
const OF_ONE_HOST = /^(?:headers\..*|token_env|header_file|insecure)$/;

/** Lays the sources over one another, without what one host alone has to do with. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const ordered = [...layers].sort((a, b) => STRENGTH.indexOf(a.kind) - STRENGTH.indexOf(b.kind));
  const effective = merge(ordered);
  const named = new Map<string, [string, Effective][]>();
  for (const [key, entry] of effective) {
    if (!key.startsWith('hosts.')) continue;
    const prefix = key.slice(0, key.indexOf('.', 'hosts.'.length) + 1);
    named.set(prefix, [...(named.get(prefix) ?? []), [key.slice(prefix.length), entry]]);
  }
  return { effective, named, credentials: findCredentials(effective, ordered) };
}

/**
 * A credential goes only to the host that it was configured with: the one that would be used if nothing stronger, and no
 * project file, had a say. What was typed for this one command goes where the command goes.
 */
function findCredentials(
  effective: ReadonlyMap<string, Effective>,
  layers: readonly Layer[],
): Merged['credentials'] {
  const own = layers.filter(({ kind }) => kind !== 'project');
  return [...effective].flatMap(([key, { origin }]) => {
    if (!OF_ONE_HOST.test(key) || origin.kind === 'flag') return [];
    const weaker = own.filter(({ kind }) => STRENGTH.indexOf(kind) <= STRENGTH.indexOf(origin.kind));
    return [[key, merge(weaker).get('host')] as const];
  });
}

/**
 * What a host in force changes, by key: what was configured with another goes (undefined), and where it is the name of a
 * configured one, that one's address, credentials and CA file are in force.
 */
export function changesFor(merged: Merged, host: Effective): ReadonlyMap<string, Effective | undefined> {
  const changes = new Map<string, Effective | undefined>([['host', host]]);
  const url = urlOf(merged, host);
  for (const [key, configured] of merged.credentials) {
    if (configured !== undefined && !isSameHost(urlOf(merged, configured), url)) changes.set(key, undefined);
  }
  for (const [key, entry] of merged.named.get(namedPrefix(host.value)) ?? []) {
    if (key === 'url') changes.set('host', { value: entry.value, origin: host.origin });
    else changes.set(key, entry);
  }
  return changes;
}

/** Whether a host's value is the name of a configured one. */
export function isNamed({ effective }: Merged, host: Stored): boolean {
  return effective.has(`${namedPrefix(host)}url`);
}

/** What the keys of a named host begin with. Names have no dots: `gpu.headers` must not reach into the host `gpu`. */
function namedPrefix(host: Stored): string {
  return `hosts.${String(host).replaceAll('.', ' ')}.`;
}

/** The address that a host's value stands for: that of the configured host it names, or itself. */
function urlOf({ effective }: Merged, { value }: Effective): string {
  return String(effective.get(`${namedPrefix(value)}url`)?.value ?? value);
}

type Tree = Record<string, unknown>;

/** The settings as a tree. Throws `config` for a named host without an address. */
export function buildSettings(values: ReadonlyMap<string, Stored>): Settings {
  const root: Tree = {
    options: {},
    headers: {},
    hosts: {},
    presets: {},
    auto: {},
    mcp: {},
    keys: {},
    providers: {},
  };
  for (const [key, value] of values) {
    const path = key.split('.');
    const last = path.pop() ?? '';
    let node = root;
    for (const segment of path) node = (node[segment] ??= {}) as Tree;
    node[last] = value ?? undefined;
  }
  for (const [name, host] of Object.entries(root['hosts'] as Record<string, Tree>)) {
    if (host['url'] === undefined) throw new OllamaError('config', `hosts.${name} needs a url`);
    host['headers'] ??= {};
  }
  // The table is the shape: each of its rows has the type that Settings says, and what Settings requires has a default.
  return root as unknown as Settings;
}
