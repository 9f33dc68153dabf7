import type { OllamaError } from './errors.js';
import type { OllamaPullEvent, RetryKind } from './pull-events.js';
import { finishLayers } from './pull-layers.js';
import { takeManifest } from './pull-manifest.js';
import { enter, isPastLayers, isWork, phaseOf, type PullPhase } from './pull-phase.js';
import { takeProgress } from './pull-progress.js';

export type { PullPhase } from './pull-phase.js';

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
  /** The host that pulls it, where several do: what one of them fetches, another fetches too. */
  readonly source?: string;
  readonly phase: PullPhase;
  /** When `phase` began, in milliseconds since the epoch. */
  readonly phaseSince: number;
  readonly startedAt: number;
  /** The server's last status line that is not about one layer. */
  readonly status: string;
  /** In the order of the manifest, which is that of their first appearance. */
  readonly layers: readonly PullLayer[];
  /** The digest of the layer that is being fetched. */
  readonly active: string | undefined;
  /** Bytes that came over the network since this pull began, bytes fetched twice counted twice. */
  readonly received: number;
  /** `[time, received]` points of the last 12 s, oldest first. */
  readonly samples: readonly (readonly [at: number, received: number])[];
  /** When `received` last rose. */
  readonly movedAt: number | undefined;
  /** For how many milliseconds nothing had moved when the watchdog last spoke; 0 once something moved again. */
  readonly silentMs: number;
  /** The try that is under way or awaited, after a failure that is worth another try. */
  readonly retry: PullRetry | undefined;
  readonly error: OllamaError | undefined;
  /** The layer whose reused bytes are still a guess, and when the stream spoke before it. */
  readonly guess: { readonly digest: string; readonly before: number; readonly at: number } | undefined;
  /** When the last event came. */
  readonly heardAt: number;
  /** The whole model's bytes, once it is installed and the server was asked; layers that came within 60 ms are never told. */
  readonly size: number | undefined;
  /** What the registry's manifest said, where it could be read; all layers are known from then on. */
  readonly manifest: PullManifest | undefined;
  /** Layers of the manifest that the server has not named yet; one that comes within 60 ms it never names. */
  readonly untold: readonly string[];
}

/** A try after the first. */
export interface PullRetry {
  readonly attempt: number;
  readonly reason: string;
  readonly delayMs: number;
  /** When it was told: the try begins `delayMs` later. */
  readonly at: number;
  readonly kind: RetryKind;
  /** The layer that it is about, where it is about one. */
  readonly digest?: string | undefined;
}

/** A manifest in figures: how many layers (the config is one) and bytes, and how many of both the server had at first. */
export interface PullManifest {
  readonly layers: number;
  readonly size: number;
  readonly present: number;
  readonly presentBytes: number;
}

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
    manifest: undefined,
    untold: [],
  };
}

/** Folds one event into the state. Pure; `now` is in milliseconds since the epoch. */
export function reducePull(state: PullState, event: OllamaPullEvent, now: number): PullState {
  switch (event.type) {
    case 'Status':
      return { ...takeStatus(state, event.status, now), heardAt: now };
    case 'ChunkProgress':
      return { ...takeProgress(state, event, now), heardAt: now };
    case 'Manifest':
      return takeManifest(state, event.layers);
    case 'Stall':
      // Where the server does what sends nothing, its silence is no standstill.
      return isPastLayers(state.phase) || state.phase === 'working'
        ? state
        : { ...state, silentMs: event.silentMs };
    case 'Retry':
      return takeRetry(state, event, now);
    case 'Success': {
      const layers = finishLayers(state, () => true);
      return { ...enter({ ...state, layers, active: undefined, silentMs: 0 }, 'success', now), heardAt: now };
    }
    case 'Error':
      return { ...enter(state, 'failed', now), error: event.error, heardAt: now };
  }
}

function takeStatus(state: PullState, status: string, now: number): PullState {
  const phase = phaseOf(status);
  // The status of a layer's line repeats its digest; the ChunkProgress beside it says the same with numbers.
  if (phase === 'downloading') return state;
  const next = { ...state, silentMs: 0, status };
  // The layers are named again from the first: none is complete because of that.
  if (phase === 'manifest') return enter(next, phase, now);
  if (phase === 'working') return takeWork(state, status, now);
  // Before it goes on from the layers, the server has got all of them, also those that it never named.
  const all = phase !== undefined && isPastLayers(phase);
  const layers = finishLayers(state, (layer) => all || layer.digest === state.active);
  const rest = { ...next, layers, active: undefined };
  return phase === undefined ? rest : enter(rest, phase, now);
}

/** Each piece of work has its own beginning; its line is repeated with each count. */
function takeWork(state: PullState, status: string, now: number): PullState {
  if (state.phase === 'working' && state.status === status) return state;
  const layers = finishLayers(state, (layer) => layer.digest === state.active).filter(
    (layer) => !isWork(layer.digest),
  );
  return { ...state, layers, active: undefined, silentMs: 0, status, phase: 'working', phaseSince: now };
}

function takeRetry(state: PullState, event: OllamaPullEvent & { type: 'Retry' }, now: number): PullState {
  const { attempt, reason, delayMs, kind, digest } = event;
  // The server has thrown a wrong layer away: all of it is to come again, what was kept of it before too.
  const layers =
    kind === 'digest'
      ? state.layers.map((layer) =>
          layer.digest === digest ? { ...layer, reported: 0, reused: 0, done: false } : layer,
        )
      : state.layers;
  // The next try names every layer again: none may be taken as complete because another one follows it.
  return {
    ...state,
    layers,
    retry: { attempt, reason, delayMs, at: now, kind, digest },
    active: undefined,
    guess: undefined,
    silentMs: 0,
  };
}
