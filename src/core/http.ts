import type { Readable } from 'node:stream';
import { encodeBody } from './encode-body.js';
import { OllamaError, isOllamaError } from './errors.js';
import {
  connectionError,
  cutError,
  isCutConnection,
  notOllama,
  readErrorBody,
  type RequestFacts,
} from './http-errors.js';
import { isFields } from './fields.js';
import { createMeter, type MetricListener, type Meter } from './metrics.js';
import { readBatches, type LineReader } from './ndjson.js';
import { createRedactor } from './redact.js';
import { proxyFor, type ProxyEnvironment } from './proxy.js';
import { retryAfterMs, retryDelayMs, sleep, type RetryPolicy } from './retry.js';
import { nodeTransport } from './transport-node.js';
import type { Transport, TransportResponse } from './transport.js';
import { allowListeners, interruption, relay, timeLimit } from './time-limit.js';
import type { HostAddress } from './url.js';
import { readFailure, readText, serverOf } from './http-answer.js';

/** Limits in milliseconds; undefined for none. */
export interface Timeouts {
  readonly connect: number | undefined;
  /** The whole of a single answer. */
  readonly response: number | undefined;
  /** The silence, not the length, of a stream. */
  readonly silence: number | undefined;
  /** The whole of a pull. */
  readonly pull: number | undefined;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 5_000,
  response: 60_000,
  silence: undefined,
  pull: undefined,
};

/** What happens on the wire, for `--debug` and for measuring; never with credentials. */
export interface HttpEvent {
  readonly method: string;
  readonly url: string;
  readonly attempt: number;
  readonly status?: number;
  readonly error?: string;
  readonly ms: number;
}

/** What every request to one host shares. */
export interface HttpSettings {
  readonly host: HostAddress;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
  /** Certificates to trust instead of the built-in ones, in PEM. */
  readonly ca: readonly string[] | undefined;
  /** True where the host's certificate is not checked. */
  readonly insecure?: boolean | undefined;
  readonly env: ProxyEnvironment;
  readonly onHttp: ((event: HttpEvent) => void) | undefined;
  readonly onMetric?: MetricListener | undefined;
  /** Asked where a connection is refused: whether a server was started there, so that it is worth sending again. */
  readonly onRefused?: (() => Promise<boolean>) | undefined;
  /** What each request fails with, and nothing is sent. */
  readonly refusal?: OllamaError | undefined;
}

/** One call. */
export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  /** Below the host's prefix, with a leading slash. */
  readonly path: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly upload?: Readable;
  readonly model?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** True where asking again can do no harm. */
  readonly repeatable?: boolean;
  /** False for answers that may take as long as they need: embed, generate, blobs. */
  readonly bounded?: boolean;
}

/** Requests to one host, over the transport that fits it. */
export interface Http {
  readonly host: HostAddress;
  readonly meter: Meter;
  /** The value of a single answer. Throws a typed error for everything else. */
  json(call: Call): Promise<unknown>;
  /** The status of a single answer that has no value; statuses in `expected` are no errors. */
  status(call: Call, expected: readonly number[]): Promise<number>;
  /** What `reader` makes of a stream's lines, in batches as they come; an empty batch is a heartbeat of silence. */
  stream<Item>(
    call: Call,
    reader: LineReader<Item>,
    heartbeatMs?: number,
  ): AsyncGenerator<Item[], void, undefined>;
}

/** Statuses of a server or proxy that is busy or starting: worth another try. */
export const PASSING = new Set([429, 502, 503, 504]);

