import type { OllamaError } from './errors.js';
import type { OllamaPullEvent } from './pull-events.js';

/** Where a pull stands. `manifest` is before the first layer; after `verifying` the server reports no numbers. */
export type PullPhase =
  'connecting' | 'manifest' | 'downloading' | 'verifying' | 'writing' | 'cleaning' | 'success' | 'failed';

/** One layer as far as it is known. Sizes are bytes. */
export interface PullLayer {
  readonly digest: string;
  /** 0 while the server has not told it. */
  readonly total: number;
  /** The high-water mark: it never falls. */
  readonly completed: number;
  /** What the server said last; below `completed` while bytes are fetched again. */
  readonly reported: number;
  /** What was on the server before this pull. */
  readonly reused: number;
  readonly done: boolean;
}

/** A pull folded from its events by `reducePull`. Plain data: a view draws it, a test compares it. */
export interface PullState {
  readonly model: string;
  readonly phase: PullPhase;
  /** When `phase` began, in milliseconds since the epoch. */
  readonly phaseSince: number;
  readonly startedAt: number;
  /** The server's last status line that is not about one layer. */
  readonly status: string;
  /** In the order of their first appearance, which is the manifest's. */
  readonly layers: readonly PullLayer[];
  /** The digest of the layer that is being fetched. */
  readonly active: string | undefined;
  /** Bytes that came over the network since this pull began, bytes fetched twice counted twice. */
  readonly received: number;
  /** `[time, received]` points of the last 12 s, oldest first. */
  readonly samples: readonly (readonly [at: number, received: number])[];
  /** When `received` last rose. */
  readonly movedAt: number | undefined;
  /** Milliseconds of silence that the watchdog last reported; 0 once something came again. */
  readonly silentMs: number;
  /** The try that is under way or awaited, after a failure that is worth another try. */
  readonly retry: { readonly attempt: number; readonly reason: string; readonly delayMs: number } | undefined;
  readonly error: OllamaError | undefined;
  /** The layer whose reused bytes are still a guess, and when the stream spoke before it. */
  readonly guess: { readonly digest: string; readonly before: number; readonly at: number } | undefined;
  /** When the last event came. */
  readonly heardAt: number;
  /** The whole model's bytes, once it is installed and the server was asked; layers that came within 60 ms are never told. */
  readonly size: number | undefined;
}

/** The server tells a layer's numbers this often, in milliseconds. */
const TICK_MS = 60;
/** The rate is a mean over this long, in milliseconds. */
export const WINDOW_MS = 12_000;
/** Points kept for the rate are at least this far apart. */
export const SAMPLE_MS = 200;

/** The state of a pull that has not been heard of yet. `now` is in milliseconds since the epoch. */
export function startPull(model: string, now: number): PullState {
  return {
    model,
    phase: 'connecting',
    phaseSince: now,
    startedAt: now,
    status: '',
    layers: [],
    active: undefined,
    received: 0,
    samples: [],
    movedAt: undefined,
    silentMs: 0,
    retry: undefined,
    error: undefined,
    guess: undefined,
    heardAt: now,
    size: undefined,
  };
}

function phaseOf(status: string): PullPhase | undefined {
  if (status === 'success') return 'success';
  if (status.startsWith('pulling manifest')) return 'manifest';
  if (status.startsWith('pulling ')) return 'downloading';
  if (status.startsWith('verifying')) return 'verifying';
  if (status.startsWith('writing')) return 'writing';
  if (status.startsWith('removing')) return 'cleaning';
  return undefined;
}

function enter(state: PullState, phase: PullPhase, now: number): PullState {
  return phase === state.phase ? state : { ...state, phase, phaseSince: now };
}

/** A layer is complete when the server has gone on to something else: it promises no last 100 % event. */
function finishLayers(
  layers: readonly PullLayer[],
  isDone: (layer: PullLayer) => boolean,
): readonly PullLayer[] {
  if (!layers.some((layer) => !layer.done && isDone(layer))) return layers;
  return layers.map((layer) => {
    if (layer.done || !isDone(layer)) return layer;
    // A total that was never told is what came.
    const total = Math.max(layer.total, layer.completed);
    return { ...layer, done: true, total, completed: total, reported: total };
  });
}

