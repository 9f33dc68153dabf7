import type { PullLayer, PullState } from '../../core/pull.js';
import { pullTotals } from '../../core/pull-totals.js';
import { formatBytes } from '../../format/bytes.js';
import { truncateEnd } from '../../format/width.js';
import type { Layout, Row } from '../../output/pull-meter.js';
import { drawLayer } from '../../output/pull-row.js';
import { verbWords, type About } from '../../output/pull-words.js';
import type { Symbols } from '../../output/symbols.js';

/** How layers are drawn: `indent` cells further in than what they belong to. */
interface LayersLook {
  readonly layout: Layout;
  readonly signs: Symbols;
  readonly indent: number;
}

function drawFold(hidden: readonly PullLayer[], about: About, { layout, signs, indent }: LayersLook): Row {
  const done = hidden.filter((layer) => layer.done);
  const bytes = done.reduce((sum, layer) => sum + layer.total, 0);
  const open = hidden.length - done.length;
  const { layerDone } = verbWords(about.verb);
  const words = [
    done.length > 0
      ? `${done.length} ${done.length === 1 ? 'layer' : 'layers'} ${layerDone}, ${formatBytes(bytes)}`
      : '',
    open > 0 ? `${open} more` : '',
  ];
  const text = words.filter((part) => part !== '').join('; ');
  const margin = ' '.repeat(1 + indent);
  const room = Math.max(0, layout.width - margin.length);
  return [{ text: margin + truncateEnd(text, room, signs.ellipsis), role: 'dim' }];
}

/** What of a pull is most worth a row: the layer that moves, then those that have begun, then those to come. */
function rankLayer(layer: PullLayer, active: string | undefined): number {
  if (layer.digest === active) return 3;
  if (layer.done) return 0;
  return layer.completed > 0 ? 2 : 1;
}

/** The layers to show in so many rows: those that are not done first, then the latest; the others are folded. */
function chooseLayers(
  state: PullState,
  room: number,
): { shown: readonly PullLayer[]; hidden: readonly PullLayer[] } {
  if (state.layers.length <= room) return { shown: state.layers, hidden: [] };
  const places = Math.max(room === 1 ? 1 : 0, room - 1);
  const byNeed = state.layers
    .map((layer, index) => ({ layer, index, need: rankLayer(layer, state.active) }))
    // Of layers to come the next one, of layers done the last one.
    .sort((a, b) => b.need - a.need || (a.need === 0 ? b.index - a.index : a.index - b.index));
  const chosen = new Set(byNeed.slice(0, places).map(({ layer }) => layer));
  return {
    shown: state.layers.filter((layer) => chosen.has(layer)),
    hidden: state.layers.filter((layer) => !chosen.has(layer)),
  };
}

/** The layers of one pull in at most `room` rows. */
export function drawLayers(state: PullState, about: About, room: number, look: LayersLook): Row[] {
  const totals = pullTotals(state, about.now);
  const { shown, hidden } = chooseLayers(state, room);
  const { layout, signs, indent } = look;
  const rows = shown.map((layer) => drawLayer(layer, state, totals, about, layout, signs, indent));
  return hidden.length > 0 && rows.length < room ? [drawFold(hidden, about, look), ...rows] : rows;
}
