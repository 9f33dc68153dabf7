import { OllamaError } from './errors.js';

/** Where a server is, taken apart: what a request needs, and what may be shown. */
export interface HostAddress {
  readonly protocol: 'http:' | 'https:';
  /** Without brackets; `0.0.0.0` and `::` have become loopback. */
  readonly hostname: string;
  readonly port: number;
  /** A path prefix with a leading and no trailing slash, or empty. */
  readonly path: string;
  /** `http://127.0.0.1:11434`, with the path, never with credentials. */
  readonly url: string;
  /** `127.0.0.1:11434`: what a person reads; https is said. */
  readonly display: string;
  /** The value of an `Authorization` header, from `user:password@`. */
  readonly authorization: string | undefined;
  /** True where the address ended in `/v1`. */
  readonly openAiCompatible: boolean;
  /** What was wrong and passed over, as Ollama does; for a person to read. */
  readonly warnings: readonly string[];
}

const DEFAULT_PORT = 11_434;

/** Ollama trims spaces, then quotes, then spaces (envconfig.Var). */
function trimSetting(text: string): string {
  return text
    .trim()
    .replace(/^["']+|["']+$/g, '')
    .trim();
}

/** Takes apart user, password and the rest; the last `@` counts, as a password may hold one. */
function splitCredentials(authority: string): { rest: string; authorization: string | undefined } {
  const at = authority.lastIndexOf('@');
  if (at < 0) return { rest: authority, authorization: undefined };
  const credentials = authority.slice(0, at);
  const colon = credentials.indexOf(':');
  const user = colon < 0 ? credentials : credentials.slice(0, colon);
  const password = colon < 0 ? '' : credentials.slice(colon + 1);
  const encoded = Buffer.from(`${decodePercent(user)}:${decodePercent(password)}`, 'utf8').toString('base64');
  return { rest: authority.slice(at + 1), authorization: `Basic ${encoded}` };
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Go's net.SplitHostPort: undefined where it fails. */
function splitHostPort(text: string): { host: string; port: string } | undefined {
  const bracketed = /^\[([^[\]]*)\]:([^:]*)$/.exec(text);
  if (bracketed) return { host: bracketed[1] ?? '', port: bracketed[2] ?? '' };
  const colon = text.indexOf(':');
  if (colon < 0 || colon !== text.lastIndexOf(':') || /[[\]]/.test(text)) return undefined;
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** `::1` for every writing of an IPv6 address; undefined for anything else. */
function parseIpv6(text: string): string | undefined {
  const inner = text.replace(/^\[|\]$/g, '');
  if (!inner.includes(':')) return undefined;
  try {
    return new URL(`http://[${inner}]`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
}

/** The name as a resolver takes it; undefined where it can be none. */
function normalizeHostname(host: string): string | undefined {
  // Where nearly every server is: what takes addresses apart takes a while to load.
  if (host === '127.0.0.1' || host === 'localhost') return host;
  const ipv6 = parseIpv6(host);
  if (ipv6 !== undefined) return ipv6;
  if (/[\s/?#@\\:[\]<>^|%]/.test(host)) return undefined;
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return undefined;
  }
}

function parsePort(text: string, fallback: number, warnings: string[]): number {
  const port = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  // Not "-0": it would be written so.
  if (port >= 0 && port <= 65_535) return Math.abs(port);
  warnings.push(`"${text}" is no port; ${fallback} is used.`);
  return fallback;
}

/** Takes the ends off that people copy along with an address: `/`, `/v1`, `/api`. */
function cleanPath(path: string): { path: string; openAiCompatible: boolean } {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const last = parts.at(-1);
  if (last === 'v1' || last === 'api') parts.pop();
  return { path: parts.map((part) => `/${part}`).join(''), openAiCompatible: last === 'v1' };
}

const SCHEMES: Readonly<Record<string, { protocol: HostAddress['protocol']; port: number }>> = {
  '': { protocol: 'http:', port: DEFAULT_PORT },
  http: { protocol: 'http:', port: 80 },
  https: { protocol: 'https:', port: 443 },
};

/**
 * Reads an address by Ollama's own grammar (envconfig.Host), and mends what that gets wrong: `0.0.0.0` and `::`
 * are dialled as loopback, `:1234` is 127.0.0.1:1234, `user:password@` becomes basic authentication, and a
 * trailing `/v1`, `/api` or `/` is taken off. Throws `usage` for a scheme or a name that can't be dialled.
 */
export function parseHost(text: string): HostAddress {
  const value = trimSetting(text);
  const separator = value.indexOf('://');
  const schemeText = separator < 0 ? '' : value.slice(0, separator).toLowerCase();
  const rest = separator < 0 ? value : value.slice(separator + 3);
  if (value === 'ollama.com') return parseHost('https://ollama.com:443');
  const scheme = SCHEMES[schemeText];
  if (!scheme || (separator === 0 && schemeText === '')) {
    throw new OllamaError(
      'usage',
      `"${redact(value)}" has the scheme "${schemeText}"; only http and https are served.`,
      {
        hint: 'Write it as http://HOST:PORT or https://HOST:PORT.',
      },
    );
  }

  const warnings: string[] = [];
  const withoutQuery = rest.replace(/[?#].*$/, '');
  if (withoutQuery !== rest) warnings.push('The query of an address is not used.');
  // A password may hold a slash only if it is written %2F: everything after the first one is the path.
  const slash = withoutQuery.indexOf('/');
  const authority = slash < 0 ? withoutQuery : withoutQuery.slice(0, slash);
  if (!authority.includes('@') && withoutQuery.includes('@')) {
    throw new OllamaError('usage', `"${redact(value)}" has an "@" after a slash.`, {
      hint: 'In a user name or a password, write / as %2F.',
    });
  }
  const { path, openAiCompatible } = cleanPath(slash < 0 ? '' : withoutQuery.slice(slash));
  const { rest: hostPort, authorization } = splitCredentials(authority);

  const split = splitHostPort(hostPort);
  const port = split ? parsePort(split.port, scheme.port, warnings) : scheme.port;
  const written = split ? split.host : hostPort;
  if (schemeText === '' && !split) checkNumber(written);
  const hostname = normalizeHostname(written === '' ? '127.0.0.1' : written);
  if (hostname === undefined || hostname === '') {
    throw new OllamaError('usage', `"${redact(value)}" is no address of a server.`, {
      hint: 'Write it as HOST, HOST:PORT or http://HOST:PORT/PREFIX.',
    });
  }
  return buildAddress({
    protocol: scheme.protocol,
    hostname: dialled(hostname),
    port,
    path,
    authorization,
    openAiCompatible,
    warnings,
  });
}

/** Throws `usage` for a number alone: a parser of URLs makes an address of it, and nobody means that. */
function checkNumber(host: string): void {
  if (!/^(?:\d+|0x[\da-f]*)\.?$/i.test(host)) return;
  const port = Number(host);
  const isPort = /^\d+$/.test(host) && port > 0 && port <= 65_535;
  throw new OllamaError('usage', `"${host}" is a number, and no address of a server.`, {
    hint: isPort ? `Did you mean :${port}?` : 'Write it as HOST, HOST:PORT or http://HOST:PORT/PREFIX.',
  });
}

/** An address to listen on is none to dial. */
function dialled(hostname: string): string {
  if (hostname === '0.0.0.0') return '127.0.0.1';
  return hostname === '::' ? '::1' : hostname;
}

function buildAddress(parts: Omit<HostAddress, 'url' | 'display'>): HostAddress {
  const host = parts.hostname.includes(':') ? `[${parts.hostname}]` : parts.hostname;
  const usual = parts.protocol === 'https:' && parts.port === 443;
  const authority = usual ? host : `${host}:${parts.port}`;
  const url = `${parts.protocol}//${authority}${parts.path}`;
  return { ...parts, url, display: url.replace(/^http:\/\//, '') };
}

function redact(text: string): string {
  return text.replace(/^([^:]*:\/\/)?.*@/, '$1***@');
}

/** True for an address of this machine itself: such a request is never sent through a proxy. */
export function isLoopback(hostname: string): boolean {
  const name = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    /^127(?:\.\d{1,3}){3}$/.test(name) ||
    /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(name)
  );
}

/** Behind a slash that begins a path: a host may have the name v1. */
const V1_END = /(?<=[^:/])\/+v1\/*$/;

/** True for the base of an OpenAI-compatible API: an address that ends in `/v1`. */
export function isOpenAiCompatibleBaseUrl(url: string): boolean {
  return V1_END.test(trimSetting(url));
}

/** The root of the server behind a base URL: without a trailing `/v1` and slashes. */
export function baseUrlToHostRoot(url: string): string {
  return trimSetting(url)
    .replace(V1_END, '')
    .replace(/(?<=[^/])\/+$/, '');
}
