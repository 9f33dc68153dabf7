import type { ModelName } from './names.js';
import { nameKey } from './names.js';

/** A model in memory. */
export interface Runner {
  readonly name: ModelName;
  readonly contextLength: number;
  /** Milliseconds since the epoch; `Infinity` for one that stays. */
  readonly expiresAt: number;
}

/** The models in memory; one whose time has run out is no longer among them. */
export interface Runners {
  isLoaded(name: ModelName): boolean;
  use(name: ModelName, contextLength: number, keepAliveMs: number): void;
  unload(name: ModelName): void;
  /** Those loaded, the longest remaining first. */
  list(): readonly Runner[];
}

/** No models at first; `now` in milliseconds since the epoch. */
export function openRunners(now: () => number): Runners {
  const runners = new Map<string, Runner>();
  const current = (): Runner[] => [...runners.values()].filter((runner) => runner.expiresAt > now());
  return {
    isLoaded: (name) => (runners.get(nameKey(name))?.expiresAt ?? 0) > now(),
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
