import {
  buildSettings,
  changesFor,
  isNamed,
  mergeLayers,
  type Effective,
  type Layer,
  type Merged,
  type Resolved,
} from '../config/resolve.js';
import type { Settings } from '../config/schema.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { parseHost, type HostAddress } from '../core/url.js';
import { cleanLine } from '../format/clean.js';
import { findNearest } from '../format/nearest.js';

/** What a configured host may be called, and what is taken for a mistyped name where none is called so. */
const NAME = /^[A-Za-z0-9][\w-]*$/;

/** True for a word that says nothing of an address: no dot, no port, no path; this machine's own name says enough. */
export function isBareName(text: string): boolean {
  return NAME.test(text) && text.toLowerCase() !== 'localhost';
}

/** The error of a name that no host is configured by, with the names that may have been meant. */
export function hostNotFound(name: string, configured: readonly string[]): OllamaError {
  const near = findNearest(name, configured, 3);
  const [first] = near;
  return new OllamaError('host_not_found', `No host is configured by the name "${cleanLine(name)}".`, {
    hint:
      first === undefined
        ? 'ollama-cli hosts list, or write an address such as http://HOST:11434'
        : `Did you mean ${near.join(' or ')}?`,
  });
}

/**
 * The settings as they are for another host, from the sources that were read at the start: what belongs to one host
 * alone is the other's own. Throws `host_not_found` for a name that is neither configured nor an address.
 */
export function resolveForHost(
  { layers, settings }: Resolved,
  name: string,
): { config: Resolved; address: HostAddress } {
  const isConfigured = Object.hasOwn(settings.hosts, name);
  if (!isConfigured && isBareName(name)) throw hostNotFound(name, Object.keys(settings.hosts));
  const config = putInForce(layOut(layers), name);
  return { config, address: parseAddress(config.settings.host, name, Object.keys(settings.hosts)) };
}

/** What the sources say whichever host is in force. */
interface LaidOut extends Pick<Resolved, 'settings' | 'values' | 'origins' | 'files'> {
  readonly merged: Merged;
  /** All but the flags, and these. */
  readonly others: readonly Layer[];
  readonly flags: Layer['values'];
}

/** Once for all the hosts that are asked side by side: each of a hundred would put the whole of it together again. */
const laidOut = new WeakMap<readonly Layer[], LaidOut>();

function layOut(layers: readonly Layer[]): LaidOut {
  const known = laidOut.get(layers);
  if (known) return known;
  const merged = mergeLayers(layers);
  const values = new Map([...merged.effective].map(([key, { value }]) => [key, value]));
  const project = layers.find(({ kind }) => kind === 'project')?.file;
  const user = layers.find(({ kind }) => kind === 'user')?.file;
  const made: LaidOut = {
    merged,
    settings: buildSettings(values),
    values,
    origins: new Map([...merged.effective].map(([key, { origin }]) => [key, origin])),
    files: { ...(project === undefined ? {} : { project }), ...(user === undefined ? {} : { user }) },
    others: layers.filter(({ kind }) => kind !== 'flag'),
    flags: layers.find(({ kind }) => kind === 'flag')?.values ?? new Map(),
  };
  laidOut.set(layers, made);
  return made;
}

/** As if `--host` named it. */
function putInForce({ merged, others, flags, ...laid }: LaidOut, name: string): Resolved {
  const named = { value: name, name: '--host' };
  const changes = changesFor(merged, { value: name, origin: { kind: 'flag', name: '--host' } });
  const values = new Map(laid.values);
  const origins = new Map(laid.origins);
  for (const [key, entry] of changes) {
    if (entry === undefined) {
      values.delete(key);
      origins.delete(key);
    } else {
      values.set(key, entry.value);
      origins.set(key, entry.origin);
    }
  }
  return {
    settings: changeSettings(laid.settings, changes) ?? buildSettings(values),
    origins,
    values,
    warnings: [],
    unknownVariables: [],
    files: laid.files,
    layers: [...others, { kind: 'flag', values: new Map(flags).set('host', named) }],
    ...(isNamed(merged, name) ? { hostName: name } : {}),
  };
}

/** The settings with what a host changes; undefined where that is more than values at the top. */
function changeSettings(
  settings: Settings,
  changes: ReadonlyMap<string, Effective | undefined>,
): Settings | undefined {
  if ([...changes.keys()].some((key) => key.includes('.'))) return undefined;
  const changed = [...changes].map(([key, entry]) => [key, entry?.value ?? undefined] as const);
  return { ...settings, ...Object.fromEntries(changed) };
}

function parseAddress(url: string, name: string, configured: readonly string[]): HostAddress {
  try {
    return parseHost(url);
  } catch (error) {
    if (isOllamaError(error) && name === url && !/[:/.]/.test(name)) throw hostNotFound(name, configured);
    throw error;
  }
}
