import { Writable } from 'node:stream';
import type { Io, OutputStream } from '../../io.js';
import { terminalWidth } from '../../output/mode.js';
import type { Frame } from './frame.js';

const FALLBACK_ROWS = 24;

/** The terminal as Ink sees it: the real stream, until it is closed. */
export interface Surface {
  readonly stdout: NodeJS.WriteStream;
  readonly columns: number;
  readonly rows: number;
  /** From now on nothing that Ink still has in hand is written. */
  close(): void;
}

/** Whether lines are broken anew when the terminal gets narrower: xterm, GNU screen and the Linux console cut them. */
function reflows(env: Io['env']): boolean {
  return !env['XTERM_VERSION'] && !env['STY'] && env['TERM'] !== 'linux';
}

/**
 * How many rows further down the cursor is, once a terminal has broken the frame's lines anew at `columns` cells. xterm.js
 * (VS Code) moves it down for the lines below it too.
 */
export function countPushed({ widths, cursor }: Frame, columns: number, isXtermJs: boolean): number {
  const broken = isXtermJs ? widths : [...widths.slice(0, cursor.y), cursor.x + 1];
  return broken.reduce((rows, width) => rows + Math.max(0, Math.ceil(width / columns) - 1), 0);
}

/** Opens a surface on a stream. `frame` is what is drawn now; `redraw` is called when the size has changed. */
export function openSurface(
  stream: OutputStream,
  env: Io['env'],
  frame: () => Frame,
  redraw: () => void,
): Surface {
  let open = true;
  const columns = (): number => terminalWidth(stream, env);
  const rows = (): number => stream.rows || FALLBACK_ROWS;
  const stdout = new Writable({
    decodeStrings: false,
    write(chunk: unknown, _encoding, done) {
      if (open && !stream.destroyed && !stream.writableEnded) stream.write(chunk);
      done();
    },
  });
  Object.defineProperties(stdout, { isTTY: { value: true }, columns: { get: columns }, rows: { get: rows } });

  const onResize = (): void => {
    // With the next frame Ink erases as many rows as it wrote, around where it left the cursor. It never hears of the
    // change itself: it would draw the old lines once more, broken.
    const pushed = reflows(env) ? countPushed(frame(), columns(), env['TERM_PROGRAM'] === 'vscode') : 0;
    if (pushed > 0) stdout.write(`\u001B[${pushed}A\u001B[J`);
    redraw();
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
    close() {
      open = false;
      stream.off('resize', onResize);
    },
  };
}
