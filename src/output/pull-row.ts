import type { BoardTotals, PullBoard } from '../core/pull-board.js';
import type { PullLayer, PullState } from '../core/pull.js';
import type { PullTotals } from '../core/pull-totals.js';
import { formatBytes } from '../format/bytes.js';
import { truncateMiddle } from '../format/width.js';
import { drawMeter, drawSpinning, drawWords, type Layout, type Row } from './pull-meter.js';
import type { About } from './pull-words.js';
import {
  countPercent,
  isReused,
  layerNotes,
  nameLayer,
  phaseWords,
  totalNotes,
  verbWords,
} from './pull-words.js';
import type { Symbols } from './symbols.js';

/** The line of one layer, `indent` cells further in. */
export function drawLayer(
  layer: PullLayer,
  state: PullState,
  totals: PullTotals,
  about: About,
  layout: Layout,
  signs: Symbols,
  indent = 0,
): Row {
  const name = ' '.repeat(indent) + nameLayer(layer.digest);
  if (layer.done) {
    const { layerDone, layerReused } = verbWords(about.verb);
    return drawWords(name, isReused(layer) ? layerReused : layerDone, layer.total, layout, signs);
  }
  const active = layer.digest === state.active;
  if (active && layer.total <= 0) {
    return drawSpinning(name, [`${formatBytes(layer.completed)} so far`], layout, signs);
  }
  if (!active && layer.completed === 0) return drawWords(name, 'waiting', undefined, layout, signs);
  const { bytesPerSecond: rate } = totals;
  const eta = rate === undefined ? undefined : (layer.total - layer.reported) / rate;
  return drawMeter(
    {
      name,
      completed: layer.completed,
      total: layer.total,
      percent: countPercent(layer.completed, layer.total, true),
      ...(active && !layout.narrow ? { pace: { rate, eta } } : {}),
      notes: active ? layerNotes(state, totals, about.stallMs) : [],
    },
    layout,
    signs,
  );
}

function labelTotal(known: boolean, layout: Layout): string {
  return known ? 'total' : layout.narrow ? 'so far' : 'total so far';
}

/**
 * The line of one whole pull: its bar, or words where there is no measure. With a `name` it is one among others; if it
 * is `alone` besides, it says of the layer being fetched what a line of its own would.
 */
export function drawTotal(
  state: PullState,
  totals: PullTotals,
  about: About & { readonly name?: string; readonly alone?: boolean },
  layout: Layout,
  signs: Symbols,
): Row {
  const known = totals.totalKnown || state.layers.length === 0;
  const short = about.name && truncateMiddle(about.name, layout.name, signs.ellipsis);
  const label = short ?? labelTotal(known, layout);
  const words = phaseWords(state, about);
  if (words) {
    // A create without layers has no total: what it does stands alone.
    const isStep = about.name === undefined && about.verb === 'Creating' && state.layers.length === 0;
    return drawSpinning(isStep ? undefined : label, words, layout, signs);
  }
  const { bytesPerSecond: rate, etaSeconds: eta } = totals;
  const notes = totalNotes(state, about);
  return drawMeter(
    {
      name: label,
      completed: totals.completed,
      total: totals.total,
      percent: countPercent(totals.completed, totals.total, totals.totalKnown),
      ...(state.phase === 'success' ? {} : { pace: { rate, eta } }),
      notes: about.alone === true && notes.length === 0 ? layerNotes(state, totals, about.stallMs) : notes,
    },
    layout,
    signs,
  );
}

/** The line of the sum over several pulls. */
export function drawBoardTotal(
  board: PullBoard,
  totals: BoardTotals,
  name: string | undefined,
  layout: Layout,
  signs: Symbols,
): Row {
  const known = totals.totalKnown || board.pulls.every(({ layers }) => layers.length === 0);
  return drawMeter(
    {
      name: name ?? labelTotal(known, layout),
      completed: totals.completed,
      total: totals.total,
      percent: countPercent(totals.completed, totals.total, totals.totalKnown),
      pace: { rate: totals.bytesPerSecond, eta: totals.etaSeconds },
      notes: [],
    },
    layout,
    signs,
  );
}
