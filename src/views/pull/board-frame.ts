import { boardTotals, hasEnded, type PullBoard } from '../../core/pull-board.js';
import type { PullState } from '../../core/pull.js';
import { pullTotals } from '../../core/pull-totals.js';
import { cleanLine } from '../../format/clean.js';
import { displayWidth, truncateEnd } from '../../format/width.js';
import { layoutPull, LEAST_BAR_BESIDE_SIZES, type Layout, type Row } from '../../output/pull-meter.js';
import { drawBoardTotal, drawTotal } from '../../output/pull-row.js';
import { boardWords, type About } from '../../output/pull-words.js';
import type { Symbols } from '../../output/symbols.js';
import { drawLayers } from './layers.js';

/** What a frame of several pulls is a function of. */
interface SeveralInput extends About {
  readonly board: PullBoard;
  readonly columns: number;
  readonly signs: Symbols;
}

/** Several pulls as the parts of a frame. */
interface SeveralFrame {
  /** What is pulled, for the header. */
  readonly what: string;
  readonly layout: Layout;
  readonly total: Row;
  readonly wanted: number;
  drawRest(room: number): readonly Row[];
}

/** A layer's name, with the two cells that it is further in. */
const LAYER_NAME = 14;
const INDENT = 2;
/** Of a terminal's width, a name takes at most one part in so many. */
const NAME_SHARE = 3;

function layoutSeveral(names: readonly string[], columns: number): Layout {
  const plain = layoutPull(columns);
  const longest = Math.max(plain.narrow ? plain.name : LAYER_NAME, ...names.map(displayWidth));
  const share = Math.floor(plain.width / NAME_SHARE);
  // A name is cut sooner than the sizes go.
  const most = Math.max(
    plain.name,
    plain.sizes ? Math.min(share, plain.name + plain.bar - LEAST_BAR_BESIDE_SIZES) : share,
  );
  return layoutPull(columns, Math.min(longest, most));
}

function nameWaiting(models: readonly string[], word: string): string {
  return `${models.length} ${word}: ${models.map(cleanLine).join(', ')}`;
}

/** Of so many rows for layers each pull takes what it needs, as long as there is an equal share for those after it. */
function shareRows(states: readonly PullState[], room: number): readonly number[] {
  let left = Math.max(0, room);
  return states.map(({ layers }, index) => {
    const share = Math.floor(left / (states.length - index));
    // The line of the only layer would say what its model's says.
    const rows = layers.length < 2 ? 0 : Math.min(layers.length, share);
    left -= rows;
    return rows;
  });
}

/** The frame of several pulls: their sum, each that runs with its layers while there is room, and who waits. */
export function drawSeveral(input: SeveralInput): SeveralFrame {
  const { board, signs, now } = input;
  const { waiting, skipped = [] } = board;
  const running = board.pulls.filter((state) => !hasEnded(state));
  const names = running.map((state) => cleanLine(state.model));
  const layout = layoutSeveral(names, input.columns);
  const progress = boardWords(board);
  const last = waiting.length + skipped.length > 0 ? 1 : 0;

  const drawFold = (hidden: readonly PullState[]): Row[] => {
    const folded = hidden.map(({ model }) => model);
    const words = [
      folded.length > 0 ? nameWaiting(folded, 'more running') : '',
      waiting.length > 0 ? nameWaiting(waiting, running.length > 0 ? 'more waiting' : 'waiting') : '',
      skipped.length > 0 ? nameWaiting(skipped, 'skipped') : '',
    ].filter((part) => part !== '');
    const text = truncateEnd(words.join('; '), Math.max(0, layout.width - 1), signs.ellipsis);
    return words.length > 0 ? [[{ text: ` ${text}`, role: 'dim' }]] : [];
  };
  const drawOne = (state: PullState, rows: number): Row[] => {
    const about = { ...input, name: cleanLine(state.model), alone: rows === 0 };
    return [
      drawTotal(state, pullTotals(state, now), about, layout, signs),
      ...drawLayers(state, input, rows, { layout, signs, indent: INDENT }),
    ];
  };
  return {
    what: `${board.count} models${progress === '' ? '' : `, ${progress}`}`,
    layout,
    total: drawBoardTotal(board, boardTotals(board, now), undefined, layout, signs),
    wanted: running.length + last,
    drawRest(room) {
      if (room <= 0) return [];
      const all = running.length + last <= room;
      const shown = all ? running : running.slice(0, room - 1);
      const fold = drawFold(running.slice(shown.length));
      // In few columns a layer's line says no more than its model's.
      const left = layout.narrow ? 0 : room - shown.length - fold.length;
      const shares = shareRows(shown, left);
      return [...shown.flatMap((state, index) => drawOne(state, shares[index] ?? 0)), ...fold];
    },
  };
}
