// The one place besides `bin/` that knows the process: a reporter made without options, by a program that uses this
// package as a library, writes to that program's stderr.
import { env, platform, stderr } from 'node:process';
import type { PullProgressReporter } from '../core/client.js';
import type { OllamaPullEvent } from '../core/pull-events.js';
import { boardOf } from '../core/pull-board.js';
import type { PullState } from '../core/pull.js';
import { reducePull, startPull } from '../core/pull.js';
import { cleanLine } from '../format/clean.js';
import type { OutputStream } from '../io.js';
import { colorLevel } from './color-level.js';
import type { PullDisplay, PullDisplayKind } from './pull-display.js';
import { openPullDisplay } from './pull-display.js';
import { supportsUnicode } from './symbols.js';
import { writeText } from './write.js';

/** Where a reporter writes (stderr if not said), and the names it shows. */
export interface PullReporterOptions {
  readonly stream?: OutputStream;
  /** As shown: `127.0.0.1:11434`. */
  readonly host?: string;
  readonly model?: string;
}

/** Folds the events of one pull after another, and shows them. */
function createReporter(
  kind: PullDisplayKind,
  options: PullReporterOptions,
): PullProgressReporter['onEvent'] {
  const stream: OutputStream = options.stream ?? stderr;
  const model = options.model ?? 'the model';
  const now = (): number => Date.now();
  let display: Promise<PullDisplay> | undefined;
  let state: PullState | undefined;

  const open = (): Promise<PullDisplay> =>
    openPullDisplay(kind, {
      stream,
      env,
      host: options.host ?? 'the server',
      model,
      colorLevel: colorLevel({ env, isTTY: stream.isTTY === true }),
      unicode: supportsUnicode(env, platform),
      now,
    });

  return async (event) => {
    state = reducePull(state ?? startPull(model, now()), event, now());
    const current = state;
    display ??= open();
    const shown = await display;
    shown.show(boardOf(current), event);
    if (event.type !== 'Success' && event.type !== 'Error') return;
    state = undefined;
    display = undefined;
    await shown.ended(boardOf(current), current);
    await shown.close();
    if (event.type === 'Error') await writeText(stream, `failed: ${cleanLine(event.message)}\n`);
  };
}

/** Reports a pull as plain lines, without escape codes: for logs and pipes. */
export class CliPullProgressReporter implements PullProgressReporter {
  readonly #report: PullProgressReporter['onEvent'];

  constructor(options: PullReporterOptions = {}) {
    this.#report = createReporter('lines', options);
  }

  /** Shows one event; rejects only if the display cannot be opened. */
  onEvent(event: OllamaPullEvent): void | Promise<void> {
    return this.#report(event);
  }
}

/** Reports a pull as the live view of this package's program; as plain lines where the stream is no terminal. */
export class TuiPullProgressReporter implements PullProgressReporter {
  readonly #report: PullProgressReporter['onEvent'];

  constructor(options: PullReporterOptions = {}) {
    this.#report = createReporter('ink', options);
  }

  /** Shows one event; rejects only if the view cannot be loaded. */
  onEvent(event: OllamaPullEvent): void | Promise<void> {
    return this.#report(event);
  }
}
