import { OllamaError, isOllamaError } from './errors.js';
import { chooseTransport, PASSING } from './http.js';
import { connectionReason, isCutConnection, systemCode } from './http-errors.js';
import { createPool } from './pool.js';
import { isPrivate, type RegistryPlace } from './registry-address.js';
import {
  exchange,
  REDIRECTS,
  type ExchangeSettings,
  type RegistryAnswer,
  type RegistryCall,
  type RegistryOptions,
} from './registry-exchange.js';
import { fetchToken, readChallenge } from './registry-token.js';
import { DEFAULT_RETRY, retryAfterMs, retryDelayMs, sleep, type RetryPolicy } from './retry.js';
import { interruption } from './time-limit.js';
import { ConnectTimeout, type Transport } from './transport.js';
import { parseHost, type HostAddress } from './url.js';

/** The one way to a registry. */
export interface RegistryLine {
  readonly url: string;
  /** Asks, and asks again where that can help. Throws `registry_unreachable`, `protocol` and `interrupted`. */
  ask(call: RegistryCall): Promise<RegistryAnswer>;
}

const RESPONSE_MS = 15_000;
/** A hundred models are asked for in two round trips, or four where all are out of date. */
const AT_ONCE = 50;
const MOST_REDIRECTS = 5;
const MOST_TOKEN = 64 * 1024;

/** Makes the way to a registry. Opens nothing yet. */
export function openLine({ addresses }: RegistryPlace, options: RegistryOptions): RegistryLine {
  const [first, second] = addresses;
  if (first === undefined) throw new OllamaError('internal', 'A registry has no address.');
  const pool = createPool(AT_ONCE);
  const retry: RetryPolicy = { ...DEFAULT_RETRY, ...options.retry };
  const tokens = new Map<string, string>();
  const transports = new Map<string, Promise<Transport>>();
  const line: ExchangeSettings = {
    options,
    limitMs: Math.min(options.timeouts?.response ?? RESPONSE_MS, RESPONSE_MS),
    transportTo: (host) => {
      const made =
        transports.get(host.url) ?? chooseTransport({ host, env: options.env ?? {}, ca: options.ca });
      transports.set(host.url, made);
      return made;
    },
  };
  let found: Promise<HostAddress> | undefined;
  let known = first;

  /** Sends with the token that there is; a first refusal that says where to get one gets one. */
  const authorized = async (
    address: HostAddress,
    call: RegistryCall,
    attempt: number,
  ): Promise<RegistryAnswer> => {
    const answer = await follow(line, address, call, tokens.get(call.scope), attempt);
    const challenge = answer.status === 401 ? readChallenge(answer.headers['www-authenticate']) : undefined;
    if (challenge === undefined) return answer;
    const token = await fetchToken(challenge, address, async (host, path) => {
      const plain = { method: 'GET', path, scope: '', accept: 'application/json', most: MOST_TOKEN } as const;
      return await exchange(line, host, { ...plain, signal: call.signal }, {}, attempt);
    });
    if (token === undefined) return answer;
    tokens.set(call.scope, token);
    return await follow(line, address, call, token, attempt);
  };

  const repeated = async (call: RegistryCall): Promise<RegistryAnswer> => {
    const address = await (found ??= findAddress(line, first, second, call.signal));
    known = address;
    for (let attempt = 1; ; attempt++) {
      let outcome: RegistryAnswer | OllamaError;
      let waitMs: number | undefined;
      try {
        outcome = await authorized(address, call, attempt);
        if (!PASSING.has(outcome.status) && outcome.status !== 500) return outcome;
        waitMs = retryAfterMs(outcome.headers['retry-after'], Date.now());
      } catch (error) {
        if (!isOllamaError(error) || !isCutConnection(error.cause)) throw error;
        outcome = error;
      }
      const delay = retryDelayMs(retry, attempt + 1, waitMs);
      if (attempt >= retry.attempts || delay === undefined) {
        if (isOllamaError(outcome)) throw outcome;
        return outcome;
      }
      await sleep(delay, call.signal);
    }
  };

  return {
    get url() {
      return known.url;
    },
    ask: async (call) => {
      try {
        return await pool(async () => {
          call.signal?.throwIfAborted();
          return await repeated(call);
        });
      } catch (error) {
        if (!call.signal?.aborted) throw error;
        // What was found out under a signal that has ended need not be so.
        found = undefined;
        throw interruption(call.signal.reason, known);
      }
    },
  };
}

/** Where there are two, the one with TLS unless what answers there speaks none. */
async function findAddress(
  line: ExchangeSettings,
  first: HostAddress,
  second: HostAddress | undefined,
  signal: AbortSignal | undefined,
): Promise<HostAddress> {
  if (second === undefined) return first;
  const probe = { method: 'GET', path: '/v2/', scope: '', accept: '*/*', most: 0, signal } as const;
  try {
    await exchange(line, first, probe, {}, 1);
    return first;
  } catch (error) {
    const cause = isOllamaError(error) ? error.cause : error;
    const message = cause instanceof Error ? cause.message : '';
    const plain =
      /wrong version number|packet length too long/i.test(message) ||
      cause instanceof ConnectTimeout ||
      isCutConnection(cause) ||
      systemCode(cause)?.startsWith('HPE_') === true ||
      connectionReason(cause) !== undefined;
    return plain ? second : first;
  }
}

/** Sends, and goes where the answer sends: at most five times, and never with a token to another host. */
async function follow(
  line: ExchangeSettings,
  registry: HostAddress,
  call: RegistryCall,
  token: string | undefined,
  attempt: number,
): Promise<RegistryAnswer> {
  let host = registry;
  let path = call.path;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const isOwn = originOf(host) === originOf(registry);
    const own = isOwn && token !== undefined ? { authorization: `Bearer ${token}` } : {};
    const answer = await exchange(line, host, { ...call, path }, own, attempt);
    const { location } = answer.headers;
    if (!REDIRECTS.has(answer.status) || location === undefined) return { ...answer, url: registry.url };
    const next = await redirection(line, registry, new URL(host.path + path, originOf(host)), location);
    host = next.host;
    path = next.path;
  }
  throw new OllamaError('protocol', `${registry.url} sends on more than ${MOST_REDIRECTS} times.`, {
    host: registry.url,
  });
}

function originOf({ protocol, hostname, port }: HostAddress): string {
  return `${protocol}//${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
}

/** Where a redirect leads. Throws `protocol` for a place to which nobody may be sent. */
async function redirection(
  { options }: ExchangeSettings,
  registry: HostAddress,
  from: URL,
  location: string,
): Promise<{ host: HostAddress; path: string }> {
  const refuse = (why: string): OllamaError =>
    new OllamaError(
      'protocol',
      `${registry.url} sends to ${JSON.stringify(location.slice(0, 200))}, ${why}.`,
      { host: registry.url },
    );
  if (!URL.canParse(location, from.href)) throw refuse('which is no address');
  const to = new URL(location, from);
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse('which is not on the web');
  if (from.protocol === 'https:' && to.protocol === 'http:' && options.insecure !== true) {
    throw refuse('which has no TLS');
  }
  const path = to.pathname + to.search;
  if (to.origin === new URL(originOf(registry)).origin) return { host: { ...registry, path: '' }, path };
  // What is public must not lead into somebody's own network.
  const host = parseHost(to.origin);
  if ((await isPrivate(host.hostname)) && !(await isPrivate(registry.hostname))) {
    throw refuse('which is a private address');
  }
  return { host, path };
}
