import type { PullBoard } from '../../core/pull-board.js';
import type { PullState } from '../../core/pull.js';
import { pullTotals } from '../../core/pull-totals.js';
import { cleanLine } from '../../format/clean.js';
import { displayWidth, truncateEnd, truncateMiddle } from '../../format/width.js';
import { fit, layoutPull, type Layout, type Row } from '../../output/pull-meter.js';
import { drawTotal } from '../../output/pull-row.js';
import { presentWords, verbWords, type About, type PullVerb } from '../../output/pull-words.js';
import type { Symbols } from '../../output/symbols.js';
import { drawSeveral } from './board-frame.js';
import { drawLayers } from './layers.js';

/** All that a frame of the pull view is a function of. */
export interface FrameInput extends About {
  readonly board: PullBoard;
  readonly columns: number;
  readonly rows: number;
  readonly signs: Symbols;
}

const FOOTERS: Readonly<Record<PullVerb, readonly string[]>> = {
  Pulling: [
    'Ctrl-C stops; what has come stays on the server, and the same command goes on.',
    'Ctrl-C stops; the same command goes on.',
  ],
  Pushing: [
    'Ctrl-C stops; layers that are pushed stay, and the same command goes on.',
    'Ctrl-C stops; the same command goes on.',
  ],
  Creating: ['Ctrl-C stops; the same command begins again.'],
};

/** Layers worth more than the frame's own words, where rows are few. */
const LAYERS_BEFORE_WORDS = 3;
const BLANK: Row = [{ text: ' ' }];

/** The lines around what is measured; the richest that leaves it room is taken. */
interface Surround {
  readonly header: boolean;
  readonly present: boolean;
  readonly blanks: boolean;
  readonly footer: boolean;
}

const BARE: Surround = { header: false, present: false, blanks: false, footer: false };
const SURROUNDS: readonly Surround[] = [
  { header: true, present: true, blanks: true, footer: true },
  { header: true, present: true, blanks: true, footer: false },
  { header: true, present: true, blanks: false, footer: false },
  { header: true, present: false, blanks: false, footer: false },
  BARE,
];

function countRows({ header, present, blanks, footer }: Surround): number {
  return [1, header ? 1 : 0, present ? 1 : 0, blanks ? 2 : 0, footer ? 2 : 0].reduce((sum, one) => sum + one);
}

function chooseSurround(
  most: number,
  wanted: number,
  may: Omit<Surround, 'header' | 'blanks'>,
  narrow: boolean,
) {
  return (
    SURROUNDS.map((one) => ({
      ...one,
      present: one.present && may.present,
      footer: one.footer && may.footer,
    }))
      .filter((one) => !narrow || (!one.blanks && !one.footer))
      .find((one) => countRows(one) + wanted <= most) ?? BARE
  );
}

/** The first line: what is done with which model, and where. */
function drawHeader(what: string, { host, verb, signs }: FrameInput, layout: Layout): Row {
  const name = cleanLine(what);
  const room = Math.max(0, layout.width - 1);
  if (layout.narrow) return [{ text: ` ${truncateMiddle(name, room, signs.ellipsis)}`, role: 'bold' }];
  const head = name === '' ? ` ${verb}` : ` ${verb} `;
  const from = `${verbWords(verb).at} ${cleanLine(host)}`;
  const shown = truncateMiddle(name, layout.width - displayWidth(head), signs.ellipsis);
  const gap = layout.width - displayWidth(head) - displayWidth(shown) - displayWidth(from);
  const title: Row = [{ text: head }, { text: shown, role: 'bold' }];
  return gap < 2 ? title : [...title, { text: ' '.repeat(gap) + from, role: 'dim' }];
}

/** What the server had before, as long as the rest is on its way. */
function wordsOfPresent({ manifest, phase }: PullState): readonly string[] | undefined {
  const before = phase === 'connecting' || phase === 'manifest' || phase === 'downloading';
  return before && manifest ? presentWords(manifest) : undefined;
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

interface Body {
  readonly what: string;
  readonly layout: Layout;
  readonly total: Row;
  readonly present: readonly string[] | undefined;
  /** So many rows are worth more than the words around them. */
  readonly wanted: number;
  /** What is below the total, in at most so many rows. */
  drawRest(room: number): readonly Row[];
}

function bodyOfOne(state: PullState, input: FrameInput): Body {
  const { signs } = input;
  const layout = layoutPull(input.columns);
  return {
    what: state.model,
    layout,
    total: drawTotal(state, pullTotals(state, input.now), input, layout, signs),
    present: wordsOfPresent(state),
    wanted: Math.min(state.layers.length, LAYERS_BEFORE_WORDS),
    drawRest: (room) => drawLayers(state, input, room, { layout, signs, indent: 0 }),
  };
}

function bodyOfSeveral(input: FrameInput): Body {
  return { ...drawSeveral(input), present: undefined };
}

/**
 * The pull view as lines: none is as wide as the terminal, and they are fewer than its rows (a live part as tall as
 * the terminal would be rewritten whole at each frame).
 */
export function drawFrame(input: FrameInput): readonly Row[] {
  const { board, signs } = input;
  const [first] = board.pulls;
  const body = first && board.count === 1 ? bodyOfOne(first, input) : bodyOfSeveral(input);
  const { layout } = body;
  const most = Math.max(1, input.rows - 1);
  const footer = FOOTERS[input.verb].find((text) => text.length + 1 <= layout.width);
  const may = { present: body.present !== undefined, footer: footer !== undefined };
  const surround = chooseSurround(most, body.wanted, may, layout.narrow);

  const blank = surround.blanks ? [BLANK] : [];
  const rest = body.drawRest(most - countRows(surround));
  const present = fit(body.present ?? [''], layout.width - 1, signs);
  const rows: readonly Row[] = [
    ...(surround.header ? [drawHeader(body.what, input, layout)] : []),
    ...blank,
    body.total,
    ...(surround.present ? [[{ text: ` ${present}`, role: 'dim' } as const]] : []),
    ...(rest.length > 0 ? blank : []),
    ...rest,
    ...(surround.footer && footer !== undefined
      ? [BLANK, [{ text: ` ${footer}`, role: 'dim' } as const]]
      : []),
  ];
  return rows.map((row) => clampRow(row, layout.width));
}
