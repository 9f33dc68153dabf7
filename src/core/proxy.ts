import { isLoopback, type HostAddress } from './url.js';

/** The variables of an environment that a client obeys. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

function variable(env: ProxyEnvironment, name: string): string | undefined {
  // Lower case first, as curl has it; an empty one switches off.
  const value = env[name.toLowerCase()] ?? env[name];
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

/**
 * The proxy for a host, as a URL, or undefined for a direct connection. Loopback is never proxied; NO_PROXY takes
 * `*`, names with all below them, `.suffix`, `*.suffix`, addresses, CIDR ranges and ports, as Go's httpproxy does.
 */
export function proxyFor(host: HostAddress, env: ProxyEnvironment): string | undefined {
  if (isLoopback(host.hostname)) return undefined;
  const specific = host.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = variable(env, specific) ?? variable(env, 'ALL_PROXY');
  if (proxy === undefined || isExempt(host, variable(env, 'NO_PROXY') ?? '')) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

/** True where NO_PROXY's list names the host. */
export function isExempt(host: Pick<HostAddress, 'hostname' | 'port'>, noProxy: string): boolean {
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry.toLowerCase(), host.hostname.toLowerCase(), host.port));
}

function matches(entry: string, hostname: string, port: number): boolean {
  if (entry === '*') return true;
  const cidr = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry);
  if (cidr) return inRange(hostname, cidr[1] ?? '', Number(cidr[2]));
  const split = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry);
  // A bare IPv6 address has colons and no port.
  const name = (split ? (split[1] ?? '') : entry).replace(/^\[|\]$/g, '');
  if (split?.[2] !== undefined && Number(split[2]) !== port) return false;
  const address = bits(name);
  if (address !== undefined) return address === bits(hostname);
  if (name.startsWith('*.')) return hostname.endsWith(name.slice(1));
  if (name.startsWith('.')) return hostname.endsWith(name);
  return hostname === name || hostname.endsWith(`.${name}`);
}

/** The bits of an IPv4 or IPv6 address as text of 0 and 1, or undefined. */
function bits(address: string): string | undefined {
  const binary = (value: number, width: number): string => value.toString(2).padStart(width, '0');
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(address)) {
    const bytes = address.split('.').map(Number);
    return bytes.every((byte) => byte < 256) ? bytes.map((byte) => binary(byte, 8)).join('') : undefined;
  }
  if (!address.includes(':')) return undefined;
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array<string>(Math.max(0, missing)).fill('0'), ...after];
  if (all.length !== 8 || !all.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return undefined;
  return all.map((group) => binary(parseInt(group, 16), 16)).join('');
}

function inRange(hostname: string, network: string, prefix: number): boolean {
  const address = bits(hostname);
  const range = bits(network);
  if (address === undefined || range === undefined || address.length !== range.length) return false;
  return prefix <= range.length && address.slice(0, prefix) === range.slice(0, prefix);
}
