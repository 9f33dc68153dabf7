import { hasEnded, startBoard, type PullBoard } from '../core/pull-board.js';
import type { PullPhase, PullState } from '../core/pull.js';
import { pullTotals } from '../core/pull-totals.js';
import { formatBytes, formatRate } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { formatMs } from '../format/duration.js';
import { failureItem } from './failure-text.js';
import type { PullDisplay, PullDisplayOptions } from './pull-display.js';
import type { About } from './pull-words.js';
import {
  countPercent,
  layerNotes,
  manifestLine,
  outcomeWords,
  phaseWords,
  totalNotes,
  verbWords,
} from './pull-words.js';
import { createStyles } from './styles.js';
import { writeLines, writeText } from './write.js';

/** How a failure is told here: no colour, and no line is broken. */
const PLAIN = { styles: createStyles(0) };
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
  readonly manifest: boolean;
  /** What the server was at, where each of its statuses is a line. */
  readonly work: string | undefined;
}

/** Nothing has been said yet. */
export const NOTHING_SAID: Said = {
  phase: undefined,
  step: -1,
  at: 0,
  silentMs: 0,
  refetching: false,
  retry: undefined,
  manifest: false,
  work: undefined,
};

const PHASES: Partial<Record<PullPhase, string>> = {
  manifest: 'reading the manifest',
  verifying: 'verifying',
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

function phaseLine(state: PullState, about: About): string | undefined {
  if (state.phase === 'writing') return verbWords(about.verb).writing;
  return state.phase === 'working'
    ? phaseWords(state, { ...about, now: state.phaseSince })?.[0]
    : PHASES[state.phase];
}

/**
 * The lines that a log should have next of one pull, and what has been said with them: one a phase, one each 10 % or
 * 30 s whichever comes first, and one for each thing that went wrong. Pure.
 */
export function nextLines(
  said: Said,
  state: PullState,
  about: About,
): { readonly said: Said; readonly lines: readonly string[] } {
  const { now, host, verb, stallMs } = about;
  const lines: string[] = [];
  if (said.phase === undefined) {
    // Of several hosts, the name says it.
    const at = state.source === undefined ? ` ${verbWords(verb).at} ${cleanLine(host)}` : '';
    lines.push(`${verb.toLowerCase()} ${cleanLine(state.model)}${at}`);
  }
  if (state.retry && state.retry !== said.retry) {
    const { attempt, delayMs, reason } = state.retry;
    lines.push(`try ${attempt}${delayMs > 0 ? ` in ${formatMs(delayMs)}` : ''}: ${cleanLine(reason)}`);
  }
  const phase = phaseLine(state, about);
  const work = state.phase === 'working' ? state.status : undefined;
  // Of a manifest that is known nobody needs to hear that it is read.
  const isOld = state.phase === 'manifest' && said.manifest;
  if (phase !== undefined && !isOld && (state.phase !== said.phase || work !== said.work)) lines.push(phase);
  if (state.manifest && !said.manifest) lines.push(manifestLine(state.manifest));

  const totals = pullTotals(state, now);
  const notes = (): readonly string[] =>
    state.active === undefined ? totalNotes(state, about) : layerNotes(state, totals, stallMs);
  const refetching = totals.refetching > 0;
  const newlySilent = state.silentMs > 0 && said.silentMs === 0;
  if (newlySilent || (refetching && !said.refetching && state.active !== undefined)) {
    lines.push(...notes().slice(0, 1));
  }

  const measure = measureLine(state, now);
  // A layer named late makes the sum larger and the share smaller: that is said too.
  if (measure && measure.step !== said.step) lines.push(measure.line);
  if (lines.length === 0 && now - said.at >= HEARTBEAT_MS) {
    const note = state.silentMs > 0 ? notes()[0] : undefined;
    const line = note ?? measure?.line ?? phaseWords(state, about)?.[0];
    if (line !== undefined) lines.push(line);
  }
  return {
    lines,
    said: {
      phase: state.phase,
      step: measure?.step ?? said.step,
      at: lines.length > 0 ? now : said.at,
      silentMs: state.silentMs,
      // Between two tries nothing is fetched: what is to come again is told when it comes.
      refetching: refetching && (said.refetching || state.active !== undefined),
      retry: state.retry,
      manifest: state.manifest !== undefined,
      work,
    },
  };
}

/** Opens the display for pipes, logs and screen readers: plain lines without an escape code. */
export function openPullLines(
  options: Pick<PullDisplayOptions, 'stream' | 'host' | 'model' | 'now' | 'verb' | 'stallMs'>,
): PullDisplay {
  const { stream, host, verb = 'Pulling', stallMs } = options;
  const said = new Map<string, Said>();
  let board: PullBoard | undefined =
    options.model === undefined ? undefined : startBoard(options.model, options.now());

  const write = (lines: readonly string[]): void => {
    if (lines.length === 0 || stream.destroyed || stream.writableEnded) return;
    stream.write(lines.map((line) => `${line}\n`).join(''));
  };
  /** Of several, each line names its model; the first one does by itself. */
  const sayOf = (state: PullState, several: boolean): readonly string[] => {
    const before = said.get(state.model) ?? NOTHING_SAID;
    const next = nextLines(before, state, { now: options.now(), host, verb, stallMs });
    said.set(state.model, next.said);
    const isNamed = (index: number): boolean => !several || (index === 0 && before === NOTHING_SAID);
    return next.lines.map((line, index) => (isNamed(index) ? line : `${cleanLine(state.model)}: ${line}`));
  };
  const sayAll = (): void => {
    const shown = board;
    // Of what has ended nothing more will be said.
    const news = shown?.pulls.filter((state) => !hasEnded(state) || !said.has(state.model)) ?? [];
    write(news.flatMap((state) => sayOf(state, shown !== undefined && shown.count > 1)));
  };
  sayAll();
  const clock = setInterval(sayAll, CLOCK_MS);
  clock.unref();

  return {
    show(next) {
      board = next;
      sayAll();
    },
    async ended(_board, state, failure) {
      const name = cleanLine(state.model);
      if (state.phase === 'success') await writeText(stream, `done: ${name}, ${outcomeWords(state, verb)}\n`);
      else if (failure) await writeLines(stream, failureItem('failed:', name, failure, PLAIN));
    },
    say: (line) => writeText(stream, `${cleanLine(line)}\n`),
    close() {
      clearInterval(clock);
      board = undefined;
      return writeText(stream, '');
    },
  };
}
