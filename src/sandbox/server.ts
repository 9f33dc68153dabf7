import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { OllamaError } from '../core/errors.js';
import type { Catalog } from './catalog.js';
import { openCatalog } from './catalog.js';
import type { ModelDefinition } from './definition.js';
import { openDownloads } from './download.js';
import type { Exchange } from './exchange.js';
import type { Fault, FaultName } from './faults.js';
import { planFaults } from './faults.js';
import { parseName } from './names.js';
import { isLoopback } from './resolve.js';
import { openRunners } from './runners.js';
import { serve } from './serve.js';
import type { Store } from './store.js';
import { openStore } from './store.js';
import type { ServerVersion, World } from './world.js';

/** How a sandbox is to behave; everything has a default. */
export interface SandboxOptions {
  /** Default 127.0.0.1 and a free port; only this machine's own addresses are allowed. */
  readonly listen?: { readonly host: string; readonly port: number } | undefined;
  /** A folder that keeps models between runs; in memory without it. */
  readonly modelsDir?: string | undefined;
  /** Size of large layers relative to the real ones; default 0.01. */
  readonly scale?: number | undefined;
  /** Bytes a second of a pull, and of each connection that loads a layer from its registry; unlimited without it. */
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
  /** In how many requests each fault has happened since the start; those that have not are left out. */
  fired(): Record<string, number>;
  /** Ends open connections and resolves when the port is free. */
  close(): Promise<void>;
}

const INSTALLED = ['qwen3:8b', 'gemma3:1b', 'nomic-embed-text'];
const MOST_REQUESTS = 500;

/** Starts an Ollama-compatible server on this machine. Throws `usage` for an address that others could reach. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const host = (options.listen?.host ?? '127.0.0.1').replace(/^\[|\]$/g, '');
  if (!isLoopback(host)) {
    throw new OllamaError('usage', `the sandbox listens on this machine only, not on ${host}`);
  }
  const now = options.now ?? Date.now;
  const store = await openStore(options.modelsDir, now);
  const catalog = openCatalog(options.scale ?? 0.01, options.extraModels ?? [], now);
  if (!store.hadState) await installAll(store, catalog, options.installed ?? INSTALLED);
  const world: World = {
    version: options.version ?? '0.24.0',
    store,
    catalog,
    runners: openRunners(now),
    downloads: openDownloads(store.blobs),
    rate: options.rate,
    tokensPerSecond: options.tokensPerSecond ?? 60,
    keepAliveMs: options.keepAliveMs ?? 300_000,
    loadMs: options.loadMs ?? 150,
    now,
  };

  const fired: Partial<Record<FaultName, number>> = {};
  let planFor = planFaults(options.faults ?? [], fired);
  const requests: SandboxRequest[] = [];
  const visits = new Set<AbortController>();
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    const visit = new AbortController();
    visits.add(visit);
    response.once('close', () => {
      visits.delete(visit);
      visit.abort();
    });
    const seen = (exchange: Exchange): void => {
      requests.push(record(exchange));
      if (requests.length > MOST_REQUESTS) requests.shift();
    };
    void serve(world, { request, response, signal: visit.signal, planFor, fired: () => fired, seen });
  });
  const port = await listenOn(server, host, options.listen?.port ?? 0);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`,
    port,
    requests,
    setFaults: (faults) => {
      planFor = planFaults(faults, fired);
    },
    fired: () => ({ ...fired }),
    close: async () => {
      for (const visit of visits) visit.abort();
      await Promise.all([world.downloads.close(), closeServer(server)]);
    },
  };
}

// Throws `usage` where the port is taken.
function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new OllamaError('usage', `cannot listen on ${host}:${String(port)}: ${cause.message}`, { cause }),
      );
    });
    server.listen(port, host, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
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
