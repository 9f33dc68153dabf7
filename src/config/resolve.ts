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

interface Effective {
  readonly value: Stored;
  readonly origin: Origin;
}

/**
 * Lays the sources over one another: flag, environment, project file, user file, default, the strongest wins, whatever
 * their order. Pure; throws `config` for a named host without an address.
 */
export function resolveSettings(
  layers: readonly Layer[],
  { warnings = [], unknownVariables = [] }: Partial<Pick<Resolved, 'warnings' | 'unknownVariables'>> = {},
): Resolved {
  const ordered = [...layers].sort((a, b) => STRENGTH.indexOf(a.kind) - STRENGTH.indexOf(b.kind));
  const effective = merge(ordered);
  const host = effective.get('host') ?? { value: DEFAULT_HOST, origin: { kind: 'default' } };
  dropForeignCredentials(effective, ordered, host);
  useNamedHost(effective, host);
  const url = urlOf(effective, host);
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
    ...(effective.has(`${namedPrefix(host.value)}url`) ? { hostName: String(host.value) } : {}),
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

/**
 * A credential goes only to the host that it was configured with: the one that would be used if nothing stronger, and no
 * project file, had a say. What was typed for this one command goes where the command goes.
 */
function dropForeignCredentials(
  effective: Map<string, Effective>,
  layers: readonly Layer[],
  host: Effective,
): void {
  const own = layers.filter(({ kind }) => kind !== 'project');
  for (const [key, { origin }] of effective) {
    if (!OF_ONE_HOST.test(key) || origin.kind === 'flag') continue;
    const weaker = own.filter(({ kind }) => STRENGTH.indexOf(kind) <= STRENGTH.indexOf(origin.kind));
    const configured = merge(weaker).get('host') ?? host;
    if (!isSameHost(urlOf(effective, configured), urlOf(effective, host))) effective.delete(key);
  }
}

/** What the keys of a named host begin with. Names have no dots: `gpu.headers` must not reach into the host `gpu`. */
function namedPrefix(host: Stored): string {
  return `hosts.${String(host).replaceAll('.', ' ')}.`;
}

/** The address that a host's value stands for: that of the configured host it names, or itself. */
function urlOf(effective: ReadonlyMap<string, Effective>, { value }: Effective): string {
  return String(effective.get(`${namedPrefix(value)}url`)?.value ?? value);
}

/** Where the host is the name of a configured one, puts that one's address, headers and CA file in force. */
function useNamedHost(effective: Map<string, Effective>, { value, origin }: Effective): void {
  const prefix = namedPrefix(value);
  for (const [key, entry] of [...effective].filter(([name]) => name.startsWith(prefix))) {
    const name = key.slice(prefix.length);
    effective.set(name === 'url' ? 'host' : name, name === 'url' ? { value: entry.value, origin } : entry);
  }
}

type Tree = Record<string, unknown>;

function buildSettings(values: ReadonlyMap<string, Stored>): Settings {
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
