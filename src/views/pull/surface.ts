import { Writable } from 'node:stream';
import type { Io, OutputStream } from '../../io.js';
import { terminalWidth } from '../../output/mode.js';
import { displayWidth } from '../../format/width.js';
import { createPacer } from './pace.js';

const FALLBACK_ROWS = 24;
const FRAME_MS = 100;
const ESC = '\u001b[';
const HIDE_CURSOR = `${ESC}?25l`;
const SHOW_CURSOR = `${ESC}?25h`;
/** Between these a terminal that knows them shows nothing half done. */
const BEGIN_FRAME = `${ESC}?2026h`;
const END_FRAME = `${ESC}?2026l`;
const ERASE_LINE_END = `${ESC}K`;
const ERASE_BELOW = `${ESC}J`;

/** The part of a terminal that a view draws on. */
export interface Surface {
  /** Takes whole frames, as Ink writes them in its debug mode; only lines that changed reach the terminal. */
  readonly stdout: NodeJS.WriteStream;
  readonly columns: number;
  readonly rows: number;
  /** Writes a line that stays, above what is drawn. */
  above(line: string): void;
  /** Wipes what was drawn, shows the cursor, and draws nothing any more. May be called again. */
  close(): void;
}

function up(rows: number): string {
  return rows > 0 ? `${ESC}${rows}A\r` : '\r';
}

/** What turns one frame on the screen into the next; the cursor stands on the line below, before and after. */
export function diffFrames(drawn: readonly string[], next: readonly string[]): string {
  const first = next.findIndex((line, index) => line !== drawn[index]);
  const from = first < 0 ? next.length : first;
  if (from === next.length && next.length === drawn.length) return '';
  const lines = next.slice(from).map((line, offset) => {
    return line === drawn[from + offset] ? '\n' : `${line}${ERASE_LINE_END}\n`;
  });
  return up(drawn.length - from) + lines.join('') + (next.length < drawn.length ? ERASE_BELOW : '');
}

/** Whether lines are broken anew when the terminal gets narrower: xterm, GNU screen and the Linux console cut them. */
function reflows(env: Io['env']): boolean {
  return !env['XTERM_VERSION'] && !env['STY'] && env['TERM'] !== 'linux';
}

/** How many rows the lines take in a terminal that has broken them at `columns` cells. */
export function countRows(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
}

/**
 * Opens a surface below the cursor. `redraw` is called when the size has changed; `now` is in milliseconds.
 * Ink has a writer of its own, but the one that writes only what changed (6.8, `incrementalRendering`) climbs one row
 * too few and leaves lines behind, and the other one writes everything each time.
 */
export function openSurface(
  stream: OutputStream,
  env: Io['env'],
  redraw: () => void,
  now: () => number,
): Surface {
  let open = true;
  let drawn: readonly string[] = [];
  let next: readonly string[] = [];
  let hidden = false;

  const write = (text: string): void => {
    if (!stream.destroyed && !stream.writableEnded) stream.write(text);
  };
  const paint = (): void => {
    const change = diffFrames(drawn, next);
    drawn = next;
    if (change === '') return;
    write(`${hidden ? '' : HIDE_CURSOR}${BEGIN_FRAME}${change}${END_FRAME}`);
    hidden = true;
  };
  const pacer = createPacer(paint, FRAME_MS, now);
  const stdout = new Writable({
    decodeStrings: false,
    write(frame: unknown, _encoding, done) {
      // Ink's barrier at its end is an empty write, and no frame.
      if (open && frame !== '') {
        next = String(frame).split('\n');
        pacer.ask();
      }
      done();
    },
  });
  const columns = (): number => terminalWidth(stream, env);
  const rows = (): number => stream.rows || FALLBACK_ROWS;
  Object.defineProperties(stdout, { isTTY: { value: true }, columns: { get: columns }, rows: { get: rows } });

  const onResize = (): void => {
    const height = reflows(env) ? countRows(drawn, columns()) : drawn.length;
    if (height > 0) write(up(height) + ERASE_BELOW);
    drawn = [];
    redraw();
    pacer.flush();
  };
  stream.on('resize', onResize);

  return {
    stdout: stdout as unknown as NodeJS.WriteStream,
    get columns() {
      return columns();
    },
    get rows() {
      return rows();
    },
    above(line) {
      if (!open) return;
      const again = drawn.map((text) => `${text}\n`).join('');
      write(`${BEGIN_FRAME}${up(drawn.length)}${ERASE_BELOW}${line}\n${again}${END_FRAME}`);
    },
    close() {
      if (!open) return;
      open = false;
      pacer.stop();
      stream.off('resize', onResize);
      if (hidden) write(`${up(drawn.length)}${ERASE_BELOW}${SHOW_CURSOR}`);
    },
  };
}
