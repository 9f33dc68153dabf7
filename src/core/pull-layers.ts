import { ALL_LAYERS } from './pull-phase.js';
import type { PullLayer, PullState } from './pull.js';

/** What a line of 10 Gb/s brings between two of the server's counts, in bytes: no unnamed layer of more came just now. */
export const UNNAMED_BYTES = 75_000_000;

/** The layers, those that `isDone` picks complete: the server promises no last 100 %, it goes on to something else. */
export function finishLayers(state: PullState, isDone: (layer: PullLayer) => boolean): readonly PullLayer[] {
  const { layers, untold, guess } = state;
  if (!layers.some((layer) => !layer.done && isDone(layer))) return layers;
  const together = layers.some((layer) => layer.digest === ALL_LAYERS);
  return layers.map((layer) => {
    if (layer.done || !isDone(layer)) return layer;
    // A total that was never told is what came.
    const total = Math.max(layer.total, layer.completed);
    const whole = { ...layer, done: true, total, completed: total, reported: total };
    const wasThere = !together && total > UNNAMED_BYTES && untold.includes(layer.digest);
    if (wasThere) return { ...whole, reused: total };
    // One number below the total, and so few bytes: that they were kept from before would be a guess.
    const isGuess = guess?.digest === layer.digest && !together && layer.reported < layer.total;
    return isGuess && layer.reused <= UNNAMED_BYTES ? { ...whole, reused: 0 } : whole;
  });
}

/** The layers with one of them replaced, or with a new one at the end. */
export function putLayer(layers: readonly PullLayer[], layer: PullLayer): readonly PullLayer[] {
  const isKnown = layers.some(({ digest }) => digest === layer.digest);
  return isKnown
    ? layers.map((other) => (other.digest === layer.digest ? layer : other))
    : [...layers, layer];
}
