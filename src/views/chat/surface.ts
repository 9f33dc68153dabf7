import type { Io, OutputStream } from '../../io.js';
import { displayWidth } from '../../format/width.js';
import { terminalWidth } from '../../output/mode.js';

const FALLBACK_ROWS = 24;
const ESC = '\u001B[';
const ERASE_LINE = `${ESC}2K`;
const ERASE_BELOW = `${ESC}J`;
/**
 * Between these a terminal that knows them shows nothing half done; the others see no cursor jump about. And no row goes on
 * in the next one, also where the terminal takes a character for wider than it is (a family of emojis is six cells in
 * xterm): the rows below would be drawn twice.
 */
const BEGIN_FRAME = `${ESC}?25l${ESC}?2026h${ESC}?7l`;
const END_FRAME = `${ESC}?7h${ESC}?2026l${ESC}?25h`;

/** The live part as it is drawn: rows that are narrower than the terminal or as wide, and the cursor's place in them. */
export interface Frame {
  readonly lines: readonly string[];
  readonly cursor: { readonly x: number; readonly y: number };
}

/** The part of a terminal below what has scrolled away. */
export interface Surface {
  readonly columns: number;
  readonly rows: number;
  /** Writes rows that stay, and below them the live part in place of the last one; only what changed is written. */
  paint(settled: readonly string[], frame: Frame): void;
  /** Takes the live part away; the cursor stands where it began. */
  wipe(): void;
  /** Scrolls all off the screen, none of it lost; what is painted next stands at the top. */
  clear(): void;
  /** Writes bytes that show nothing. */
  send(bytes: string): void;
  /** Wipes, and writes nothing any more. May be called again. */
  close(): void;
}

const NOTHING: Frame = { lines: [], cursor: { x: 0, y: 0 } };

function move(from: number, to: number): string {
  if (from === to) return '';
  return from > to ? `${ESC}${from - to}A` : `${ESC}${to - from}B`;
}

/** What turns a frame on the screen into rows that stay and another frame below them; empty where nothing changes. */
export function paintOver(drawn: Frame, settled: readonly string[], frame: Frame): string {
  const next = settled.length === 0 ? frame.lines : [...settled, ...frame.lines];
  const height = drawn.lines.length;
  let at = drawn.cursor.y;
  let out = '';
  const go = (row: number): void => {
    out += `${move(at, row)}\r`;
    at = row;
  };
  for (const [row, line] of next.entries()) {
    if (row < height) {
      if (line === drawn.lines[row]) continue;
      go(row);
      out += ERASE_LINE + line;
    } else {
      go(Math.max(0, row - 1));
      out += row === 0 ? line : `\n${line}`;
      at = row;
    }
  }
  if (next.length < height) {
    go(next.length);
    out += ERASE_BELOW;
  }
  const x = frame.cursor.x;
  const y = settled.length + frame.cursor.y;
  if (out === '' && x === drawn.cursor.x && y === drawn.cursor.y) return '';
  return `${out}${move(at, y)}${ESC}${x + 1}G`;
}

/** Whether lines are broken anew when the terminal gets narrower: xterm, GNU screen and the Linux console cut them. */
function reflows(env: Io['env']): boolean {
  return !env['XTERM_VERSION'] && !env['STY'] && env['TERM'] !== 'linux';
}

/**
 * How many rows further down the cursor is, once a terminal has broken the frame's lines anew at `columns` cells. xterm.js
 * (VS Code) moves it down for the lines below it too.
 */
export function countPushed({ lines, cursor }: Frame, columns: number, isXtermJs: boolean): number {
  const broken = isXtermJs
    ? lines.map(displayWidth)
    : [...lines.slice(0, cursor.y).map(displayWidth), cursor.x + 1];
  return broken.reduce((rows, width) => rows + Math.max(0, Math.ceil(width / columns) - 1), 0);
}

/**
 * Opens a surface below the cursor; `redraw` is called when the size has changed. Ink is not used here: to compose and
 * write a frame takes it 4 ms of processor time at 80 columns and 9 at 200, 30 times a second while an answer comes.
 */
export function openSurface(stream: OutputStream, env: Io['env'], redraw: () => void): Surface {
  let isOpen = true;
  let drawn = NOTHING;
  const columns = (): number => terminalWidth(stream, env);
  const rows = (): number => stream.rows || FALLBACK_ROWS;

  const write = (text: string): void => {
    if (isOpen && text !== '' && !stream.destroyed && !stream.writableEnded) stream.write(text);
  };

  /** Takes the live part away, though the terminal has pushed the cursor so many rows down in it. */
  const wipe = (pushed: number): void => {
    if (drawn.lines.length > 0) write(`${move(drawn.cursor.y + pushed, 0)}\r${ERASE_BELOW}`);
    drawn = NOTHING;
  };

  const onResize = (): void => {
    wipe(reflows(env) ? countPushed(drawn, columns(), env['TERM_PROGRAM'] === 'vscode') : 0);
    redraw();
  };
  stream.on('resize', onResize);

  return {
    get columns() {
      return columns();
    },
    get rows() {
      return rows();
    },
    paint(settled, frame) {
      const change = paintOver(drawn, settled, frame);
      drawn = frame;
      if (change !== '') write(BEGIN_FRAME + change + END_FRAME);
    },
    wipe: () => wipe(0),
    clear() {
      wipe(0);
      write(`${'\n'.repeat(rows() - 1)}${ESC}H`);
    },
    send: write,
    close() {
      if (!isOpen) return;
      wipe(0);
      isOpen = false;
      stream.off('resize', onResize);
    },
  };
}
