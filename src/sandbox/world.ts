import type { Catalog } from './catalog.js';
import type { Runners } from './runners.js';
import type { Store } from './store.js';
import type { Downloads } from './download.js';

/** Which real server the sandbox takes after. */
export type ServerVersion = '0.24.0' | '0.5.13';

/** All that the handlers of one sandbox share. */
export interface World {
  readonly version: ServerVersion;
  readonly store: Store;
  readonly catalog: Catalog;
  readonly runners: Runners;
  readonly downloads: Downloads;
  /** Bytes a second of a pull; undefined is unlimited. */
  readonly rate: number | undefined;
  /** Tokens a second of an answer; may be `Infinity`. */
  readonly tokensPerSecond: number;
  /** Milliseconds that a model stays loaded unless a request says otherwise. */
  readonly keepAliveMs: number;
  /** Milliseconds to load a model. */
  readonly loadMs: number;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** True where the sandbox takes after the server of early 2025. */
export function isOld(world: World): boolean {
  return world.version === '0.5.13';
}
