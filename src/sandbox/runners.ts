import type { ModelName } from './names.js';
import { nameKey } from './names.js';
import { aborted, wait } from './wait.js';

/** A model in memory. */
export interface Runner {
  readonly name: ModelName;
  readonly contextLength: number;
  /** Milliseconds since the epoch; `Infinity` for one that stays. */
  readonly expiresAt: number;
}

/** The models in memory; one whose time has run out is no longer among them. */
export interface Runners {
  /**
   * Loads a model with a window, for `ms` milliseconds if it is not there with the same. Those who wait for the same
   * share one loading, which ends with the last of them. True once it is there, false if `signal` was aborted before.
   */
  load(name: ModelName, contextLength: number, ms: number, signal: AbortSignal): Promise<boolean>;
  use(name: ModelName, contextLength: number, keepAliveMs: number): void;
  unload(name: ModelName): void;
  /** Those loaded, the longest remaining first. */
  list(): readonly Runner[];
}

interface Loading {
  readonly contextLength: number;
  /** Resolves to true once the model is there, to false when everybody has gone. */
  readonly done: Promise<boolean>;
  readonly stop: AbortController;
  waiters: number;
}

/** No models at first; `now` in milliseconds since the epoch. */
export function openRunners(now: () => number): Runners {
  const runners = new Map<string, Runner>();
  const loading = new Map<string, Loading>();
  const begin = (key: string, contextLength: number, ms: number): Loading => {
    runners.delete(key);
    const stop = new AbortController();
    const done = wait(ms, stop.signal).then(() => {
      loading.delete(key);
      return !stop.signal.aborted;
    });
    const begun = { contextLength, done, stop, waiters: 0 };
    loading.set(key, begun);
    return begun;
  };
  const find = (key: string): Runner | undefined => {
    const runner = runners.get(key);
    return runner !== undefined && runner.expiresAt > now() ? runner : undefined;
  };
  const current = (): Runner[] => [...runners.values()].filter((runner) => runner.expiresAt > now());
  return {
    load: async (name, contextLength, ms, signal) => {
      const key = nameKey(name);
      while (!signal.aborted) {
        if (find(key)?.contextLength === contextLength) return true;
        const job = loading.get(key) ?? begin(key, contextLength, ms);
        job.waiters += 1;
        const isThere = await Promise.race([job.done, aborted(signal).then(() => false)]);
        job.waiters -= 1;
        if (job.waiters === 0 && signal.aborted) job.stop.abort();
        if (isThere && job.contextLength === contextLength) return true;
      }
      return false;
    },
    use: (name, contextLength, keepAliveMs) => {
      runners.set(nameKey(name), { name, contextLength, expiresAt: now() + keepAliveMs });
    },
    unload: (name) => {
      runners.delete(nameKey(name));
    },
    list: () => current().sort((a, b) => b.expiresAt - a.expiresAt),
  };
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
};

/**
 * Milliseconds of a `keep_alive`: seconds as a number or a Go duration as text; negative is for ever. Undefined where it
 * cannot be read.
 */
export function parseKeepAlive(value: unknown): number | undefined {
  if (typeof value === 'number') return value < 0 ? Infinity : value * 1000;
  if (typeof value !== 'string') return undefined;
  const match = /^([+-]?)((?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+|0)$/.exec(value);
  if (match === null) return undefined;
  if (match[1] === '-') return Infinity;
  let total = 0;
  for (const part of (match[2] ?? '').matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(part[1]) * (UNITS[part[2] ?? ''] ?? 0);
  }
  return total;
}
