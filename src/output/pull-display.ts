import type { PullBoard } from '../core/pull-board.js';
import { hasEnded, startBoard } from '../core/pull-board.js';
import type { OllamaPullEvent } from '../core/pull-events.js';
import type { PullState } from '../core/pull.js';
import { cleanLine } from '../format/clean.js';
import { breakWords } from '../format/width.js';
import type { Io, OutputStream } from '../io.js';
import type { PullView, PullViewOptions } from '../views/pull.js';
import type { ColorLevel } from './color-level.js';
import { failureItem, signLine, type ToldFailure } from './failure-text.js';
import { isTerminal, terminalWidth } from './mode.js';
import { openPullLines } from './pull-lines.js';
import type { PullVerb } from './pull-words.js';
import { outcomeWords } from './pull-words.js';
import { createStyles } from './styles.js';
import { symbols } from './symbols.js';
import { openTaskbar } from './taskbar.js';
import { writeText } from './write.js';

/** The ways to show pulls: the live view, one bar, plain lines, or not at all. */
export type PullDisplayKind = 'ink' | 'bar' | 'lines' | 'none';

/** Shows pulls that run side by side, or one. */
export interface PullDisplay {
  /** Draws what is new. Called for each event, and cheap: it draws at its own pace. */
  show(board: PullBoard, event?: OllamaPullEvent): void;
  /**
   * Leaves how a pull has ended above what is live: the line of a success, or `failure`. One without it is the caller's
   * to tell. Resolves when it is written.
   */
  ended(board: PullBoard, state: PullState, failure?: ToldFailure): Promise<void>;
  /** One line, which is cleaned, above what is live. */
  say(line: string): Promise<void>;
  /** Leaves the terminal whole; may be called again. */
  close(): Promise<void>;
}

/** What pulls are shown on, and what is known before they begin. */
export interface PullDisplayOptions {
  /** stderr: stdout is the answer's. */
  readonly stream: OutputStream;
  readonly env: Io['env'];
  /** As shown: `127.0.0.1:11434`. */
  readonly host: string;
  /** The only model: its frame, or line, is there before the server answers. Without one nothing is, until `show`. */
  readonly model?: string | undefined;
  readonly colorLevel: ColorLevel;
  readonly unicode: boolean;
  /** Milliseconds since the epoch. */
  now(): number;
  /** `Pulling` if not said. */
  readonly verb?: PullVerb | undefined;
  /** After so long without a byte the server is asked again, in milliseconds; 0 or absent where it never is. */
  readonly stallMs?: number | undefined;
  /** Rings at the end, on a terminal. */
  readonly bell?: boolean | undefined;
  /** Aborted when the program is to end: what is shown outside the screen goes at once. */
  readonly signal?: AbortSignal | undefined;
}

const BELL = '\u0007';

const NONE: PullDisplay = {
  show: () => undefined,
  ended: () => Promise.resolve(),
  say: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** Whether anything of a board is still to come. */
function isOver({ pulls, waiting }: PullBoard): boolean {
  return waiting.length === 0 && pulls.every(hasEnded);
}

function openLive(
  options: PullDisplayOptions,
  openView: (options: PullViewOptions, first: PullBoard) => PullView,
): PullDisplay {
  const { stream, verb = 'Pulling' } = options;
  const styles = createStyles(options.colorLevel);
  const signs = symbols(options.unicode);
  const taskbar = openTaskbar(options);
  const open = (board: PullBoard): PullView =>
    openView(
      { ...options, verb, now: () => options.now(), styles, signs, onEnd: () => taskbar.close() },
      board,
    );

  let view = options.model === undefined ? undefined : open(startBoard(options.model, options.now()));
  const wipe = (): void => {
    view?.close();
    view = undefined;
  };
  const width = (): number => terminalWidth(stream, options.env);
  const leave = async (lines: readonly string[]): Promise<void> => {
    const text = lines.join('\n');
    if (view) view.above(text);
    await writeText(stream, view ? '' : `${text}\n`);
  };
  return {
    show(board) {
      taskbar.show(board);
      if (view) view.show(board);
      else if (!isOver(board)) view = open(board);
    },
    async ended(board, state, failure) {
      if (isOver(board)) wipe();
      else view?.show(board);
      const name = cleanLine(state.model);
      if (state.phase === 'success') {
        const text = `${name}  ${outcomeWords(state, verb)}`;
        await leave(signLine(styles.good(signs.check), text, width()));
      } else if (failure) {
        const look = { styles, width: width(), isTerminal: true };
        await leave(failureItem(styles.bad(signs.cross), name, failure, look));
      }
    },
    say: async (line) => await leave(breakWords(cleanLine(line), width())),
    async close() {
      wipe();
      taskbar.close();
      await writeText(stream, '');
    },
  };
}

/** Rings once, when a display is closed after something has ended by itself. */
function withBell(display: PullDisplay, stream: OutputStream): PullDisplay {
  let due = false;
  return {
    ...display,
    async ended(board, state, failure) {
      due ||= state.error?.code !== 'interrupted';
      await display.ended(board, state, failure);
    },
    async close() {
      await display.close();
      if (due) await writeText(stream, BELL);
      due = false;
    },
  };
}

/** Opens a display; what needs a terminal becomes plain lines where there is none. */
export async function openPullDisplay(
  kind: PullDisplayKind,
  options: PullDisplayOptions,
): Promise<PullDisplay> {
  if (kind === 'none') return NONE;
  const terminal = isTerminal(options.stream, options.env);
  const display =
    kind === 'lines' || !terminal
      ? openPullLines(options)
      : openLive(options, await loadView(kind === 'ink' ? 'ink' : 'bar'));
  return options.bell === true && terminal ? withBell(display, options.stream) : display;
}

async function loadView(kind: 'ink' | 'bar') {
  const { openPullView } = kind === 'ink' ? await import('../views/pull.js') : await import('./pull-bar.js');
  return openPullView;
}
