import { env as processEnvironment } from 'node:process';
import type { Readable } from 'node:stream';
import { cached } from './cache.js';
import type { ChatEvent, ChatRequest } from './chat.js';
import { streamAnswer } from './chat-stream.js';
import { decodeRecommendations, decodeRunning, decodeShow, decodeTags, decodeVersion } from './decode.js';
import { OllamaError, isOllamaError } from './errors.js';
import type { FeatureMemory } from './features.js';
import type { HealthReport } from './health.js';
import { createHttp, DEFAULT_TIMEOUTS, type Call, type Http, type HttpEvent, type Timeouts } from './http.js';
import { labelsOf, outcomeOf, type MetricListener } from './metrics.js';
import { measureAnswer, measureLines, measurePull } from './metrics-streams.js';
import type { ProxyEnvironment } from './proxy.js';
import type { OllamaPullEvent } from './pull-events.js';
import type { PullOptions } from './pull-stream.js';
import { DEFAULT_RETRY, type RetryPolicy } from './retry.js';
import type { StatusLine } from './status-stream.js';
import { allowListeners, interruption } from './time-limit.js';
import { parseHost, type HostAddress } from './url.js';
import {
  named,
  type CreateRequest,
  type EmbedRequest,
  type EmbedResponse,
  type GenerateRequest,
  type InstalledModel,
  type Recommendation,
  type RunningModel,
  type ShowResponse,
} from './wire.js';

/** How a client is made. Everything may be left out; times are milliseconds. */
export interface ClientOptions {
  /** Sent with each request, to this host and no other. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeouts?: Partial<Timeouts>;
  readonly retry?: Partial<RetryPolicy>;
  /** Certificates to trust instead of the built-in ones, in PEM. */
  readonly ca?: readonly string[];
  /** True where the server's certificate is not checked, whoever it is from. Of a proxy on the way, it is. */
  readonly insecure?: boolean;
  /** Where OLLAMA_HOST and HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY are read; the process's own by default. */
  readonly env?: ProxyEnvironment;
  /** How long lists of models are kept, 60,000 by default. */
  readonly modelCacheTtl?: number;
  /** How long a verdict on the server's health is kept, 30,000 by default; a bad one no longer than 2,000. */
  readonly healthCheckInterval?: number;
  /** Told of each exchange, without credentials. */
  readonly onHttp?: (event: HttpEvent) => void;
  /** Told of each measurement of this client; `addMetricsListener` hears of all of them. */
  readonly onMetric?: MetricListener;
  /** Asked where a connection is refused: whether a server was started there, so that it is worth asking again. */
  readonly onRefused?: () => Promise<boolean>;
  /** What each request fails with, and nothing is sent: where what the server is to be sent can't be had. */
  readonly refusal?: OllamaError;
  /** Keeps what this server refused as too new for it; without it, that is known as long as the client lives. */
  readonly features?: FeatureMemory;
  readonly now?: () => number;
}

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a call whose answer is kept takes: `force` asks anew. */
export interface CachedCallOptions extends CallOptions {
  readonly force?: boolean;
}

/** A reporter that is told of each event of a pull; one that fails stops the pull with its error. */
export interface PullProgressReporter {
  onEvent(event: OllamaPullEvent): void | Promise<void>;
}

/** How long a verdict is kept that is not good. In milliseconds. */
const BAD_VERDICT_MS = 2_000;

const CONNECT_TRY_MS = 5_000;

/**
 * A client of one Ollama server. Opens nothing until it is asked, prints nothing, and holds only what
 * `modelCacheTtl` and `healthCheckInterval` let it keep. Single answers throw `OllamaError`; the streams of `pull`
 * and `chat` never throw, their last event tells the outcome.
 */
export class OllamaClient {
  readonly host: HostAddress;
  readonly #http: Http;
  readonly #timeouts: Timeouts;
  readonly #retry: RetryPolicy;
  readonly #now: () => number;
  readonly #models;
  readonly #health;
  #features: FeatureMemory | undefined;

