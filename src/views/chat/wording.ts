import type { AnswerState } from '../../core/chat.js';
import { cleanLine } from '../../format/clean.js';
import { formatCount } from '../../format/count.js';
import { formatSeconds } from '../../format/duration.js';
import { displayWidth } from '../../format/width.js';

const NEARLY_FULL = 0.8;
const SILENCE_MS = 10_000;

/** One part of the line of numbers. Where the line is too long, parts go, the highest `rank` first. */
export interface Fact {
  readonly text: string;
  readonly rank: number;
  readonly warn: boolean;
}

function formatMoment(ms: number): string {
  return ms < 9950 ? `${(Math.max(0, ms) / 1000).toFixed(1)}s` : formatSeconds(ms / 1000);
}

/** `thought for 2.1s`, of an answer before which the model thought; undefined where it did not. */
export function describeThinking(answer: AnswerState): string | undefined {
  const { thinkingSince, thinkingUntil } = answer;
  if (thinkingSince === undefined || thinkingUntil === undefined) return undefined;
  return `thought for ${formatMoment(thinkingUntil - thinkingSince)}`;
}

/** The numbers of an answer that has ended; `contextLength` is the window in tokens. */
export function describeAnswer(answer: AnswerState, contextLength: number | undefined): Fact[] {
  const { metrics, reason, tokens } = answer;
  const facts: Fact[] = [];
  const tell = (text: string, rank: number, warn = false): void => void facts.push({ text, rank, warn });
  if (answer.error?.code === 'interrupted') tell('(stopped)', 0);
  if (reason === 'length') tell('ended by the limit of tokens', 0, true);
  const count = metrics?.completion_tokens ?? tokens;
  if (count > 0) tell(`${formatCount(count)} ${count === 1 ? 'token' : 'tokens'}`, 1);
  if (metrics === undefined) return facts;
  if (metrics.tokens_per_second > 0) {
    const speed = metrics.tokens_per_second;
    tell(`${speed < 9.95 ? speed.toFixed(1) : Math.round(speed)} a second`, 3);
  }
  if (metrics.time_to_first_token_ms > 0)
    tell(`first after ${formatMoment(metrics.time_to_first_token_ms)}`, 4);
  if (metrics.total_tokens > 0) {
    const used = `context ${formatCount(metrics.total_tokens)}`;
    if (contextLength === undefined) tell(used, 2);
    else {
      const isNearlyFull = metrics.total_tokens >= contextLength * NEARLY_FULL;
      tell(`${used} of ${formatCount(contextLength)}`, 2, isNearlyFull);
    }
  }
  return facts;
}

/** As many of the facts as fit into the width side by side. */
export function fitFacts(facts: readonly Fact[], separator: string, width: number): readonly Fact[] {
  let fitting = facts;
  const isTooWide = (): boolean => displayWidth(fitting.map(({ text }) => text).join(separator)) > width;
  while (fitting.length > 1 && isTooWide()) {
    const last = fitting.reduce((most, fact) => (fact.rank >= most.rank ? fact : most));
    fitting = fitting.filter((fact) => fact !== last);
  }
  return fitting;
}

/** Whether an answer that has begun has fallen silent: nothing came since `heardAt`, both in milliseconds since the epoch. */
export function isSilent(answer: AnswerState, heardAt: number, now: number): boolean {
  return answer.phase !== 'waiting' && now - heardAt >= SILENCE_MS;
}

/**
 * What the line under the composer says while an answer is awaited or comes; `isFirst` of a model's first answer. Something
 * last came at `heardAt`.
 */
export function describeWaiting(
  answer: AnswerState,
  isFirst: boolean,
  heardAt: number,
  now: number,
): readonly string[] {
  const silence = isSilent(answer, heardAt, now)
    ? `no data for ${formatSeconds((now - heardAt) / 1000)}`
    : undefined;
  switch (answer.phase) {
    case 'waiting': {
      const what = isFirst ? 'loading the model' : 'waiting for the model';
      return [`${what}, ${formatSeconds((now - answer.startedAt) / 1000)}`, 'Ctrl-C stops'];
    }
    case 'thinking': {
      const since = answer.thinkingSince ?? now;
      return [silence ?? `thinking, ${formatSeconds((now - since) / 1000)}`, 'Ctrl-C stops'];
    }
    case 'answering':
    case 'done':
    case 'failed':
      return [...(silence === undefined ? [] : [silence]), 'Ctrl-C stops and keeps what came'];
  }
}

/** The first line of the chat. */
export function describeChat(
  model: string,
  host: string,
  contextLength: number | undefined,
): readonly string[] {
  return [
    `${cleanLine(model)} on ${cleanLine(host)}`,
    ...(contextLength === undefined ? [] : [`context ${formatCount(contextLength)}`]),
    '/help',
  ];
}
