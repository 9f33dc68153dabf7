import { displayWidth, truncateEnd } from '../../format/width.js';
import { drawChoice, windowAround } from './choice.js';
import type { Asking } from './choice.js';
import { findChip } from './chips.js';
import { layoutComposer } from './composer-layout.js';
import type { ComposerRow, Written } from './composer-layout.js';
import { shownText } from './composer-search.js';
import type { Composer, Offer } from './composer-state.js';
import { drawAnswer, drawFold, drawThought, textWidth } from './draw.js';
import type { Look } from './draw.js';
import type { Frame } from './surface.js';
import type { TurnTail } from './turn.js';

/** What is below the scrollback, and changes. */
export interface Live {
  readonly composer: Composer;
  /** The last rows of what is on its way, at most so many of each kind. */
  tail(most: number): TurnTail | undefined;
  /** What the person is asked; it stands in the composer's place. */
  readonly asking: Asking | undefined;
  /** Parts of the line under the composer. */
  readonly status: readonly string[];
}

const SMALLEST_BOXED = { columns: 20, rows: 9 };
const MOST_COMPOSER_ROWS = 12;
const MOST_OFFERED = 6;
/** A screen lower than this shows what is written, and nothing below. */
const LOWEST_WITH_STATUS = 4;

const isBoxed = (columns: number, rows: number): boolean =>
  columns >= SMALLEST_BOXED.columns && rows >= SMALLEST_BOXED.rows;

/** The cells of one row of the composer's text. */
export function composerWidth(columns: number, rows: number): number {
  return Math.max(2, columns - (isBoxed(columns, rows) ? 6 : 3));
}

/** A row with what stands for a folded paste told apart from what is written. */
function drawChips(row: ComposerRow, { text, chips }: Written, { styles }: Look): string {
  if (chips.length === 0) return row.text;
  let drawn = '';
  let rest = row.text;
  for (const char of text.slice(row.start, row.end)) {
    const label = findChip(char, chips)?.label;
    const at = label === undefined ? -1 : rest.indexOf(label);
    if (label === undefined || at < 0) continue;
    drawn += rest.slice(0, at) + styles.dim(label);
    rest = rest.slice(at + label.length);
  }
  return drawn + rest;
}

/** The rows of the composer that fit, with the cursor's among them. */
function drawComposer(composer: Composer, width: number, most: number, look: Look): Frame {
  const shown = shownText(composer);
  const layout = layoutComposer(shown, width);
  const { from, to } = windowAround(layout.rows.length, layout.cursorRow, most);
  const lines = layout.rows.slice(from, to).map((row, index) => {
    const sign = from + index === 0 ? look.styles.accent(look.signs.prompt) : ' ';
    const room = ' '.repeat(Math.max(0, width - displayWidth(row.text)));
    return `${sign} ${drawChips(row, shown, look)}${room}`;
  });
  return { lines, cursor: { x: 2 + layout.cursorColumn, y: layout.cursorRow - from } };
}

/** What terminals do not agree on the width of: joined emojis, skin tones, flags, what a selector makes an emoji. */
const UNSURE = /[\u200D\uFE0E\uFE0F\u{1F3FB}-\u{1F3FF}\u{1F1E6}-\u{1F1FF}\u20E3]|\p{M}/u;

function drawBox({ lines, cursor }: Frame, columns: number, look: Look): Frame {
  const [topLeft, topRight, bottomLeft, bottomRight, flat, side] = look.unicode
    ? ['╭', '╮', '╰', '╯', '─', '│']
    : ['+', '+', '+', '+', '-', '|'];
  const { dim } = look.styles;
  const edge = flat.repeat(columns - 2);
  // However wide the row came out, its border is at the right.
  const toRight = (row: string): string => (UNSURE.test(row) ? `\u001B[${columns}G` : '');
  return {
    lines: [
      '',
      dim(topLeft + edge + topRight),
      ...lines.map((row) => `${dim(side)} ${row} ${toRight(row)}${dim(side)}`),
      dim(bottomLeft + edge + bottomRight),
    ],
    cursor: { x: cursor.x + 2, y: cursor.y + 2 },
  };
}

