import type { IncomingHttpHeaders } from 'node:http';
import { OllamaError, isOllamaError } from './errors.js';
import type { HttpEvent } from './http.js';
import { readStart } from './http-answer.js';
import { connectionError, connectionReason, cutReason, systemCode } from './http-errors.js';
import type { ProxyEnvironment } from './proxy.js';
import type { RegistryPlaces } from './registry-address.js';
import type { RetryPolicy } from './retry.js';
import { timeLimit } from './time-limit.js';
import type { Transport } from './transport.js';
import type { HostAddress } from './url.js';

/** How a client of registries is made. Everything may be left out; times are milliseconds. */
export interface RegistryOptions extends RegistryPlaces {
  /** `connect`: 5,000 by default; `response`, of a whole answer: at most 15,000, the default. */
  readonly timeouts?: { readonly connect?: number; readonly response?: number };
  readonly retry?: Partial<RetryPolicy>;
  /** Certificates to trust instead of the built-in ones, in PEM. */
  readonly ca?: readonly string[];
  /** Where HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY are read; nowhere by default. */
  readonly env?: ProxyEnvironment;
  /** Told of each exchange. */
  readonly onHttp?: (event: HttpEvent) => void;
}

/** One question to a registry. */
export interface RegistryCall {
  readonly method: 'GET' | 'HEAD';
  /** With the query, below the registry's address. */
  readonly path: string;
  /** What a token is good for: a repository, or the catalogue. */
  readonly scope: string;
  readonly accept: string;
  /** How many bytes of the answer are read at most; the rest is dropped. */
  readonly most: number;
  /** How many bytes of a blob are asked for, from its start. */
  readonly range?: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer with any status but a redirect. */
export interface RegistryAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False where the body was longer than what was read. */
  readonly whole: boolean;
  /** The registry's address. */
  readonly url: string;
}

/** What every exchange with one registry shares. */
export interface ExchangeSettings {
  readonly options: RegistryOptions;
  /** Of a whole answer, in milliseconds. */
  readonly limitMs: number;
  readonly transportTo: (host: HostAddress) => Promise<Transport>;
}

const CONNECT_MS = 5_000;
const MOST_ERROR = 64 * 1024;
/** Statuses that send elsewhere. */
export const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** One request and its whole answer. Throws `registry_unreachable`. */
export async function exchange(
  line: ExchangeSettings,
  host: HostAddress,
  call: RegistryCall,
  extra: Readonly<Record<string, string>>,
  attempt: number,
): Promise<RegistryAnswer> {
  const { options, limitMs } = line;
  const bound = timeLimit(call.signal, limitMs, () =>
    unreachable(host, `no answer within ${limitMs / 1000} s`),
  );
  const before = Date.now();
  const report = (outcome: { status?: number; error?: string }): void =>
    options.onHttp?.({
      method: call.method,
      url: host.url + call.path,
      attempt,
      ms: Date.now() - before,
      ...outcome,
    });
  try {
    const open = await line.transportTo(host);
    const { status, headers, body } = await open(host, {
      method: call.method,
      path: host.path + call.path,
      headers: {
        accept: call.accept,
        'user-agent': 'ollama-cli',
        ...(call.range === undefined ? {} : { range: `bytes=0-${Math.max(0, call.range - 1)}` }),
        ...extra,
      },
      body: undefined,
      signal: bound.signal,
      connectMs: options.timeouts?.connect ?? CONNECT_MS,
    });
    const most = status < 300 ? call.most : call.method === 'HEAD' || REDIRECTS.has(status) ? 0 : MOST_ERROR;
    const read = await readStart(body, most);
    report({ status });
    return { status, headers, ...read, url: host.url };
  } catch (error) {
    const failure = failed(bound.signal?.aborted === true ? bound.signal.reason : error, host);
    report({ error: failure.message });
    throw failure;
  } finally {
    bound.stop();
  }
}

function unreachable(host: HostAddress, why: string, cause?: unknown, hint?: string): OllamaError {
  const facts = { host: host.url, cause, hint };
  return new OllamaError('registry_unreachable', `${host.url} can't be reached: ${why}.`, facts);
}

function failed(error: unknown, host: HostAddress): OllamaError {
  if (isOllamaError(error) && error.code === 'registry_unreachable') return error;
  const known = connectionError(error, { host: host.url });
  if (known.code === 'interrupted' || known.code === 'usage') return known;
  if (known.code === 'tls') {
    const why = known.message
      .replace(/^The TLS connection to \S+ failed: /, 'TLS failed: ')
      .replace(/\.$/, '');
    return unreachable(host, why, known.cause, 'Trust its certificate by NODE_EXTRA_CA_CERTS=FILE.');
  }
  if (known.code === 'protocol') return unreachable(host, 'what answers does not speak HTTP', known.cause);
  const why = connectionReason(error) ?? (systemCode(error) === undefined ? undefined : cutReason(error));
  return unreachable(host, why ?? (error instanceof Error ? error.message : String(error)), error);
}
