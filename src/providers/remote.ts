import { cached } from '../core/cache.js';
import type { ChatEvent, ChatRequest } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { isFields, number, text, type Fields } from '../core/fields.js';
import { createHttp, DEFAULT_TIMEOUTS, type Http, type HttpEvent, type Timeouts } from '../core/http.js';
import type { MetricListener } from '../core/metrics.js';
import type { LineReader } from '../core/ndjson.js';
import type { ProxyEnvironment } from '../core/proxy.js';
import { DEFAULT_RETRY, type RetryPolicy } from '../core/retry.js';
import { interruption } from '../core/time-limit.js';
import { isLocal, providerAddress } from './address.js';
import { askForAnswer } from './answer.js';
import { checkProvider } from './check.js';
import { withCost } from './cost.js';
import { retellError } from './errors.js';
import { findKey, readKey } from './key.js';
import type { Feature, Provider, ProviderBlock, ProviderCall, ProviderModel } from './provider.js';

/** How requests to providers are made. Everything may be left out; times are milliseconds. */
export interface ProviderOptions {
  /** Where `api_key_env` and the variables of proxies are looked up; nothing by default. */
  readonly env?: ProxyEnvironment | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** Certificates to trust instead of the built-in ones, in PEM. */
  readonly ca?: readonly string[] | undefined;
  /** How long lists of models are kept, 60,000 by default. */
  readonly modelCacheTtl?: number | undefined;
  readonly onHttp?: ((event: HttpEvent) => void) | undefined;
  readonly onMetric?: MetricListener | undefined;
  readonly now?: (() => number) | undefined;
}

/** What is different between the APIs of others. */
export interface RemoteApi {
  readonly features: readonly Feature[];
  /** Below the base address. */
  readonly modelsPath: string;
  readonly chatPath: string;
  /** The headers of a request with this key; of none where it is empty. */
  headers(key: string): Readonly<Record<string, string>>;
  /** The body of a chat. Throws `usage` for what the API has not. */
  body(request: ChatRequest): object;
  /** Reads an answer; it may offer tokens to `onToken` before they come as events. */
  decoder(
    facts: { host: string; model: string },
    now: () => number,
    onToken?: (text: string) => boolean,
  ): LineReader<ChatEvent>;
}

/** A provider that speaks an API of others. Opens nothing, and reads no key, until it is asked. */
export function createRemoteProvider(
  block: ProviderBlock,
  api: RemoteApi,
  options: ProviderOptions = {},
): Provider {
  const { name, base_url: baseUrl, model, cost } = block;
  const { env = {}, now = Date.now } = options;
  const host = providerAddress(baseUrl, block.type);
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const secret = findKey(block, env);
  let kept: Http | undefined;

  const open = (): Http => {
    if (kept !== undefined) return kept;
    const key = readKey(block, env);
    return (kept = createHttp({
      host,
      headers: {
        'user-agent': 'ollama-cli',
        accept: 'text/event-stream, application/json',
        ...api.headers(key),
      },
      timeouts,
      retry: { ...DEFAULT_RETRY, ...options.retry },
      ca: options.ca,
      env,
      onHttp: options.onHttp,
      onMetric: options.onMetric,
    }));
  };
  const retell = (error: unknown): OllamaError => retellError(error, { name, base_url: baseUrl, secret });

  const list = cached(options.modelCacheTtl ?? 60_000, now, async () => {
    try {
      const path = api.modelsPath;
      return decodeModels(await open().json({ method: 'GET', path, repeatable: true }), host.url);
    } catch (error) {
      throw retell(noList(error));
    }
  });

  const models = async ({ signal, force = false }: ProviderCall = {}): Promise<readonly ProviderModel[]> =>
    await untilAborted(
      () => list.get(force),
      signal,
      (reason) => retell(interruption(reason, host)),
    );

  return {
    info: {
      name,
      type: block.type,
      base_url: baseUrl,
      model,
      local: isLocal(host),
      ...(cost === undefined ? {} : { cost }),
      features: api.features,
    },
    supportsFeature: (feature) => api.features.includes(feature),
    models,
    chatBatches: (request, call = {}) => withCost(chat(request, call), cost),
    test: async (call = {}) => await checkProvider({ name, model }, models, call, now),
    clearCache: () => list.clear(),
  };

  async function* chat(
    request: ChatRequest,
    { signal, onToken }: ProviderCall,
  ): AsyncGenerator<readonly ChatEvent[], void, undefined> {
    try {
      const asked = request.model;
      yield* askForAnswer(open(), {
        call: { method: 'POST', path: api.chatPath, body: api.body(request), model: asked, signal },
        onToken,
        reader: (take) => api.decoder({ host: host.url, model: asked }, now, take),
        model: asked,
        silence: timeouts.silence,
        retell,
      });
    } catch (error) {
      yield [{ type: 'error', error: retell(error) }];
    }
  }
}

/** A 404 for the list of models is about the address: no model was asked for. */
function noList(error: unknown): unknown {
  if (!(error instanceof OllamaError) || error.code !== 'model_not_found') return error;
  const { host, status, message } = error;
  return new OllamaError('protocol', `It has no list of models: ${message}`, { host, status });
}

/** The list that both APIs have; what has no id is left out. Throws `protocol` for anything else. */
function decodeModels(value: unknown, host: string): ProviderModel[] {
  const list = isFields(value) ? value['data'] : undefined;
  // Ollama of early 2025 says so where nothing is installed.
  if (list === null) return [];
  if (!Array.isArray(list)) {
    throw new OllamaError('protocol', `What answers at ${host} is not Ollama (it has no list of models).`, {
      host,
    });
  }
  return list.filter(isFields).flatMap((entry) => {
    const name = text(entry, 'id');
    if (name === '') return [];
    const time = timeOf(entry);
    return [{ name, ...(time === undefined ? {} : { modified_at: time }) }];
  });
}

/** OpenAI's seconds, or Anthropic's text. */
function timeOf(entry: Fields): string | undefined {
  const ms = number(entry, 'created') * 1000 || Date.parse(text(entry, 'created_at'));
  return Number.isNaN(ms) || ms <= 0 || ms > 8.64e15 ? undefined : new Date(ms).toISOString();
}

/** One caller's signal ends its own waiting, not the question that others share. */
async function untilAborted<Value>(
  ask: () => Promise<Value>,
  signal: AbortSignal | undefined,
  makeError: (reason: unknown) => OllamaError,
): Promise<Value> {
  if (signal?.aborted) throw makeError(signal.reason);
  const answer = ask();
  if (!signal) return await answer;
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(makeError(signal.reason));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
