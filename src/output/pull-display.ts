import type { OllamaPullEvent } from '../core/pull-events.js';
import type { PullState } from '../core/pull.js';
import { startPull } from '../core/pull.js';
import type { Io, OutputStream } from '../io.js';
import type { PullView, PullViewOptions } from '../views/pull.js';
import type { ColorLevel } from './color-level.js';
import { isTerminal } from './mode.js';
import { openPullLines } from './pull-lines.js';
import type { PullQueue } from './pull-words.js';
import { nameModel, outcomeWords } from './pull-words.js';
import { createStyles } from './styles.js';
import { symbols } from './symbols.js';
import { writeText } from './write.js';

/** The ways to show a pull: the live view, one bar, plain lines, or not at all. */
export type PullDisplayKind = 'ink' | 'bar' | 'lines' | 'none';

/** Shows pulls, one after another. */
export interface PullDisplay {
  /** Draws what is new. Called for each event, and cheap: it draws at its own pace. */
  show(state: PullState, event: OllamaPullEvent): void;
  /** Ends one model: wipes what is live and leaves the line of its outcome, if it succeeded. Resolves when that is written. */
  end(state: PullState): Promise<void>;
  /** Leaves the terminal whole; may be called again. */
  close(): Promise<void>;
}

/** What a pull is shown on, and what is known before it begins. */
export interface PullDisplayOptions {
  /** stderr: stdout is the answer's. */
  readonly stream: OutputStream;
  readonly env: Io['env'];
  /** As shown: `127.0.0.1:11434`. */
  readonly host: string;
  /** The first model: its frame, or line, is there before the server answers. */
  readonly model?: string | undefined;
  readonly queue?: PullQueue | undefined;
  readonly colorLevel: ColorLevel;
  readonly unicode: boolean;
  /** Milliseconds since the epoch. */
  now(): number;
}

const NONE: PullDisplay = {
  show: () => undefined,
  end: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

async function openLive(
  options: PullDisplayOptions,
  openView: (options: PullViewOptions, first: PullState) => PullView,
): Promise<PullDisplay> {
  const { stream, queue } = options;
  const styles = createStyles(options.colorLevel);
  const signs = symbols(options.unicode);
  const open = (state: PullState): PullView =>
    openView({ ...options, now: () => options.now(), styles, signs }, state);

  let view: PullView | undefined = open(startPull(options.model ?? '', options.now()));
  const wipe = (): Promise<void> => {
    view?.close();
    view = undefined;
    return writeText(stream, '');
  };
  return {
    show(state) {
      if (view) view.show(state);
      else view = open(state);
    },
    async end(state) {
      await wipe();
      if (state.phase !== 'success') return;
      const name = nameModel(state.model, queue);
      await writeText(stream, `${styles.good(signs.check)} ${name}  ${outcomeWords(state)}\n`);
    },
    close: wipe,
  };
}

/** Opens a display; what needs a terminal becomes plain lines where there is none. */
export async function openPullDisplay(
  kind: PullDisplayKind,
  options: PullDisplayOptions,
): Promise<PullDisplay> {
  if (kind === 'none') return NONE;
  if (kind === 'lines' || !isTerminal(options.stream, options.env)) return openPullLines(options);
  const { openPullView } = kind === 'ink' ? await import('../views/pull.js') : await import('./pull-bar.js');
  return openLive(options, openPullView);
}