/** What Tab offers, the one that is in marked; those around it where there are too many. */
function drawOffer(offer: Offer | undefined, columns: number, most: number, look: Look): string[] {
  if (offer === undefined || most <= 0) return [];
  const { styles, signs } = look;
  const { options, chosen } = offer;
  const { from, to } = windowAround(options.length, chosen ?? 0, Math.min(MOST_OFFERED, most));
  return options.slice(from, to).map((option, index) => {
    const isLast = from + index === to - 1 && to < options.length && columns >= SMALLEST_BOXED.columns;
    const more = isLast ? `  ${signs.ellipsis} ${options.length - to} more` : '';
    const text = truncateEnd(option, Math.max(2, columns - 5 - more.length), signs.ellipsis);
    const drawn =
      from + index === chosen
        ? `  ${styles.accent(signs.prompt)} ${styles.bold(text)}`
        : `    ${styles.dim(text)}`;
    return drawn + styles.dim(more);
  });
}

/** The last rows of what is on its way, with a blank row before each part that begins here. */
function drawTail(live: Live, columns: number, most: number, look: Look): string[] {
  if (most <= 0) return [];
  const tail = live.tail(most);
  if (tail === undefined) return [];
  const width = textWidth(columns);
  const rows: string[] = [];
  if (tail.thought.length > 0) {
    if (!tail.isUnfolded) rows.push('', ...drawFold('thinking', false, width, look));
    rows.push(...drawThought(tail.thought, look));
  }
  if (tail.answer.length > 0) rows.push(...(tail.isFirst ? [''] : []), ...drawAnswer(tail.answer));
  for (const call of tail.calls) {
    const text = truncateEnd(call, width, look.signs.ellipsis);
    rows.push('', `  ${look.styles.accent(look.signs.dot)} ${text}`);
  }
  return rows.slice(-most);
}

/** The parts that fit, the first ones first. */
function drawStatus([first = '', ...others]: readonly string[], columns: number, look: Look): string {
  const { styles, signs } = look;
  let drawn = truncateEnd(first, columns - 1, signs.ellipsis);
  for (const part of others) {
    const longer = `${drawn} ${signs.dot} ${part}`;
    if (displayWidth(longer) < columns) drawn = longer;
  }
  return styles.dim(` ${drawn}`);
}

/** Draws the live part for a terminal of this size; it is always lower than the screen, where that has two rows or more. */
export function drawFrame(live: Live, columns: number, rows: number, look: Look): Frame {
  const boxed = isBoxed(columns, rows);
  const status = rows >= LOWEST_WITH_STATUS ? [drawStatus(live.status, columns, look)] : [];
  const room = Math.max(1, rows - 1 - status.length);
  let body: Frame;
  if (live.asking !== undefined) {
    // With air around it, where there is some.
    const air = room > 5 ? [''] : [];
    const { lines, cursor } = drawChoice(live.asking, columns, Math.max(1, room - 2 * air.length), look);
    body = { lines: [...air, ...lines, ...air], cursor: { ...cursor, y: cursor.y + air.length } };
  } else {
    const most = boxed ? Math.min(MOST_COMPOSER_ROWS, rows - 7) : 1;
    const inner = drawComposer(live.composer, composerWidth(columns, rows), most, look);
    body = boxed ? drawBox(inner, columns, look) : inner;
  }
  const offer = live.asking === undefined ? live.composer.offer : undefined;
  const offered = drawOffer(offer, columns, room - body.lines.length, look);
  const above = drawTail(live, columns, room - body.lines.length - offered.length, look);
  return {
    lines: [...above, ...body.lines, ...offered, ...status],
    cursor: { x: Math.min(body.cursor.x, columns - 1), y: above.length + body.cursor.y },
  };
}