/** Makes the one way to a host. Opens nothing yet. */
export function createHttp(settings: HttpSettings): Http {
  const { host, timeouts } = settings;
  const meter = createMeter(host.url, settings.onMetric);
  const shared = sharedHeaders(settings);
  const redacted = (error: OllamaError): OllamaError => {
    const redact = createRedactor(shared);
    error.message = redact(error.message);
    // A parser's error quotes what it could not read.
    if (error.cause instanceof SyntaxError) error.cause.message = redact(error.cause.message);
    return error;
  };
  const redactItem = (item: unknown): void => {
    if (!isFields(item)) return;
    const { error } = item;
    if (isOllamaError(error)) redacted(error);
    else if (typeof error === 'string') Object.assign(item, { error: createRedactor(shared)(error) });
  };
  let transport: Promise<Transport> | undefined;
  const getTransport = (): Promise<Transport> => (transport ??= chooseTransport(settings));

  const send = async (
    call: Call,
    signal: AbortSignal | undefined,
    isMended = false,
  ): Promise<TransportResponse> => {
    if (settings.refusal) throw settings.refusal;
    const facts: RequestFacts = { host: host.url, model: call.model };
    const body = call.body === undefined ? undefined : encodeBody(call.body);
    try {
      const open = await getTransport();
      const answer = await open(host, {
        method: call.method,
        path: host.path + call.path,
        headers: { ...shared, ...bodyHeaders(call, body) },
        body: call.upload ?? body,
        signal,
        connectMs: timeouts.connect,
      });
      // A body that is let go of fails with that (undici): nobody has to listen for it.
      answer.body.on('error', () => undefined);
      return answer;
    } catch (error) {
      const failure = connectionError(signal?.aborted ? signal.reason : error, facts);
      // Nothing of the request has reached anybody; but a stream that is sent can't be sent twice.
      const mends = failure.reason === 'refused' && call.upload === undefined && !isMended;
      if (mends && (await settings.onRefused?.()) === true) return await send(call, signal, true);
      throw failure;
    }
  };

  /** Sends, and sends again what is safe to repeat; resolves with an answer below 300, or one that is expected. */
  const exchange = async (
    call: Call,
    signal: AbortSignal | undefined,
    expected: readonly number[] = [],
  ): Promise<TransportResponse> => {
    const attempts = call.repeatable === true ? settings.retry.attempts : 1;
    for (let attempt = 1; ; attempt++) {
      const before = Date.now();
      let failure: OllamaError;
      let waitMs: number | undefined;
      try {
        const answer = await send(call, signal);
        report(settings, call, attempt, before, { status: answer.status });
        if (answer.status < 300 || expected.includes(answer.status)) return answer;
        waitMs = retryAfterMs(answer.headers['retry-after'], Date.now());
        failure = redacted(await readFailure(answer, call, host));
        if (!PASSING.has(answer.status) || attempt >= attempts) throw failure;
      } catch (error) {
        if (!isOllamaError(error)) throw error;
        if (error.status === undefined) report(settings, call, attempt, before, { error: error.message });
        const passes = error.status === undefined ? isCutConnection(error.cause) : PASSING.has(error.status);
        if (attempt >= attempts || !passes) throw error;
        failure = error;
      }
      const delay = retryDelayMs(settings.retry, attempt + 1, waitMs);
      if (delay === undefined) throw failure;
      await sleep(delay, signal);
    }
  };

  const single = async <Result>(
    call: Call,
    expected: readonly number[],
    read: (answer: TransportResponse) => Promise<Result>,
  ): Promise<Result> =>
    await meter.time('ollama.request.duration', call.model, () => askOnce(call, expected, read));

  const askOnce = async <Result>(
    call: Call,
    expected: readonly number[],
    read: (answer: TransportResponse) => Promise<Result>,
  ): Promise<Result> => {
    const limit = call.bounded === false ? undefined : timeouts.response;
    const bound = timeLimit(call.signal, limit, () => tooSlow(host, call, limit ?? 0));
    try {
      return await read(await exchange(call, bound.signal, expected));
    } catch (error) {
      if (bound.signal?.aborted) throw interruption(bound.signal.reason, host);
      throw redacted(cutError(error, { host: host.url, model: call.model, hint: 'Ask again.' }));
    } finally {
      bound.stop();
    }
  };

  /** A page is the answer of a proxy or another program, whatever its status. */
  const refusePage = async (answer: TransportResponse): Promise<void> => {
    if (!/text\/html/i.test(answer.headers['content-type'] ?? '')) return;
    const page = readErrorBody(await readText(answer.body), 'text/html');
    throw notOllama(host.url, `"${page.text}"`, {
      host: host.url,
      status: answer.status,
      server: serverOf(answer),
      reason: 'html',
    });
  };

  return {
    host,
    meter,
    json: async (call) =>
      await single(call, [], async (answer) => {
        const text = await readText(answer.body);
        try {
          return JSON.parse(text) as unknown;
        } catch {
          const { html, text: words } = readErrorBody(text, answer.headers['content-type'] ?? '');
          const what = html ? `"${words}"` : JSON.stringify(text.slice(0, 80));
          throw notOllama(host.url, what, {
            host: host.url,
            status: answer.status,
            server: serverOf(answer),
            ...(html ? { reason: 'html' as const } : {}),
          });
        }
      }),
    status: async (call, expected) =>
      await single(call, expected, async (answer) => {
        if (answer.status < 300) await refusePage(answer);
        await readText(answer.body);
        return answer.status;
      }),
    stream: async function* (call, reader, heartbeatMs) {
      // Without a heartbeat nobody can leave before the answer is there, and then its body is closed.
      const open = heartbeatMs === undefined ? undefined : relay(call.signal);
      if (call.signal) allowListeners(call.signal);
      try {
        const opening = exchange(call, open ? open.signal : call.signal);
        // A model that loads keeps even the head of its answer back: that is silence as any other.
        while (!(await settles(opening, heartbeatMs))) yield [];
        const answer = await opening;
        await refusePage(answer);
        for await (const items of readBatches(answer.body, reader, heartbeatMs)) {
          items.forEach(redactItem);
          yield items;
        }
      } catch (error) {
        if (call.signal?.aborted) throw interruption(call.signal.reason, host);
        throw redacted(cutError(error, { host: host.url, model: call.model }));
      } finally {
        open?.release();
        open?.abort(new OllamaError('interrupted', 'Interrupted.', { host: host.url }));
      }
    },
  };
}

