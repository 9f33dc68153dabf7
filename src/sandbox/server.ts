import type { AddressInfo } from 'node:net';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { OllamaError } from '../core/errors.js';
import { openCatalog } from './catalog.js';
import type { ModelDefinition } from './definition.js';
import { openDownloads } from './download.js';
import { Refusal, StreamOver } from './errors.js';
import type { Exchange } from './exchange.js';
import { sendBody, sendEmpty } from './exchange.js';
import type { Fault } from './faults.js';
import { planFaults } from './faults.js';
import { isForeign } from './guard.js';
import { parseName } from './names.js';
import { answerFault, failWith } from './refuse.js';
import { isLoopback } from './resolve.js';
import { findRoute } from './routes.js';
import { openRunners } from './runners.js';
import { allLayers, openStore } from './store.js';
import type { Store } from './store.js';
import { isOld } from './world.js';
import type { ServerVersion, World } from './world.js';
import { readAll } from './bytes.js';
import type { Catalog } from './catalog.js';

/** How a sandbox is to behave; everything has a default. */
export interface SandboxOptions {
  /** Default 127.0.0.1 and a free port; only this machine's own addresses are allowed. */
  readonly listen?: { readonly host: string; readonly port: number } | undefined;
  /** A folder that keeps models between runs; in memory without it. */
  readonly modelsDir?: string | undefined;
  /** Size of large layers relative to the real ones; default 0.01. */
  readonly scale?: number | undefined;
  /** Bytes a second of a pull; unlimited without it. */
  readonly rate?: number | undefined;
  /** Speed of answers; default 60, `Infinity` for tests. */
  readonly tokensPerSecond?: number | undefined;
  readonly faults?: readonly Fault[] | undefined;
  /** The real server that it takes after; default 0.24.0. */
  readonly version?: ServerVersion | undefined;
  /** Library models that are there at first, unless `modelsDir` was used before. */
  readonly installed?: readonly string[] | undefined;
  /** Models that the registry offers besides the library. */
  readonly extraModels?: readonly ModelDefinition[] | undefined;
  /** Milliseconds that a model stays loaded; default five minutes. */
  readonly keepAliveMs?: number | undefined;
  /** Milliseconds to load a model; default 150. */
  readonly loadMs?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
}

/** A request that a sandbox got. */
export interface SandboxRequest {
  readonly method: string;
  readonly path: string;
  /** Parsed where it is JSON, text otherwise; absent without a body. */
  readonly body?: unknown;
}

/** A running sandbox. */
export interface Sandbox {
  readonly url: string;
  readonly port: number;
  /** The latest requests, the oldest first; at most 500. */
  readonly requests: readonly SandboxRequest[];
  /** Replaces the faults, for requests from now on. */
  setFaults(faults: readonly Fault[]): void;
  /** Ends open connections and resolves when the port is free. */
  close(): Promise<void>;
}

const INSTALLED = ['qwen3:8b', 'gemma3:1b', 'nomic-embed-text'];
const MOST_REQUESTS = 500;

/** Starts an Ollama-compatible server on this machine. Throws `usage` for an address that others could reach. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const listen = options.listen ?? { host: '127.0.0.1', port: 0 };
  if (!isLoopback(listen.host)) {
    throw new OllamaError('usage', `the sandbox listens on this machine only, not on ${listen.host}`);
  }
  const now = options.now ?? Date.now;
  const store = await openStore(options.modelsDir, now);
  const scale = options.scale ?? 0.01;
  const catalog = openCatalog(scale, options.extraModels ?? [], now);
  if (!store.hadState) await installAll(store, catalog, options.installed ?? INSTALLED);
  const world: World = {
    version: options.version ?? '0.24.0',
    store,
    catalog,
    runners: openRunners(now),
    downloads: openDownloads(store.blobs),
    scale,
    rate: options.rate,
    tokensPerSecond: options.tokensPerSecond ?? 60,
    keepAliveMs: options.keepAliveMs ?? 300_000,
    loadMs: options.loadMs ?? 150,
    now,
  };

  let planFor = planFaults(options.faults ?? []);
  const requests: SandboxRequest[] = [];
  const open = new Set<AbortController>();
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    void handle(request, response);
  });

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    open.add(gone);
    response.once('close', () => {
      open.delete(gone);
      gone.abort();
    });
    response.setHeader('x-ollama-sandbox', 'true');
    const method = request.method ?? 'GET';
    const url = new URL(request.url ?? '/', 'http://sandbox');
    const path = url.pathname;
    const exchange: Exchange = {
      method,
      path,
      query: url.searchParams,
      headers: request.headers,
      body: await readBody(request),
      response,
      plan: planFor(path),
      signal: gone.signal,
    };
    requests.push(record(exchange));
    if (requests.length > MOST_REQUESTS) requests.shift();
    try {
      await answer(world, exchange);
    } catch (error) {
      if (!(error instanceof StreamOver) && !gone.signal.aborted) failWith(world, exchange, error);
    }
  };

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new OllamaError('usage', `cannot listen on ${listen.host}:${String(listen.port)}: ${error.message}`, {
          cause: error,
        }),
      );
    });
    server.listen(listen.port, listen.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = listen.host.includes(':') && !listen.host.startsWith('[') ? `[${listen.host}]` : listen.host;
  return {
    url: `http://${host}:${String(port)}`,
    port,
    requests,
    setFaults: (faults) => {
      planFor = planFaults(faults);
    },
    close: async () => {
      for (const gone of open) gone.abort();
      await Promise.all([world.downloads.close(), closeServer(server)]);
    },
  };
}

async function installAll(store: Store, catalog: Catalog, names: readonly string[]): Promise<void> {
  for (const text of names) {
    const name = parseName(text);
    const found = name === undefined ? undefined : await catalog.find(name);
    if (name === undefined || found === undefined)
      throw new OllamaError('usage', `the sandbox has no model ${text}`);
    for (const [digest, source] of found.blobs) {
      if (store.read(digest) !== undefined) continue;
      const partial = await store.blobs.openPartial(digest, source);
      for await (const chunk of source.read(partial.completed, source.size)) await partial.append(chunk);
      await partial.close();
      await store.blobs.commit(digest);
    }
    await store.install(name, found.manifest);
  }
}

async function answer(world: World, exchange: Exchange): Promise<void> {
  if (isForeign(exchange.headers)) {
    sendEmpty(exchange, 403);
    return;
  }
  const route = findRoute(world, exchange.method, exchange.path);
  if (typeof route === 'number') {
    sendBody(exchange, route, 'text/plain', route === 404 ? '404 page not found' : '405 method not allowed');
    return;
  }
  if (!answerFault(exchange)) await route(world, exchange);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function record({ method, path, body }: Exchange): SandboxRequest {
  if (body.length === 0) return { method, path };
  if (body.length > 1_000_000) return { method, path, body: `${String(body.length)} bytes` };
  const text = body.toString();
  try {
    return { method, path, body: JSON.parse(text) as unknown };
  } catch {
    return { method, path, body: text };
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
