import { shellWord, throughHost } from '../advice.js';
import type { Context } from '../context.js';
import { DEFAULT_STALL_MS } from '../core/pull-watch.js';
import { toFailure } from '../failure.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { formatSeconds } from '../format/duration.js';
import { openLook } from '../output/look.js';
import { openPullDisplay, type PullDisplay } from '../output/pull-display.js';
import { renderSummary } from '../output/pull-summary.js';
import { chooseProgress } from '../output/progress-kind.js';
import { writeText } from '../output/write.js';
import { tellFailure } from '../tell-failure.js';
import type { EndedPull, PullsOutcome } from './outcome.js';
import type { Teller } from './teller.js';

/** Tells pulls to people, on the display that the flags, the settings and the terminal ask for. */
export function openDisplayTeller(
  context: Context,
  options: { readonly bell: boolean; readonly stallMs: number | undefined },
): Teller {
  const { io, client, settings, flags, progressMode } = context;
  const quiet = flags.quiet === true;
  const live = progressMode === 'tty' && !quiet;
  let display: PullDisplay | undefined;
  let counted = false;

  const open = async (model: string | undefined): Promise<PullDisplay> => {
    const look = await openLook(io, io.stderr, settings);
    return await openPullDisplay(chooseProgress(settings.progress, progressMode, quiet), {
      stream: io.stderr,
      env: io.env,
      host: client.host.display,
      model,
      colorLevel: look.level,
      unicode: look.unicode,
      now: () => io.now(),
      signal: io.signal,
      bell: options.bell,
      stallMs: options.stallMs ?? DEFAULT_STALL_MS,
    });
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
      io.stderr.write(live ? `\r\x1b[2K${line}` : `${line}\n`);
      counted = true;
    },
    waited: async () => wipeCount(),
    begin: async (board) => {
      display = await open(board.count === 1 ? board.pulls[0]?.model : undefined);
      display.show(board);
    },
    event: async (board, _state, event) => display?.show(board, event),
    ended: async (board, { state, error, as }) => {
      await display?.ended(board, state);
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
        if (!quiet) await writeText(io.stderr, keptLines(context, outcome, ended));
        return;
      }
      if (outcome.succeeded.length + outcome.failed.length + outcome.skipped.length < 2) return;
      if (!quiet && ended.length > 0) {
        const lines = renderSummary(summaryRows(outcome, ended), await openLook(io, io.stderr, settings));
        await writeText(io.stderr, lines.map((line) => `${line}\n`).join(''));
      }
      // The most important is the last: what to do about each that failed.
      for (const { error } of ended) {
        const failure = error && toFailure(error, { hostFlag: flags.host });
        if (failure) await tellFailure(io, failure, false, settings);
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
      ...(error ? { error } : {}),
    })),
    ...outcome.skipped.map((model): SummaryRow => ({ model, outcome: 'skipped', ...nothing })),
  ];
}

/** After Ctrl-C: how much is kept, and the command that goes on. */
function keptLines({ flags }: Context, outcome: PullsOutcome, ended: readonly EndedPull[]): string {
  const stopped = ended.filter(({ error }) => error?.code === 'interrupted');
  const kept = stopped.flatMap(({ model, state }) => {
    const bytes = state.layers.reduce((sum, { completed }) => sum + completed, 0);
    return bytes === 0 ? [] : [`${formatBytes(bytes)} of ${cleanLine(model)}`];
  });
  const models = [...stopped.map(({ model }) => model), ...outcome.skipped];
  const again = throughHost(`ollama-cli pull ${models.map(shellWord).join(' ')}`, flags.host);
  return kept.length === 0
    ? `Stopped before anything had come.\nGo on with: ${again}\n`
    : `Stopped; ${kept.join(' and ')} are kept on the server.\nGo on with: ${again}\n` +
        'Restarting Ollama more than an hour from now deletes what is kept.\n';
}
