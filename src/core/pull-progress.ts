import type { OllamaPullEvent } from './pull-events.js';
import { finishLayers, putLayer, UNNAMED_BYTES } from './pull-layers.js';
import { ALL_LAYERS, enter, isWork } from './pull-phase.js';
import { SAMPLE_MS, WINDOW_MS } from './pull-totals.js';
import type { PullLayer, PullState } from './pull.js';

/** The server tells a layer's numbers this often, in milliseconds. */
const TICK_MS = 60;

/** Folds in what the server tells of one layer's bytes; `now` is in milliseconds since the epoch. */
export function takeProgress(
  state: PullState,
  event: OllamaPullEvent & { type: 'ChunkProgress' },
  now: number,
): PullState {
  const { digest } = event;
  if (digest === '') return state;
  const known = state.layers.find((layer) => layer.digest === digest);
  // A total that shrinks, or is told late, must not lie below the high-water mark.
  const told = Math.max(event.total ?? 0, known?.total ?? 0);
  const total = told === 0 ? 0 : Math.max(told, known?.completed ?? 0);
  const reported = total > 0 ? Math.min(event.completed ?? 0, total) : (event.completed ?? 0);
  const layers =
    state.active === digest ? state.layers : finishLayers(state, (layer) => layer.digest === state.active);
  const next = enter({ ...state, layers, active: digest }, isWork(digest) ? 'working' : 'downloading', now);

  if (!known || state.untold.includes(digest)) {
    return takeFirst(
      next,
      known,
      { digest, total, completed: reported, reported, reused: reported, done: false },
      now,
    );
  }
  if (known.total === total && known.reported === reported) return settleRepeat(next, known);

  const rise = Math.max(0, reported - known.reported);
  const layer: PullLayer = {
    ...known,
    total,
    reported,
    completed: Math.max(known.completed, reported),
    // What the server has thrown away comes again.
    reused: Math.min(known.reused, reported),
    done: false,
  };
  const moves = rise > 0 && !isWork(digest);
  const received = state.received + (moves ? rise : 0);
  const moved: PullState = {
    ...next,
    layers: putLayer(next.layers, layer),
    silentMs: 0,
    received,
    samples: moves ? sample(state, received, now) : state.samples,
    movedAt: moves ? now : state.movedAt,
  };
  return moves ? settleRise(moved, layer, rise, now) : moved;
}

/** The first that the server tells of a layer: its bytes were there before this pull, or have come since the event before. */
function takeFirst(state: PullState, known: PullLayer | undefined, first: PullLayer, now: number): PullState {
  const { digest, reported, total } = first;
  const begun: PullState = {
    ...state,
    silentMs: 0,
    untold: state.untold.filter((other) => other !== digest),
    samples: state.samples.length === 0 ? [[now, state.received]] : state.samples,
  };
  // The manifest knew that it was there, and the server agrees.
  if (known?.done === true && reported >= total) return begun;
  const layer = { ...first, completed: Math.max(known?.completed ?? 0, reported) };
  const guess = reported > 0 ? { digest, before: state.heardAt, at: now } : undefined;
  const next: PullState = { ...begun, layers: putLayer(state.layers, layer), guess };
  // The manifest knew that it was not there, and now all of it is.
  return known !== undefined && reported > 0 && reported >= total ? settleFetched(next, layer) : next;
}

function sample(state: PullState, received: number, now: number): PullState['samples'] {
  const last = state.samples.at(-1);
  if (last && now - last[0] < SAMPLE_MS) return state.samples;
  const kept = state.samples.filter(
    ([at], index) => now - at <= WINDOW_MS || index === state.samples.length - 1,
  );
  return [...kept, [now, received] as const];
}

/** A layer that was there before is told in one single event: told twice, it has been fetched. */
function settleRepeat(state: PullState, layer: PullLayer): PullState {
  if (state.guess?.digest !== layer.digest || layer.reported < layer.total) return state;
  return settleFetched(state, layer);
}

/**
 * With the second number the pace is known: a first number that this pace explains was fetched, one far above it
 * had been on the server before.
 */
function settleRise(state: PullState, layer: PullLayer, rise: number, now: number): PullState {
  const { guess } = state;
  if (guess?.digest !== layer.digest) return state;
  // Since the event before: numbers that stood still say nothing about the pace.
  const pace = rise / Math.max(TICK_MS, now - state.heardAt);
  const explained = pace * Math.max(TICK_MS, guess.at - guess.before) * 4;
  const doubtful = layer.reused - certainlyReused(state, layer);
  // The last rise is only what was left: it says nothing of the pace.
  const isRest = layer.total > 0 && layer.reported >= layer.total && doubtful <= UNNAMED_BYTES;
  return isRest || doubtful <= explained ? settleFetched(state, layer) : { ...state, guess: undefined };
}

/** Of all layers told together, those that the manifest found on the server were there. */
function certainlyReused(state: PullState, layer: PullLayer): number {
  if (layer.digest !== ALL_LAYERS) return 0;
  return Math.min(layer.reused, state.manifest?.presentBytes ?? 0);
}

/** What a layer's first number counted has come with this pull. */
export function settleFetched(state: PullState, layer: PullLayer): PullState {
  const reused = certainlyReused(state, layer);
  const fetched = layer.reused - reused;
  return {
    ...state,
    guess: undefined,
    received: state.received + fetched,
    samples: state.samples.map(([at, bytes]) => [at, bytes + fetched] as const),
    layers: putLayer(state.layers, { ...layer, reused }),
  };
}