/** Resolves to true once `promise` is settled either way, to false after `ms` without. */
async function settles(promise: Promise<unknown>, ms: number | undefined): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const done = promise.then(
    () => true,
    () => true,
  );
  if (ms === undefined) return await done;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)));
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The way to a host: direct, or through the proxy that the environment names for it. Throws `usage` for a wrong one. */
export async function chooseTransport({
  host,
  env,
  ca,
  insecure,
}: Pick<HttpSettings, 'host' | 'env' | 'ca' | 'insecure'>): Promise<Transport> {
  const proxy = proxyFor(host, env);
  if (proxy === undefined) return nodeTransport(ca, insecure);
  const { proxyTransport } = await import('./transport-proxy.js');
  return proxyTransport(proxy, ca, insecure);
}

/** In lower case: a name in two spellings would be sent twice. */
function sharedHeaders({ host, headers }: HttpSettings): Record<string, string> {
  const { authorization } = host;
  return {
    accept: 'application/x-ndjson, application/json',
    ...(authorization === undefined ? {} : { authorization }),
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  };
}

function bodyHeaders(call: Call, body: Buffer | undefined): Record<string, string> {
  if (call.upload) return { 'content-type': 'application/octet-stream' };
  if (body === undefined) return {};
  return { 'content-type': 'application/json', 'content-length': String(body.length) };
}

function report(
  settings: HttpSettings,
  call: Call,
  attempt: number,
  before: number,
  outcome: { status?: number; error?: string },
): void {
  settings.onHttp?.({
    method: call.method,
    url: settings.host.url + call.path,
    attempt,
    ms: Date.now() - before,
    ...outcome,
  });
}

function tooSlow(host: HostAddress, call: Call, ms: number): OllamaError {
  return new OllamaError(
    'timeout',
    `${host.url} gave no answer to ${call.method} ${call.path} within ${ms / 1000} s.`,
    {
      host: host.url,
      model: call.model,
      reason: 'silent',
      hint: 'Give it longer with --timeout, or timeouts.response in the configuration.',
    },
  );
}
