import { displayWidth, padEnd, truncateEnd } from '../../format/width.js';
import type { Composer } from './composer.js';
import { layoutComposer } from './composer-layout.js';
import { textWidth } from './draw.js';
import type { Look } from './draw.js';
import type { Turn } from './turn.js';
import { wrapText } from './wrap.js';

/** What is below the scrollback, and changes. */
export interface Live {
  readonly composer: Composer;
  readonly turn: Turn | undefined;
  /** Parts of the line under the composer. */
  readonly status: readonly string[];
}

/** The live part as it is drawn: lines, their widths in cells, and the cursor's place. */
export interface Frame {
  readonly lines: readonly string[];
  readonly widths: readonly number[];
  readonly cursor: { readonly x: number; readonly y: number };
}

const SMALLEST_BOXED = { columns: 20, rows: 9 };
const MOST_COMPOSER_ROWS = 12;

const isBoxed = (columns: number, rows: number): boolean =>
  columns >= SMALLEST_BOXED.columns && rows >= SMALLEST_BOXED.rows;

/** The cells of one row of the composer's text. */
export function composerWidth(columns: number, rows: number): number {
  return Math.max(2, columns - (isBoxed(columns, rows) ? 6 : 3));
}

/** The rows of the composer that fit, with the cursor's among them. */
function drawComposer(
  composer: Composer,
  width: number,
  most: number,
  look: Look,
): { rows: string[]; x: number; y: number } {
  const layout = layoutComposer(composer.text, composer.cursor, width);
  const first = Math.max(0, Math.min(layout.cursorRow - Math.floor(most / 2), layout.rows.length - most));
  const rows = layout.rows.slice(first, first + most).map((row, index) => {
    const sign = first + index === 0 ? look.styles.accent(look.signs.prompt) : ' ';
    return `${sign} ${padEnd(row.text, width)}`;
  });
  return { rows, x: 2 + layout.cursorColumn, y: layout.cursorRow - first };
}

function drawBox(rows: readonly string[], columns: number, look: Look): string[] {
  const [topLeft, topRight, bottomLeft, bottomRight, flat, side] = look.unicode
    ? ['╭', '╮', '╰', '╯', '─', '│']
    : ['+', '+', '+', '+', '-', '|'];
  const { dim } = look.styles;
  const edge = flat.repeat(columns - 2);
  return [
    dim(topLeft + edge + topRight),
    ...rows.map((row) => `${dim(side)} ${row} ${dim(side)}`),
    dim(bottomLeft + edge + bottomRight),
  ];
}

/** The last rows of the answer that still may change. */
function drawTail(turn: Turn | undefined, columns: number, most: number): string[] {
  if (most === 0 || turn === undefined || !turn.tail.begun || turn.tail.text.trim() === '') return [];
  const rows = wrapText(turn.tail.text, textWidth(columns)).map(({ text }) =>
    text === '' ? '' : `  ${text}`,
  );
  while (rows.at(-1) === '') rows.pop();
  return [...(turn.isBegun ? [] : ['']), ...rows].slice(-most);
}

/** Draws the live part for a terminal of this size; it is always lower than the screen, or Ink would rewrite everything. */
export function drawFrame(
  { composer, turn, status }: Live,
  columns: number,
  rows: number,
  look: Look,
): Frame {
  const width = composerWidth(columns, rows);
  const boxed = isBoxed(columns, rows);
  const most = boxed ? Math.min(MOST_COMPOSER_ROWS, rows - 7) : 1;
  const inner = drawComposer(composer, width, most, look);
  const below = boxed
    ? [
        look.styles.dim(
          ` ${truncateEnd(status.join(` ${look.signs.dot} `), columns - 1, look.signs.ellipsis)}`,
        ),
      ]
    : [];
  const box = boxed ? ['', ...drawBox(inner.rows, columns, look)] : inner.rows;
  const above = drawTail(turn, columns, Math.max(0, rows - 2 - box.length - below.length));
  const lines = [...above, ...box, ...below];
  return {
    lines,
    widths: lines.map(displayWidth),
    cursor: {
      x: inner.x + (boxed ? 2 : 0),
      y: above.length + inner.y + (boxed ? 2 : 0),
    },
  };
}