  /** `host` is an address by Ollama's grammar; without one OLLAMA_HOST counts, then Ollama's default. Throws `usage`. */
  constructor(host?: string | HostAddress, options: ClientOptions = {}) {
    const env = options.env ?? processEnvironment;
    host ??= env['OLLAMA_HOST'] ?? '';
    this.host = typeof host === 'string' ? parseHost(host) : host;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#now = options.now ?? Date.now;
    this.#features = options.features;
    this.#http = createHttp({
      host: this.host,
      headers: options.headers ?? {},
      timeouts: this.#timeouts,
      retry: this.#retry,
      ca: options.ca,
      insecure: options.insecure,
      env,
      onHttp: options.onHttp,
      onMetric: options.onMetric,
      onRefused: options.onRefused,
      refusal: options.refusal,
    });
    this.#models = cached(options.modelCacheTtl ?? 60_000, this.#now, async () => await this.#askModels());
    const interval = options.healthCheckInterval ?? 30_000;
    this.#health = cached(
      interval,
      this.#now,
      async () => await this.#checkHealth(),
      // A server that comes back is to be seen soon.
      ({ status }) => (status === 'healthy' ? interval : BAD_VERDICT_MS),
    );
  }

  /** The one way to this server, for what it serves besides its own API: its OpenAI-compatible routes. */
  get http(): Http {
    return this.#http;
  }

  /**
   * A client of the server at `url`, once that has answered. Throws `unreachable` ("No running Ollama server
   * detected …", with how to start one and where to get it) where none answers within 5 s.
   */
  static async tryFromBaseUrl(url: string, options: ClientOptions = {}): Promise<OllamaClient> {
    const client = new OllamaClient(url, options);
    try {
      await client.#probe(AbortSignal.timeout(CONNECT_TRY_MS));
    } catch (error) {
      const words = isOllamaError(error) ? error.message : 'it gave no answer within 5 s.';
      const why = words.replace(/^No Ollama server(?: answered)? at \S+: /, '');
      throw new OllamaError(
        'unreachable',
        `No running Ollama server detected at ${client.host.url}: ${why} Start it with "ollama serve"; get it from https://ollama.com/download.`,
        {
          host: client.host.url,
          hint: 'Start it with "ollama serve" (get it from https://ollama.com/download), or name another address.',
          cause: error,
        },
      );
    }
    return client;
  }

  async #probe(signal: AbortSignal): Promise<void> {
    // `/v1` marks an OpenAI-compatible base, whose server need not know Ollama's own routes.
    const path = this.host.openAiCompatible ? '/v1/models' : '/api/tags';
    const value = await this.#http.json({ method: 'GET', path, signal });
    if (!this.host.openAiCompatible) decodeTags(value, this.host.url);
  }

  /** The names of the installed models, newest first. */
  async fetchModels(options: CachedCallOptions = {}): Promise<string[]> {
    return (await this.list(options)).map((model) => model.name);
  }

  /** The installed models, newest first. */
  async list({ signal, force = false }: CachedCallOptions = {}): Promise<InstalledModel[]> {
    return await this.#abortable(() => this.#models.get(force), signal);
  }

  async #askModels(): Promise<InstalledModel[]> {
    return await this.#http.meter.time('ollama.model.check_duration', undefined, async () =>
      decodeTags(await this.#get('/api/tags', undefined), this.host.url),
    );
  }

  /** One caller's signal ends its own waiting, not the question that others share. */
  async #abortable<Value>(ask: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
    if (signal?.aborted) throw interruption(signal.reason, this.host);
    const answer = ask();
    if (!signal) return await answer;
    allowListeners(signal);
    const aborted = new Promise<never>((_, reject) => {
      const stop = (): void => reject(interruption(signal.reason, this.host));
      signal.addEventListener('abort', stop, { once: true });
      // A signal that lives long must not gather the listeners of every call.
      const forget = (): void => signal.removeEventListener('abort', stop);
      answer.then(forget, forget);
    });
    return await Promise.race([answer, aborted]);
  }

  /** The loaded models. */
  async running({ signal }: CallOptions = {}): Promise<RunningModel[]> {
    return decodeRunning(await this.#get('/api/ps', signal), this.host.url);
  }

  /** The models that the server recommends. Throws with status 404 where it is too old to have such a list. */
  async recommendations({ signal }: CallOptions = {}): Promise<Recommendation[]> {
    const value = await this.#get('/api/experimental/model-recommendations', signal);
    return decodeRecommendations(value, this.host.url);
  }

  /** The server's version. */
  async version({ signal }: CallOptions = {}): Promise<string> {
    return decodeVersion(await this.#get('/api/version', signal), this.host.url);
  }

  /** The verdict on this server, and the checks behind it. Never throws for an unhealthy one. */
  async health({ signal, force = false }: CachedCallOptions = {}): Promise<HealthReport> {
    return await this.#abortable(() => this.#health.get(force), signal);
  }

  async #checkHealth(): Promise<HealthReport> {
    const { checkHealth } = await import('./health.js');
    const { meter } = this.#http;
    if (!meter.isOn()) return await checkHealth(this, this.#now);
    const before = performance.now();
    let outcome = 'ok';
    try {
      const report = await checkHealth(this, this.#now);
      if (report.status !== 'healthy') outcome = report.error?.code ?? 'server_error';
      return report;
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    } finally {
      meter.measure('ollama.health.check_duration', performance.now() - before, labelsOf(undefined, outcome));
    }
  }

  /** All about one model. Throws `model_not_found`. */
  async show(
    model: string,
    { signal, verbose }: CallOptions & { verbose?: boolean } = {},
  ): Promise<ShowResponse> {
    const body = { ...named(model), ...(verbose === true ? { verbose } : {}) };
    const call: Call = { method: 'POST', path: '/api/show', body, model, signal, repeatable: true };
    return await this.#http.meter.time('ollama.model.check_duration', model, async () =>
      decodeShow(await this.#http.json(call), this.host.url),
    );
  }

  /** Pulls a model; see `OllamaPullEvent`. Never throws. */
  async *pullModelStream(
    model: string,
    options: PullOptions = {},
  ): AsyncGenerator<OllamaPullEvent, void, undefined> {
    try {
      // Loaded here and below: what only asks a question starts sooner.
      const { streamPull } = await import('./pull-stream.js');
      const settings = { timeouts: this.#timeouts, retry: this.#retry };
      const events = streamPull(this.#http, settings, model, options);
      const { meter } = this.#http;
      yield* meter.isOn() ? measurePull(events, meter, model) : events;
    } finally {
      this.clearCache();
    }
  }

  /** Pulls a model, telling `reporter`. Throws what the pull or the reporter failed with. */
  async pullWithReporter(
    model: string,
    reporter: PullProgressReporter,
    options: PullOptions = {},
  ): Promise<void> {
    for await (const event of this.pullModelStream(model, options)) {
      await reporter.onEvent(event);
      if (event.type === 'Error') throw event.error;
    }
  }

  /** One answer, event by event; see `ChatEvent`. Never throws. */
  async *chat(request: ChatRequest, options: CallOptions = {}): AsyncGenerator<ChatEvent, void, undefined> {
    for await (const events of this.chatBatches(request, options)) {
      // Not `yield*`, which makes two more promises an event.
      for (const event of events) yield event;
    }
  }

  /** The same in batches, all that has come since the last one: an await a token costs more than the token. */
  chatBatches(
    request: ChatRequest,
    options: CallOptions = {},
  ): AsyncGenerator<readonly ChatEvent[], void, undefined> {
    return this.#answer('/api/chat', request, options);
  }

  #answer(
    path: '/api/chat' | '/api/generate',
    request: ChatRequest | GenerateRequest,
    { signal }: CallOptions,
  ): AsyncGenerator<readonly ChatEvent[], void, undefined> {
    const batches = streamAnswer(this.#http, this.#streams(), path, request, signal);
    return measureAnswer(batches, this.#http.meter, request.model);
  }

  /** The completion of a prompt, event by event, as `chat` gives them. */
  async *generate(
    request: GenerateRequest,
    options: CallOptions = {},
  ): AsyncGenerator<ChatEvent, void, undefined> {
    for await (const events of this.#answer('/api/generate', request, options)) {
      for (const event of events) yield event;
    }
  }

  /** The vectors of one or several texts, in their order. */
  async embed(request: EmbedRequest, { signal }: CallOptions = {}): Promise<EmbedResponse> {
    const { embed } = await import('./embed.js');
    this.#features ??= (await import('./features.js')).rememberForNow();
    return await embed(this.#http, this.#features, request, signal);
  }

  /** Removes a model's name, and its layers where no other model has them. Throws `model_not_found`. */
  async delete(model: string, { signal }: CallOptions = {}): Promise<void> {
    const call: Call = { method: 'DELETE', path: '/api/delete', body: named(model), model, signal };
    await this.#http.status(call, []);
    this.clearCache();
  }

  /** Gives a model one more name. Throws `model_not_found` for the source. */
  async copy(source: string, destination: string, { signal }: CallOptions = {}): Promise<void> {
    const body = { source, destination };
    await this.#http.status({ method: 'POST', path: '/api/copy', body, model: source, signal }, []);
    this.clearCache();
  }

  /** Makes a model; yields the server's lines. Throws for an error line, and where the last is not "success". */
  create(request: CreateRequest, options: CallOptions = {}): AsyncGenerator<StatusLine, void, undefined> {
    return this.#statusLines('/api/create', { ...request }, request.model, options.signal);
  }

  /** Pushes a model to its registry; yields the server's lines, and throws as `create` does. */
  push(
    model: string,
    { insecure, ...options }: CallOptions & { insecure?: boolean } = {},
  ): AsyncGenerator<StatusLine, void, undefined> {
    const body = { ...named(model), ...(insecure === true ? { insecure } : {}) };
    return this.#statusLines('/api/push', body, model, options.signal);
  }

  async *#statusLines(
    path: string,
    body: object,
    model: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<StatusLine, void, undefined> {
    try {
      const { streamStatus } = await import('./status-stream.js');
      const lines = streamStatus(this.#http, this.#timeouts.silence, { path, body, model, signal });
      const { meter } = this.#http;
      yield* meter.isOn() ? measureLines(lines, meter, model) : lines;
    } finally {
      this.clearCache();
    }
  }

  #streams(): { silence: number | undefined; now: () => number } {
    return { silence: this.#timeouts.silence, now: this.#now };
  }

  /** True where the server has a blob. `digest`: `sha256:` and 64 hex digits. */
  async hasBlob(digest: string, { signal }: CallOptions = {}): Promise<boolean> {
    const call: Call = {
      method: 'HEAD',
      path: `/api/blobs/${encodeURIComponent(digest)}`,
      signal,
      repeatable: true,
    };
    return (await this.#http.status(call, [404])) === 200;
  }

  /** Sends a blob as a stream; the server checks its digest. Throws `digest_mismatch`. */
  async createBlob(digest: string, content: Readable, { signal }: CallOptions = {}): Promise<void> {
    const path = `/api/blobs/${encodeURIComponent(digest)}`;
    await this.#http.status({ method: 'POST', path, upload: content, signal, bounded: false }, []);
  }

  /** Forgets what was kept: the next list and the next verdict are asked for anew. */
  clearCache(): void {
    this.#models.clear();
    this.#health.clear();
  }

  async #get(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    return await this.#http.json({ method: 'GET', path, signal, repeatable: true });
  }
}
