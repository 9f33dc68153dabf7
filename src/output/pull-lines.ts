import type { PullPhase, PullState } from '../core/pull.js';
import { startPull } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import { formatBytes, formatRate } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { formatMs } from '../format/duration.js';
import type { PullDisplay, PullDisplayOptions } from './pull-display.js';
import type { PullQueue } from './pull-words.js';
import { countPercent, layerNotes, nameModel, outcomeWords, phaseWords } from './pull-words.js';
import { writeText } from './write.js';

/** A line comes at the latest so long after the one before it. */
const HEARTBEAT_MS = 30_000;
const CLOCK_MS = 1_000;
/** A line comes for each tenth. */
const STEP_PERCENT = 10;

/** What has been said of one pull, so that nothing is said twice. */
export interface Said {
  readonly phase: PullPhase | undefined;
  /** The last tenth, counted from 0. */
  readonly step: number;
  /** When the last line came, in milliseconds since the epoch. */
  readonly at: number;
  readonly silentMs: number;
  readonly refetching: boolean;
  readonly retry: PullState['retry'];
}

/** Nothing has been said yet. */
export const NOTHING_SAID: Said = {
  phase: undefined,
  step: -1,
  at: 0,
  silentMs: 0,
  refetching: false,
  retry: undefined,
};

const PHASES: Partial<Record<PullPhase, string>> = {
  manifest: 'reading the manifest',
  verifying: 'verifying',
  writing: 'writing manifest',
  cleaning: 'removing unused layers',
};

function measureLine(state: PullState, now: number): { step: number; line: string } | undefined {
  const active = state.layers.find((layer) => layer.digest === state.active);
  // A layer that was there already is no progress.
  if (state.phase !== 'downloading' || !active || (active.total > 0 && active.reported >= active.total)) {
    return undefined;
  }
  const totals = pullTotals(state, now);
  const percent = countPercent(totals.completed, totals.total, totals.totalKnown);
  const so = totals.totalKnown ? '' : ' so far';
  const pace = totals.bytesPerSecond === undefined ? '' : `  ${formatRate(totals.bytesPerSecond)}`;
  const figures =
    totals.total > 0
      ? `${percent}%  ${formatBytes(totals.completed)} of ${formatBytes(totals.total)}${so}`
      : `${formatBytes(totals.completed)}${so}`;
  return { step: Math.floor(percent / STEP_PERCENT), line: figures + pace };
}

/**
 * The lines that a log should have next, and what has been said with them: one a phase, one each 10 % or 30 s
 * whichever comes first, and one for each thing that went wrong. Pure; `now` is in milliseconds since the epoch.
 */
export function nextLines(
  said: Said,
  state: PullState,
  about: { readonly host: string; readonly queue?: PullQueue | undefined },
  now: number,
): { readonly said: Said; readonly lines: readonly string[] } {
  const lines: string[] = [];
  if (said.phase === undefined) {
    lines.push(`pulling ${nameModel(state.model, about.queue)} from ${cleanLine(about.host)}`);
  }
  if (state.retry && state.retry !== said.retry) {
    const { attempt, delayMs, reason } = state.retry;
    lines.push(`try ${attempt}${delayMs > 0 ? ` in ${formatMs(delayMs)}` : ''}: ${cleanLine(reason)}`);
  }
  const phaseLine = PHASES[state.phase];
  if (phaseLine !== undefined && state.phase !== said.phase) lines.push(phaseLine);

  const totals = pullTotals(state, now);
  const refetching = totals.refetching > 0;
  const newlySilent = state.silentMs > 0 && said.silentMs === 0;
  if (newlySilent || (refetching && !said.refetching)) lines.push(...layerNotes(state, totals).slice(0, 1));

  const measure = measureLine(state, now);
  // A layer named late makes the sum larger and the share smaller: that is said too.
  if (measure && measure.step !== said.step) lines.push(measure.line);
  if (lines.length === 0 && now - said.at >= HEARTBEAT_MS) {
    const note = state.silentMs > 0 ? layerNotes(state, totals)[0] : undefined;
    const line = note ?? measure?.line ?? phaseWords(state, about.host, now)?.[0];
    if (line !== undefined) lines.push(line);
  }
  return {
    lines,
    said: {
      phase: state.phase,
      step: measure?.step ?? said.step,
      at: lines.length > 0 ? now : said.at,
      silentMs: state.silentMs,
      refetching,
      retry: state.retry,
    },
  };
}

/** Opens the display for pipes, logs and screen readers: plain lines without an escape code. */
export function openPullLines(
  options: Pick<PullDisplayOptions, 'stream' | 'host' | 'model' | 'queue' | 'now'>,
): PullDisplay {
  const { stream } = options;
  let said = NOTHING_SAID;
  let state = options.model === undefined ? undefined : startPull(options.model, options.now());

  const say = (): void => {
    if (!state || stream.destroyed || stream.writableEnded) return;
    const next = nextLines(said, state, options, options.now());
    said = next.said;
    if (next.lines.length > 0) stream.write(next.lines.map((line) => `${line}\n`).join(''));
  };
  say();
  const clock = setInterval(say, CLOCK_MS);
  clock.unref();

  return {
    show(next) {
      state = next;
      say();
    },
    async end(last) {
      state = undefined;
      said = NOTHING_SAID;
      const done = `done: ${nameModel(last.model, options.queue)}, ${outcomeWords(last)}\n`;
      await writeText(stream, last.phase === 'success' ? done : '');
    },
    close() {
      clearInterval(clock);
      state = undefined;
      return writeText(stream, '');
    },
  };
}
