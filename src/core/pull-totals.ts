import { SAMPLE_MS, WINDOW_MS, type PullState } from './pull.js';

/** The sums over all layers that are known, and the pace. Sizes are bytes. */
export interface PullTotals {
  /** Of the layers seen so far; all there are only if `totalKnown`. */
  readonly total: number;
  /** False until the last layer has been named: the server does not tell their number beforehand. */
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

/** After this long without a byte nothing "moves", and a rate or an ETA would be a lie. */
const STILL_MS = 3_000;

/** The sums and the pace at `now`, in milliseconds since the epoch. */
export function pullTotals(state: PullState, now: number): PullTotals {
  let total = 0;
  let completed = 0;
  let reused = 0;
  let reported = 0;
  for (const layer of state.layers) {
    total += layer.total;
    completed += layer.completed;
    reused += layer.reused;
    reported += layer.reported;
  }
  const unseen = Math.max(0, (state.size ?? 0) - total);
  const totalKnown =
    state.phase !== 'connecting' && state.phase !== 'manifest' && state.phase !== 'downloading';
  const bytesPerSecond = rate(state, now);
  return {
    total: total + unseen,
    totalKnown: totalKnown && state.phase !== 'failed',
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

function rate(state: PullState, now: number): number | undefined {
  if (state.phase !== 'downloading' || state.movedAt === undefined || now - state.movedAt > STILL_MS)
    return undefined;
  const oldest = state.samples.find(([at]) => now - at <= WINDOW_MS) ?? state.samples.at(-1);
  if (!oldest) return undefined;
  const span = now - oldest[0];
  const bytes = state.received - oldest[1];
  return span < SAMPLE_MS || bytes <= 0 ? undefined : (bytes * 1000) / span;
}
