import type { PullState } from './pull.js';

/**
 * Where a pull, a push or a create stands. `manifest` is before the first layer; in `downloading` a layer's bytes move,
 * whichever way; in `working` the server does what its status says; from `verifying` on a pull reports no numbers.
 */
export type PullPhase =
  | 'connecting'
  | 'manifest'
  | 'downloading'
  | 'working'
  | 'verifying'
  | 'writing'
  | 'cleaning'
  | 'success'
  | 'failed';

/** The statuses of the three streams by how they begin, the more exact first. Source: Ollama's server/images.go and create.go. */
const BEGINNINGS: readonly (readonly [string, PullPhase])[] = [
  ['success', 'success'],
  ['pulling manifest', 'manifest'],
  ['retrieving manifest', 'manifest'],
  ['pushing manifest', 'writing'],
  ['pulling ', 'downloading'],
  ['pushing ', 'downloading'],
  ['copying ', 'downloading'],
  ['uploading', 'downloading'],
  ['verifying', 'verifying'],
  ['writing', 'writing'],
  ['removing', 'cleaning'],
  ['gathering', 'working'],
  ['parsing', 'working'],
  ['converting', 'working'],
  ['quantizing', 'working'],
  ['validating', 'working'],
  ['using ', 'working'],
  ['creating', 'working'],
];

/** The phase that a status line begins; undefined for one that is not known. */
export function phaseOf(status: string): PullPhase | undefined {
  return BEGINNINGS.find(([beginning]) => status.startsWith(beginning))?.[1];
}

/** True from where on every layer of a pull is on the server. */
export function isPastLayers(phase: PullPhase): boolean {
  return phase === 'verifying' || phase === 'writing' || phase === 'cleaning' || phase === 'success';
}

/** The one digest under which the server tells all layers of a safetensors model together. */
export const ALL_LAYERS = 'sha256:model';

/** True for the digest of zeros under which a create counts what it quantizes: no layer, and nothing that moves. */
export function isWork(digest: string): boolean {
  return /^0+$/.test(digest);
}

/** The state in another phase, which begins at `now`; in the same one it has begun already. */
export function enter(state: PullState, phase: PullPhase, now: number): PullState {
  return phase === state.phase ? state : { ...state, phase, phaseSince: now };
}
