import type { ManifestLayer } from './pull-events.js';
import { putLayer } from './pull-layers.js';
import { isPastLayers } from './pull-phase.js';
import { settleFetched } from './pull-progress.js';
import type { PullLayer, PullState } from './pull.js';

/**
 * Folds in what the registry's manifest says: from then on all layers and the true total are known. It may come at any
 * time; what the server itself has told of a layer stands.
 */
export function takeManifest(state: PullState, told: readonly ManifestLayer[]): PullState {
  const layers = [...new Map(told.map((layer) => [layer.digest, layer])).values()];
  const present = layers.filter((layer) => layer.present);
  const next = layers.reduce(takeLayer, state);
  return {
    ...next,
    manifest: {
      layers: layers.length,
      size: sumSizes(layers),
      present: present.length,
      presentBytes: sumSizes(present),
    },
  };
}

function takeLayer(state: PullState, { digest, size, present }: ManifestLayer): PullState {
  const known = state.layers.find((layer) => layer.digest === digest);
  if (known) {
    const total = Math.max(known.total, known.completed, size);
    const layer = known.done ? { ...known, total, completed: total, reported: total } : { ...known, total };
    const next = { ...state, layers: putLayer(state.layers, layer) };
    // Named whole and not there: its bytes came with this pull.
    const isGuess = state.guess?.digest === digest && !present && layer.reported >= total;
    return isGuess ? settleFetched(next, layer) : next;
  }
  const isHere = present || isPastLayers(state.phase);
  const layer: PullLayer = {
    digest,
    total: size,
    completed: isHere ? size : 0,
    reported: isHere ? size : 0,
    // The server names what it had: a layer that it passed without a word has come with this pull.
    reused: present && !isPastLayers(state.phase) ? size : 0,
    done: isHere,
  };
  return { ...state, layers: [...state.layers, layer], untold: [...state.untold, digest] };
}

function sumSizes(layers: readonly ManifestLayer[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}
