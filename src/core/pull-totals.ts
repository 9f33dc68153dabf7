import { ALL_LAYERS, isPastLayers, isWork } from './pull-phase.js';
import type { PullLayer, PullState } from './pull.js';

/** The sums over all layers that are known, and the pace. Sizes are bytes. */
export interface PullTotals {
  /** Of the layers known so far; all there are only if `totalKnown`. */
  readonly total: number;
  /** True once the manifest was read, or the last layer named: the server does not tell their number beforehand. */
  readonly totalKnown: boolean;
  readonly completed: number;
  readonly reused: number;
  /** High-water bytes of this pull: what came and was not there before. */
  readonly downloaded: number;
  /** How far the server has fallen back behind the high-water mark. */
  readonly refetching: number;
  /** Mean of the last 12 s; absent while nothing moves. */
  readonly bytesPerSecond: number | undefined;
  readonly etaSeconds: number | undefined;
}

/** The rate is a mean over this long, in milliseconds. */
export const WINDOW_MS = 12_000;
/** Points kept for the rate are at least this far apart. */
export const SAMPLE_MS = 200;
/** After this long without a byte nothing "moves", and a rate or an ETA would be a lie. */
const STILL_MS = 3_000;

/** The sums and the pace at `now`, in milliseconds since the epoch. */
export function pullTotals(state: PullState, now: number): PullTotals {
  const { total, completed, reused, reported } = sumLayers(state);
  const unseen = Math.max(0, (state.size ?? 0) - total);
  const bytesPerSecond = rate(state, now);
  return {
    total: total + unseen,
    totalKnown: state.manifest !== undefined || isPastLayers(state.phase),
    completed: completed + unseen,
    reused,
    // A layer that was there before is always told: what was not told has come too quickly for it.
    downloaded: Math.max(0, completed + unseen - reused),
    refetching: completed - reported,
    bytesPerSecond,
    etaSeconds:
      bytesPerSecond === undefined || total <= reported ? undefined : (total - reported) / bytesPerSecond,
  };
}

interface Sums {
  readonly total: number;
  readonly completed: number;
  readonly reused: number;
  readonly reported: number;
}

const NOTHING: Sums = { total: 0, completed: 0, reused: 0, reported: 0 };

function sumLayers(state: PullState): Sums {
  const layers = state.layers.filter((layer) => !isWork(layer.digest));
  const isOverlay = ({ digest }: PullLayer): boolean => digest === ALL_LAYERS;
  const sums = layers
    .filter((layer) => !isOverlay(layer))
    .reduce<Sums>(
      (sum, layer) => ({
        total: sum.total + layer.total,
        completed: sum.completed + layer.completed,
        reused: sum.reused + layer.reused,
        reported: sum.reported + layer.reported,
      }),
      NOTHING,
    );
  // All layers told together are those told one by one once more, not more of them.
  const together = layers.find(isOverlay) ?? NOTHING;
  return {
    total: Math.max(sums.total, together.total),
    completed: Math.max(sums.completed, together.completed),
    reused: Math.max(sums.reused, together.reused),
    reported: Math.max(sums.reported, together.reported),
  };
}

function rate(state: PullState, now: number): number | undefined {
  if (state.phase !== 'downloading' || state.movedAt === undefined || now - state.movedAt > STILL_MS)
    return undefined;
  const oldest = state.samples.find(([at]) => now - at <= WINDOW_MS) ?? state.samples.at(-1);
  if (!oldest) return undefined;
  const span = now - oldest[0];
  const bytes = state.received - oldest[1];
  return span < SAMPLE_MS || bytes <= 0 ? undefined : (bytes * 1000) / span;
}
