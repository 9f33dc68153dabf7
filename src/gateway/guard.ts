import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isLoopback } from '../core/url.js';
import type { HttpError } from './errors.js';

/** Whom the gateway lets in. */
export interface GuardRules {
  /** Names besides its own address and `localhost` by which it may be called, in lower case. */
  readonly allowHosts: readonly string[];
  /** The origins of web pages that may call it, as a browser writes them. */
  readonly cors: readonly string[];
  /** Whether an `Authorization` header has the token; undefined where none is wanted. */
  readonly hasToken: ((authorization: string | undefined) => boolean) | undefined;
}

/** What is known of a request before it is read. */
export type Asked = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders'> & {
  /** The address of ours that the connection came to. */
  readonly localAddress: string | undefined;
};

/** What becomes of a request: it is refused, it was a question of a browser before the real one, or it goes on. */
export type Judgement =
  | { readonly kind: 'refused'; readonly error: HttpError; readonly headers: Headers }
  | { readonly kind: 'preflight'; readonly headers: Headers }
  | { readonly kind: 'passed'; readonly headers: Headers };
type Headers = Readonly<Record<string, string>>;

/** Headers that this guard goes by: a second one would be seen by another than the first. Node's parser sees to the rest. */
const ONCE = new Set(['host', 'origin', 'authorization', 'content-type', 'sec-fetch-site']);

/** Judges a request by its head alone: its form, by which name and from which page it came, and its token. */
export function judge(asked: Asked, rules: GuardRules): Judgement {
  const mistake = malformed(asked);
  if (mistake !== undefined) return refused(400, 'usage', mistake, 'Send plain HTTP/1.1.');
  const { headers } = asked;
  const host = splitHost(headers.host);
  if (host === undefined || !isOwnName(host.name, asked.localAddress, rules)) {
    const name = host === undefined ? 'without a valid Host header' : 'by a name that is not its own';
    return refused(403, 'not_allowed', `The gateway was called ${name}.`, 'Start it with --allow-host NAME.');
  }
  const page = judgePage(asked, rules);
  if (page === 'foreign') {
    const hint = 'Start the gateway with --cors ORIGIN for a page of yours.';
    return refused(403, 'not_allowed', 'This page may not call the gateway.', hint);
  }
  const cors = page === 'own' ? {} : corsHeaders(page);
  if (
    page !== 'own' &&
    asked.method === 'OPTIONS' &&
    headers['access-control-request-method'] !== undefined
  ) {
    return { kind: 'preflight', headers: { ...cors, ...preflightHeaders(headers) } };
  }
  if (rules.hasToken && !rules.hasToken(headers.authorization)) {
    const told =
      headers.authorization === undefined
        ? 'The gateway wants its token.'
        : 'This is not the token of the gateway.';
    const hint = 'Send it as "Authorization: Bearer TOKEN"; the gateway prints it when it starts.';
    return {
      ...refused(401, 'unauthorized', told, hint),
      headers: { ...cors, 'www-authenticate': 'Bearer' },
    };
  }
  return { kind: 'passed', headers: cors };
}

function refused(
  status: number,
  code: HttpError['code'],
  message: string,
  hint: string,
): Judgement & { readonly kind: 'refused' } {
  return { kind: 'refused', error: { status, code, message, hint }, headers: {} };
}

/** What is wrong with the form of a request, where it could be understood in two ways. */
function malformed({ url, rawHeaders }: Asked): string | undefined {
  if (url === undefined || !/^\/[\x21-\x7e]*$/.test(url)) return 'What is asked for is no path.';
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!ONCE.has(name)) continue;
    if (seen.has(name)) return `There are two headers "${name}".`;
    seen.add(name);
  }
  return undefined;
}

function splitHost(host: string | undefined): { readonly name: string } | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host ?? '');
  const name = match?.[1]?.replace(/^\[|\]$/g, '').toLowerCase();
  return name === undefined ? undefined : { name };
}

/**
 * A name that anyone can point at this machine must not do: only then can a page of theirs not ask as if it were ours
 * (DNS rebinding). An address is ours if the connection came to it.
 */
function isOwnName(name: string, localAddress: string | undefined, { allowHosts }: GuardRules): boolean {
  if (allowHosts.includes(name)) return true;
  // Also where the connection came by another address: a container's port is called so from outside of it.
  if (isLoopback(name)) return true;
  return isIP(name) !== 0 && name === localAddress?.replace(/^::ffff:/i, '').toLowerCase();
}

/** Whose page asks: none or one of the gateway's own address, a named one (its origin), or a stranger's. */
function judgePage(
  { headers }: Asked,
  { cors }: GuardRules,
): 'own' | 'foreign' | { readonly origin: string } {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined) {
    // An image or a form of another page brings no origin, and the browser says whose it is.
    return site === undefined || site === 'none' || site === 'same-origin' ? 'own' : 'foreign';
  }
  if (cors.includes(origin)) return { origin };
  return origin.toLowerCase() === `http://${host?.toLowerCase() ?? ''}` && site !== 'cross-site'
    ? 'own'
    : 'foreign';
}

function corsHeaders({ origin }: { readonly origin: string }): Headers {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'location, retry-after',
    vary: 'origin',
  };
}

function preflightHeaders(headers: IncomingMessage['headers']): Headers {
  return {
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers': 'authorization, content-type, prefer',
    'access-control-max-age': '600',
    ...(headers['access-control-request-private-network'] === 'true'
      ? { 'access-control-allow-private-network': 'true' }
      : {}),
  };
}
