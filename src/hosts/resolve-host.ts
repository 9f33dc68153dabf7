import { resolveSettings, type Layer, type Resolved } from '../config/resolve.js';
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
  const flags = layers.find(({ kind }) => kind === 'flag');
  const values = new Map(flags?.values).set('host', { value: name, name: '--host' });
  const others: readonly Layer[] = layers.filter((layer) => layer !== flags);
  const config = resolveSettings([...others, { kind: 'flag', values }]);
  return { config, address: parseAddress(config.settings.host, name, Object.keys(settings.hosts)) };
}

function parseAddress(url: string, name: string, configured: readonly string[]): HostAddress {
  try {
    return parseHost(url);
  } catch (error) {
    if (isOllamaError(error) && name === url && !/[:/.]/.test(name)) throw hostNotFound(name, configured);
    throw error;
  }
}
