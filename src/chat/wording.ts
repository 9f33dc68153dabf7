import type { AnswerState } from '../core/chat.js';
import { countUsed, isNearlyFull, usedTokens } from '../core/window.js';
import { cleanLine } from '../format/clean.js';
import { formatCost } from '../format/cost.js';
import { formatCount } from '../format/count.js';
import { formatSeconds } from '../format/duration.js';
import { displayWidth } from '../format/width.js';

/** One part of the line of numbers. Where the line is too long, parts go, the highest `rank` first. */
export interface Fact {
  readonly text: string;
  readonly rank: number;
  readonly warn: boolean;
}

/** What would be 0.0s is not worth a number. */
const SHORTEST_TOLD_MS = 50;

function formatMoment(ms: number): string {
  return ms < 9950 ? `${(Math.max(0, ms) / 1000).toFixed(1)}s` : formatSeconds(ms / 1000);
}

/** `thought for 2.1s`, of an answer before which the model thought; undefined where it did not. */
export function describeThinking(answer: AnswerState): string | undefined {
  const { thinkingSince, thinkingUntil } = answer;
  if (thinkingSince === undefined || thinkingUntil === undefined) return undefined;
  const ms = thinkingUntil - thinkingSince;
  return ms < SHORTEST_TOLD_MS ? 'thought for a moment' : `thought for ${formatMoment(ms)}`;
}

/**
 * The numbers of an answer that has ended; `contextLength` is the window in tokens, `sent` about what was sent, by
 * `estimateConversation`.
 */
export function describeAnswer(answer: AnswerState, contextLength: number | undefined, sent = 0): Fact[] {
  const { metrics, reason, tokens } = answer;
  const facts: Fact[] = [];
  const tell = (text: string, rank: number, warn = false): void => void facts.push({ text, rank, warn });
  if (answer.error !== undefined && tokens > 0)
    tell(answer.error.code === 'interrupted' ? '(stopped)' : '(broke off)', 0);
  const { tokens: used, isEstimate } =
    metrics === undefined ? { tokens: 0, isEstimate: false } : countUsed(metrics, sent, contextLength);
  const isFull = isNearlyFull(used, contextLength);
  if (reason === 'length') {
    // With `shift: false` a server ends an answer in the same way where the window does; one that is shifted on is longer.
    const whole = metrics === undefined ? 0 : usedTokens(metrics);
    const isAtEnd = contextLength !== undefined && whole > 0 && Math.abs(whole - contextLength) <= 1;
    tell(isAtEnd ? 'ended where the window does' : 'ended by the limit of tokens', 0, true);
  }
  const count = metrics?.completion_tokens ?? tokens;
  // Of what broke off, the failure tells how much is kept.
  const isBroken = answer.error !== undefined && answer.error.code !== 'interrupted';
  if (count > 0 && !isBroken) tell(`${formatCount(count)} ${count === 1 ? 'token' : 'tokens'}`, 2);
  if (metrics === undefined) return facts;
  if (metrics.tokens_per_second > 0) {
    const speed = metrics.tokens_per_second;
    tell(`${speed < 9.95 ? speed.toFixed(1) : Math.round(speed)} a second`, 4);
  }
  if (metrics.time_to_first_token_ms >= SHORTEST_TOLD_MS)
    tell(`first after ${formatMoment(metrics.time_to_first_token_ms)}`, 7);
  if (used > 0) {
    const limit = contextLength === undefined ? '' : ` of ${formatCount(contextLength)}`;
    tell(
      `context ${isEstimate ? 'about ' : ''}${formatCount(used)}${limit}${isFull ? ', /compact makes room' : ''}`,
      isFull ? 1 : 3,
      isFull,
    );
  }
  const { cost = 0, currency = '' } = metrics;
  if (cost > 0) tell(formatCost(cost, currency), 3);
  if (metrics.load_ms >= SHORTEST_TOLD_MS) tell(`load ${formatMoment(metrics.load_ms)}`, 6);
  if (metrics.total_ms >= SHORTEST_TOLD_MS) tell(`total ${formatMoment(metrics.total_ms)}`, 5);
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
