import { asAsked, shellWord } from '../next-step.js';
import type { Context } from '../context.js';
import { DEFAULT_STALL_MS } from '../core/pull-watch.js';
import type { OllamaError } from '../core/errors.js';
import type { PullState } from '../core/pull.js';
import { toFailure, type Failure } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { formatSeconds } from '../format/duration.js';
import { breakWords, truncateEnd } from '../format/width.js';
import { openDisplay } from '../open-display.js';
import { openLook } from '../output/look.js';
import { isTerminal, terminalWidth } from '../output/mode.js';
import type { PullDisplay } from '../output/pull-display.js';
import { renderSummary } from '../output/pull-summary.js';
import { writeLines, writeText } from '../output/write.js';
import { tellFailureOf } from '../tell-failure.js';
import type { EndedPull, PullsOutcome } from './outcome.js';
import type { Teller } from './teller.js';

/** Tells pulls to people, on the display that the flags, the settings and the terminal ask for. */
export function openDisplayTeller(
  context: Context,
  options: {
    readonly bell: boolean;
    readonly stallMs: number | undefined;
    readonly insecure: boolean;
    /** Several hosts, as a person reads them, instead of the one in force. */
    readonly hosts?: string | undefined;
    /** The command that goes on after Ctrl-C, where it is another than the usual one. */
    readonly again?: string | undefined;
  },
): Teller {
  const { io, settings, flags, progressMode } = context;
  const stallMs = options.stallMs ?? DEFAULT_STALL_MS;
  const quiet = flags.quiet === true;
  const live = progressMode === 'tty' && !quiet;
  let display: PullDisplay | undefined;
  let counted = false;
  const told = new Set<string>();

  /** What to do is said once, however many fail alike. */
  const failureOf = (error: OllamaError, { source = flags.host }: PullState): Failure => {
    const failure = toFailure(error, { hostFlag: source, insecure: options.insecure });
    const steps = JSON.stringify(failure.steps);
    if (told.has(steps)) return { ...failure, steps: [] };
    told.add(steps);
    return failure;
  };
  const close = async (): Promise<void> => {
    const closing = display;
    display = undefined;
    await closing?.close();
  };
  const wipeCount = (): void => {
    if (counted && live) io.stderr.write('\r\x1b[2K');
    counted = false;
  };
  return {
    start: async () => undefined,
    waiting: async (_models, at, leftMs) => {
      if (quiet || (counted && !live)) return;
      const line = `waiting until ${clockOf(at)}, ${formatSeconds(leftMs / 1000)} from now; Ctrl-C stops`;
      // A line that wrapped could not be written over; the last cell wraps on some terminals.
      const width = terminalWidth(io.stderr, io.env) - 1;
      io.stderr.write(live ? `\r\x1b[2K${truncateEnd(line, width)}` : `${line}\n`);
      counted = true;
    },
    waited: async () => wipeCount(),
    begin: async (board) => {
      const model = board.count === 1 ? board.pulls[0]?.model : undefined;
      const { bell, hosts } = options;
      display ??= await openDisplay(context, { model, bell, stallMs, host: hosts });
      display.show(board);
    },
    event: async (board, _state, event) => display?.show(board, event),
    ended: async (board, { state, error, as }) => {
      // Of one alone the failure is the command's to tell, and an interruption always.
      const isTold = error !== undefined && board.count > 1 && error.code !== 'interrupted';
      const failure = isTold ? failureOf(error, state) : undefined;
      await display?.ended(board, state, failure);
      if (failure && quiet) await tellFailureOf(io, state.model, failure, settings);
      if (!error && as !== undefined) await display?.say(`${cleanLine(state.model)} is ${cleanLine(as)} too`);
    },
    warn: async (text) => {
      if (quiet) return;
      const line = `warning: ${cleanLine(text)}`;
      await (display ? display.say(line) : writeText(io.stderr, `${line}\n`));
    },
    pause: close,
    end: async (outcome, ended) => {
      wipeCount();
      await close();
      if (outcome.error?.code === 'interrupted') {
        if (!quiet) await writeLines(io.stderr, keptLines(context, options, outcome, ended));
        return;
      }
      if (!quiet && ended.length > 0 && ended.length + outcome.skipped.length > 1) {
        const lines = renderSummary(summaryRows(outcome, ended), await openLook(io, io.stderr, settings));
        await writeLines(io.stderr, lines);
      }
    },
    close: async () => {
      wipeCount();
      await close();
    },
  };
}

/** A time of this machine, with the day where it is another one than what a clock says next. */
function clockOf(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

type SummaryRow = Parameters<typeof renderSummary>[0][number];

function summaryRows(outcome: PullsOutcome, ended: readonly EndedPull[]): SummaryRow[] {
  const nothing = { downloaded: 0, reused: 0, ms: 0 };
  return [
    ...ended.map(({ model, error, downloaded, reused, ms }): SummaryRow => ({
      model,
      outcome: error ? 'failed' : 'done',
      downloaded,
      reused,
      ms,
    })),
    ...outcome.skipped.map((model): SummaryRow => ({ model, outcome: 'skipped', ...nothing })),
  ];
}

/** After Ctrl-C: how much is kept, and the command that goes on. */
function keptLines(
  { flags, io }: Context,
  { insecure, again: other }: { readonly insecure: boolean; readonly again?: string | undefined },
  outcome: PullsOutcome,
  ended: readonly EndedPull[],
): string[] {
  const stopped = ended.filter(({ error }) => error?.code === 'interrupted');
  const kept = stopped.flatMap(({ model, state }) => {
    const bytes = state.layers.reduce((sum, { completed }) => sum + completed, 0);
    return bytes === 0 ? [] : [`${formatBytes(bytes)} of ${cleanLine(model)}`];
  });
  const models = [...stopped.map(({ model }) => model), ...outcome.skipped];
  const usual = asAsked(`ollama-cli pull ${models.map(shellWord).join(' ')}`, {
    hostFlag: flags.host,
    insecure,
  });
  // The command is left whole, to be copied.
  const goOn = `Go on with: ${other ?? usual}`;
  if (kept.length === 0) return ['Stopped before anything had come.', goOn];
  const width = isTerminal(io.stderr, io.env) ? terminalWidth(io.stderr, io.env) : Infinity;
  return [
    ...breakWords(`Stopped; ${kept.join(' and ')} are kept on the server.`, width),
    goOn,
    ...breakWords('Restarting Ollama more than an hour from now deletes what is kept.', width),
  ];
}
