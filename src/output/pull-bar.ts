import cliProgress from 'cli-progress';
import type { PullState } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import type { OutputStream } from '../io.js';
import type { PullView, PullViewOptions } from '../views/pull.js';
import { terminalWidth } from './mode.js';
import { drawTotal, layoutPull, paintRow } from './pull-row.js';
import { nameModel } from './pull-words.js';

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

/** Opens the single bar of `--progress bar` and draws it at once: one line, the sum of all layers. */
export function openPullView(options: PullViewOptions, first: PullState): PullView {
  const { stream, env, signs, styles } = options;
  let state = first;
  const columns = (): number => terminalWidth(stream, env);

  const drawLine = (): string => {
    const name = nameModel(state.model, options.queue) || 'total';
    const width = columns() - ECHO;
    const layout = layoutPull(width, Math.min(Math.max(LEAST_NAME, name.length), Math.floor(width / 3)));
    const about = { now: options.now(), host: options.host, name };
    return paintRow(drawTotal(state, pullTotals(state, about.now), about, layout, signs), styles);
  };
  const settings = {
    format: drawLine,
    terminal: controlTerminal(stream, columns),
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
      state = next;
    },
    close() {
      bar.stop();
    },
  };
}
