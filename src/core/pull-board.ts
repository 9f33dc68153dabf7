import { ALL_LAYERS, isWork } from './pull-phase.js';
import { pullTotals } from './pull-totals.js';
import { startPull, type PullState } from './pull.js';

/** Several pulls as one piece of work. */
export interface PullBoard {
  /** Those that have begun, in the order of their beginning; the ended ones stay. */
  readonly pulls: readonly PullState[];
  /** The models that are still to begin. */
  readonly waiting: readonly string[];
  /** Those of the waiting ones whose manifest is known already: they count in the total. */
  readonly ahead?: readonly PullState[];
  /** The models that will not begin any more. */
  readonly skipped?: readonly string[];
  /** In milliseconds since the epoch. */
  readonly startedAt: number;
  /** How many were asked for. */
  readonly count: number;
}

/** The sums over all pulls of a board, and their common pace. Sizes are bytes. */
export interface BoardTotals {
  /** Of what is known so far; all there is only if `totalKnown`. */
  readonly total: number;
  readonly totalKnown: boolean;
  readonly completed: number;
  readonly reused: number;
  readonly downloaded: number;
  /** Absent while nothing moves. */
  readonly bytesPerSecond: number | undefined;
  /** Until all that is known has come; absent without a pace. */
  readonly etaSeconds: number | undefined;
}

/** The board of one pull alone. */
export function boardOf(state: PullState): PullBoard {
  return { pulls: [state], waiting: [], startedAt: state.startedAt, count: 1 };
}

/** The board of one pull that has not been heard of yet; `now` in milliseconds since the epoch. */
export function startBoard(model: string, now: number): PullBoard {
  return boardOf(startPull(model, now));
}

/** Whether a pull has come to its end, a good one or not. */
export function hasEnded(state: PullState): boolean {
  return state.phase === 'success' || state.phase === 'failed';
}

/**
 * The sums and the pace at `now`, in milliseconds since the epoch. A layer of several models is one, which their server
 * fetches once. `completed` never falls; of a pull that failed only what came is counted, as the rest will not come.
 */
export function boardTotals(board: PullBoard, now: number): BoardTotals {
  const seen = new Map<string, Counted>();
  const rates = new Map<string, number>();
  let sum: Counted = { total: 0, completed: 0, reused: 0, refetching: 0 };
  let downloaded = 0;
  const { pulls, waiting, ahead = [] } = board;
  let totalKnown = waiting.length === ahead.length && pulls.length > 0;
  for (const state of [...pulls, ...ahead]) {
    const totals = pullTotals(state, now);
    const shared = countShared(state, seen);
    const failed = state.phase === 'failed';
    sum = {
      total: sum.total + (failed ? totals.completed : totals.total) - shared.total,
      completed: sum.completed + totals.completed - shared.completed,
      reused: sum.reused + totals.reused - shared.reused,
      refetching: sum.refetching + (failed ? 0 : totals.refetching - shared.refetching),
    };
    downloaded += Math.max(0, totals.downloaded - (shared.completed - shared.reused));
    totalKnown &&= totals.totalKnown || failed;
    const { bytesPerSecond } = totals;
    const source = placed(state, state.active ?? state.model);
    if (bytesPerSecond !== undefined) rates.set(source, Math.max(rates.get(source) ?? 0, bytesPerSecond));
  }
  const rate = rates.size === 0 ? undefined : [...rates.values()].reduce((all, one) => all + one, 0);
  const { total, completed, reused } = sum;
  const left = total - completed + sum.refetching;
  const etaSeconds = rate === undefined || left <= 0 ? undefined : left / rate;
  return { total, totalKnown, completed, reused, downloaded, bytesPerSecond: rate, etaSeconds };
}

interface Counted {
  readonly total: number;
  readonly completed: number;
  readonly reused: number;
  readonly refetching: number;
}

const NOTHING: Counted = { total: 0, completed: 0, reused: 0, refetching: 0 };

/** What is fetched, and where: servers share no layer. */
function placed({ source = '' }: PullState, what: string): string {
  return `${source} ${what}`;
}

/** What of a pull's layers was counted with the pulls before it; the pull is added to what was seen. */
function countShared(state: PullState, seen: Map<string, Counted>): Counted {
  let shared = NOTHING;
  // What is told of all layers together is no layer that another model could have too.
  if (state.layers.some(({ digest }) => digest === ALL_LAYERS)) return shared;
  for (const { digest, total, completed, reused, reported } of state.layers) {
    // No layer's own name: two models may have it that share nothing.
    if (digest === ALL_LAYERS || isWork(digest)) continue;
    const place = placed(state, digest);
    const before = seen.get(place) ?? NOTHING;
    const layer: Counted = {
      total: state.phase === 'failed' ? completed : total,
      completed,
      reused,
      refetching: completed - reported,
    };
    shared = combine(shared, combine(before, layer, Math.min), add);
    seen.set(place, combine(before, layer, Math.max));
  }
  return shared;
}

const add = (a: number, b: number): number => a + b;

function combine(a: Counted, b: Counted, by: (a: number, b: number) => number): Counted {
  return {
    total: by(a.total, b.total),
    completed: by(a.completed, b.completed),
    reused: by(a.reused, b.reused),
    refetching: by(a.refetching, b.refetching),
  };
}
