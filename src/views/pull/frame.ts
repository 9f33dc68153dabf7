import type { PullLayer, PullState } from '../../core/pull.js';
import { pullTotals } from '../../core/pull-totals.js';
import { formatBytes } from '../../format/bytes.js';
import { cleanLine } from '../../format/clean.js';
import { displayWidth, truncateEnd, truncateMiddle } from '../../format/width.js';
import type { Layout, Row } from '../../output/pull-row.js';
import { drawLayer, drawTotal, layoutPull } from '../../output/pull-row.js';
import type { PullQueue } from '../../output/pull-words.js';
import { nameModel } from '../../output/pull-words.js';
import type { Symbols } from '../../output/symbols.js';

/** All that a frame of the pull view is a function of. */
export interface FrameInput {
  readonly state: PullState;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
  readonly host: string;
  readonly queue?: PullQueue | undefined;
  readonly signs: Symbols;
}

const FOOTERS = [
  'Ctrl-C stops; what has come stays on the server, and the same command goes on.',
  'Ctrl-C stops; the same command goes on.',
] as const;

/** Layers worth more than the frame's own words, where rows are few. */
const LAYERS_BEFORE_WORDS = 3;
const BLANK: Row = [{ text: ' ' }];

/** The lines around the layers; the richest that leaves them room is taken. */
interface Surround {
  readonly header: boolean;
  readonly blanks: boolean;
  readonly footer: boolean;
}

const SURROUNDS: readonly Surround[] = [
  { header: true, blanks: true, footer: true },
  { header: true, blanks: true, footer: false },
  { header: true, blanks: false, footer: false },
  { header: false, blanks: false, footer: false },
];

function countRows({ header, blanks, footer }: Surround): number {
  return 1 + (header ? 1 : 0) + (blanks ? 2 : 0) + (footer ? 2 : 0);
}

function drawHeader(input: FrameInput, layout: Layout): Row {
  const { state, host, queue, signs } = input;
  const name = nameModel(state.model, queue);
  const room = Math.max(0, layout.width - 1);
  if (layout.narrow) return [{ text: ` ${truncateMiddle(name, room, signs.ellipsis)}`, role: 'bold' }];
  const verb = name === '' ? ' Pulling' : ' Pulling ';
  const from = `from ${cleanLine(host)}`;
  const shown = truncateMiddle(name, layout.width - displayWidth(verb), signs.ellipsis);
  const gap = layout.width - displayWidth(verb) - displayWidth(shown) - displayWidth(from);
  const title: Row = [{ text: verb }, { text: shown, role: 'bold' }];
  return gap < 2 ? title : [...title, { text: ' '.repeat(gap) + from, role: 'dim' }];
}

function drawFold(hidden: readonly PullLayer[], layout: Layout, signs: Symbols): Row {
  const done = hidden.filter((layer) => layer.done);
  const bytes = done.reduce((sum, layer) => sum + layer.total, 0);
  const open = hidden.length - done.length;
  const words = [
    done.length > 0
      ? `${done.length} ${done.length === 1 ? 'layer' : 'layers'} done, ${formatBytes(bytes)}`
      : '',
    open > 0 ? `${open} more` : '',
  ];
  const text = words.filter((part) => part !== '').join('; ');
  return [{ text: ` ${truncateEnd(text, Math.max(0, layout.width - 1), signs.ellipsis)}`, role: 'dim' }];
}

/** The layers to show in so many rows: those that are not done first, then the latest; the others are folded. */
function chooseLayers(
  state: PullState,
  room: number,
): { shown: readonly PullLayer[]; hidden: readonly PullLayer[] } {
  if (state.layers.length <= room) return { shown: state.layers, hidden: [] };
  const places = Math.max(room === 1 ? 1 : 0, room - 1);
  const byNeed = state.layers
    .map((layer, index) => ({ layer, index, need: layer.digest === state.active ? 2 : layer.done ? 0 : 1 }))
    .sort((a, b) => b.need - a.need || b.index - a.index);
  const chosen = new Set(byNeed.slice(0, places).map(({ layer }) => layer));
  return {
    shown: state.layers.filter((layer) => chosen.has(layer)),
    hidden: state.layers.filter((layer) => !chosen.has(layer)),
  };
}

function drawLayers(input: FrameInput, layout: Layout, room: number): Row[] {
  const { state, signs } = input;
  const totals = pullTotals(state, input.now);
  const { shown, hidden } = chooseLayers(state, room);
  const rows = shown.map((layer) => drawLayer(layer, state, totals, layout, signs));
  return hidden.length > 0 && rows.length < room ? [drawFold(hidden, layout, signs), ...rows] : rows;
}

/** Cuts what an odd width would still let wrap. */
function clampRow(row: Row, width: number): Row {
  let left = width;
  return row.map((part) => {
    if (part.spinner) {
      left -= 2;
      return left >= 0 ? part : { text: '' };
    }
    const text = truncateEnd(part.text, Math.max(0, left), '');
    left -= displayWidth(text);
    return text === part.text ? part : { ...part, text };
  });
}

/**
 * The pull view as lines: none is as wide as the terminal, and they are fewer than its rows (a live part as tall as
 * the terminal would be rewritten whole at each frame).
 */
export function drawFrame(input: FrameInput): readonly Row[] {
  const { state, signs } = input;
  const layout = layoutPull(input.columns);
  const most = Math.max(1, input.rows - 1);
  const footer = FOOTERS.find((text) => text.length + 1 <= layout.width);
  const wanted = Math.min(state.layers.length, LAYERS_BEFORE_WORDS);
  const surround = SURROUNDS.filter(
    (one) => (!layout.narrow || (!one.blanks && !one.footer)) && (!one.footer || footer !== undefined),
  ).find((one) => countRows(one) + wanted <= most) ?? { header: false, blanks: false, footer: false };

  const blank = surround.blanks ? [BLANK] : [];
  const layers = drawLayers(input, layout, most - countRows(surround));
  const total = drawTotal(state, pullTotals(state, input.now), input, layout, signs);
  const rows: readonly Row[] = [
    ...(surround.header ? [drawHeader(input, layout)] : []),
    ...blank,
    total,
    ...(layers.length > 0 ? blank : []),
    ...layers,
    ...(surround.footer && footer !== undefined
      ? [BLANK, [{ text: ` ${footer}`, role: 'dim' } as const]]
      : []),
  ];
  return rows.map((row) => clampRow(row, layout.width));
}
