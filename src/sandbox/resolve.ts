import { isIP } from 'node:net';
import type { Package } from './definition.js';
import { Refusal } from './errors.js';
import type { FaultPlan } from './faults.js';
import type { ModelName } from './names.js';
import { fetchPackage } from './remote.js';
import type { World } from './world.js';

const NEWER = `

The model you are attempting to pull requires a newer version of Ollama.

Please download the latest version at:

	https://ollama.com/download

`;

/** Finds what a name's registry offers; throws the error line that a real server would send. */
export async function resolvePackage(
  world: World,
  name: ModelName,
  insecure: boolean,
  plan: FaultPlan,
  signal: AbortSignal,
): Promise<Package> {
  const url = `${insecure ? 'http' : 'https'}://${name.host}/v2/${name.namespace}/${name.model}/manifests/${name.tag}`;
  const noTls = `Get "${url}": http: server gave HTTP response to HTTPS client`;
  const fail = (what: string): Refusal => new Refusal(500, `pull model manifest: ${what}`);
  if (plan.fire('offline') !== undefined)
    throw fail(`Get "${url}": dial tcp: lookup ${hostname(name.host)}: no such host`);
  if (plan.fire('412') !== undefined) throw fail(`412: ${NEWER}`);
  if (plan.fire('registry-500') !== undefined) throw fail('500: internal server error');
  if (plan.fire('registry-401') !== undefined) throw fail('401: {"errors":[{"code":"UNAUTHORIZED"}]}');
  if (plan.fire('retry-after') !== undefined) throw fail('429: too many requests');
  if (plan.fire('404') !== undefined) throw fail('file does not exist');
  const found = await world.catalog.find(name, plan.fire('newer') !== undefined);
  const known = world.catalog.names().some((other) => other.host === name.host);
  if (found === undefined && !known && isLoopback(name.host)) {
    const remote = await fetchPackage(name, signal);
    if ('kind' in remote && remote.kind === 'unreachable') throw fail(`Get "${url}": ${remote.text}`);
    if (!insecure) throw fail(noTls);
    if ('kind' in remote) throw fail(remote.text);
    return remote;
  }
  // A registry with a port of its own is one without TLS, as they mostly are.
  if (name.host.includes(':') && !insecure) throw fail(noTls);
  if (found === undefined) throw fail('file does not exist');
  return found;
}

// An address of IPv6 without brackets has no port.
function hostname(host: string): string {
  return /^[^:]*:\d+$|^\[.*\]:\d+$/.test(host) ? host.slice(0, host.lastIndexOf(':')) : host;
}

/** True for a host of this machine, with or without a port. */
export function isLoopback(host: string): boolean {
  const name = hostname(host)
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}