function sample(state: PullState, received: number, now: number): PullState['samples'] {
  const last = state.samples.at(-1);
  if (last && now - last[0] < SAMPLE_MS) return state.samples;
  const kept = state.samples.filter(
    ([at], index) => now - at <= WINDOW_MS || index === state.samples.length - 1,
  );
  return [...kept, [now, received] as const];
}

function onStatus(state: PullState, status: string, now: number): PullState {
  const phase = phaseOf(status);
  // The status of a layer's line repeats its digest; the ChunkProgress beside it says the same with numbers.
  if (phase === 'downloading') return state;
  const layers =
    phase === 'manifest'
      ? state.layers
      : finishLayers(state.layers, (layer) => layer.digest === state.active);
  const next = { ...state, status, layers, active: phase === 'manifest' ? state.active : undefined };
  return phase === undefined ? next : enter(next, phase, now);
}

function onProgress(
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
    state.active === digest
      ? state.layers
      : finishLayers(state.layers, (layer) => layer.digest === state.active);
  const next = enter({ ...state, layers, active: digest }, 'downloading', now);

  if (!known) {
    // Bytes of a first event may have been there before this pull, or come since the event before it.
    const layer: PullLayer = { digest, total, completed: reported, reported, reused: reported, done: false };
    return {
      ...next,
      layers: [...layers, layer],
      guess: reported > 0 ? { digest, before: state.heardAt, at: now } : undefined,
      samples: next.samples.length === 0 ? [[now, next.received]] : next.samples,
    };
  }

  const rise = Math.max(0, reported - known.reported);
  if (known.total === total && known.reported === reported) {
    return settleRepeat(next, known);
  }
  const received = state.received + rise;
  const layer: PullLayer = {
    ...known,
    total,
    reported,
    completed: Math.max(known.completed, reported),
    done: false,
  };
  const moved: PullState = {
    ...next,
    layers: next.layers.map((other) => (other.digest === digest ? layer : other)),
    received,
    samples: rise > 0 ? sample(state, received, now) : state.samples,
    movedAt: rise > 0 ? now : state.movedAt,
  };
  return rise > 0 ? settleRise(moved, layer, rise, now) : moved;
}

/** A layer that was there before is told in one single event: told twice, it has been fetched. */
function settleRepeat(state: PullState, layer: PullLayer): PullState {
  if (state.guess?.digest !== layer.digest || layer.reported < layer.total) return state;
  return fetchedNow(state, layer);
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
  return layer.reused <= explained ? fetchedNow(state, layer) : { ...state, guess: undefined };
}

function fetchedNow(state: PullState, layer: PullLayer): PullState {
  return {
    ...state,
    guess: undefined,
    received: state.received + layer.reused,
    samples: state.samples.map(([at, bytes]) => [at, bytes + layer.reused] as const),
    layers: state.layers.map((other) => (other.digest === layer.digest ? { ...other, reused: 0 } : other)),
  };
}

/** Folds one event into the state. Pure; `now` is in milliseconds since the epoch. */
export function reducePull(state: PullState, event: OllamaPullEvent, now: number): PullState {
  switch (event.type) {
    case 'Status':
      return { ...onStatus(heard(state), event.status, now), heardAt: now };
    case 'ChunkProgress':
      return { ...onProgress(heard(state), event, now), heardAt: now };
    case 'Stall':
      return { ...state, silentMs: event.silentMs };
    case 'Retry': {
      const { attempt, reason, delayMs } = event;
      // The next try names every layer again: none may be taken as complete because another one follows it.
      return { ...state, retry: { attempt, reason, delayMs }, active: undefined, guess: undefined };
    }
    case 'Success': {
      const layers = finishLayers(state.layers, () => true);
      return { ...enter({ ...state, layers, active: undefined }, 'success', now), heardAt: now };
    }
    case 'Error':
      return { ...enter(state, 'failed', now), error: event.error, heardAt: now };
  }
}

function heard(state: PullState): PullState {
  return state.silentMs === 0 ? state : { ...state, silentMs: 0 };
}
