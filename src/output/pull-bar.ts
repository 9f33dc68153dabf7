import cliProgress from 'cli-progress';
import { boardTotals, hasEnded, type PullBoard } from '../core/pull-board.js';
import { pullTotals } from '../core/pull-totals.js';
import type { OutputStream } from '../io.js';
import type { PullView, PullViewOptions } from '../views/pull.js';
import { terminalWidth } from './mode.js';
import { cleanLine } from '../format/clean.js';
import { layoutPull, paintRow } from './pull-meter.js';
import { drawBoardTotal, drawTotal } from './pull-row.js';

const FPS = 8;
const LEAST_NAME = 8;
/** Kept free behind the bar: the terminal's echo of Ctrl-C would else wrap, and leave the bar's line out of reach. */
const ECHO = '^C'.length;

/**
 * The few things that cli-progress does to a terminal. Its own way saves and restores the cursor's place, which is
 * another line once anything has scrolled.
 */
function controlTerminal(stream: OutputStream, columns: () => number) {
  const write = (text: string): void => {
    if (!stream.destroyed && !stream.writableEnded) stream.write(text);
  };
  return {
    isTTY: () => true,
    getWidth: columns,
    cursorSave: () => undefined,
    cursorRestore: () => undefined,
    lineWrapping: () => undefined,
    cursor: (visible: boolean) => write(visible ? '\u001b[?25h' : '\u001b[?25l'),
    cursorTo: () => write('\r'),
    clearRight: () => write('\u001b[K'),
    clearLine: () => write('\u001b[2K'),
    newline: () => write('\n'),
    write,
  };
}

/** Opens the single bar of `--progress bar` and draws it at once: one line, the sum of all layers of all models. */
export function openPullView(options: PullViewOptions, first: PullBoard): PullView {
  const { stream, env, signs, styles, host, verb, stallMs } = options;
  let board = first;
  const columns = (): number => terminalWidth(stream, env);
  const layoutFor = (name: string) => {
    const width = columns() - ECHO;
    return layoutPull(width, Math.min(Math.max(LEAST_NAME, name.length), Math.floor(width / 3)));
  };

  const drawLine = (): string => {
    const now = options.now();
    const [state] = board.pulls;
    if (state && board.count === 1) {
      const name = cleanLine(state.model) || 'total';
      const about = { now, host, verb, stallMs, name, alone: true };
      const row = drawTotal(state, pullTotals(state, now), about, layoutFor(name), signs);
      return paintRow(row, styles);
    }
    const ended = board.pulls.filter(hasEnded).length;
    const name = `${ended} of ${board.count}`;
    const totals = boardTotals(board, now);
    return paintRow(drawBoardTotal(board, totals, name, layoutFor(name), signs), styles);
  };
  const terminal = controlTerminal(stream, columns);
  const settings = {
    format: drawLine,
    terminal,
    fps: FPS,
    hideCursor: true,
    clearOnComplete: true,
    // The formatter reads the state at each tick; drawing at each event besides would only cost.
    synchronousUpdate: false,
  };
  const bar = new cliProgress.SingleBar(settings);
  bar.start(1, 0);

  return {
    show(next) {
      board = next;
    },
    above(line) {
      terminal.write(`\r\u001b[2K${line}\n${drawLine()}`);
    },
    close() {
      bar.stop();
      options.onEnd();
    },
  };
}
