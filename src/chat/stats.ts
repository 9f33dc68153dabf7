import type { AnswerState, ChatMetrics } from '../core/chat.js';
import { usedTokens, type UsedWindow } from '../core/window.js';
import { formatCost } from '../format/cost.js';
import { formatCount } from '../format/count.js';
import { formatSeconds } from '../format/duration.js';

/** What the answers of a conversation took together, since it was opened. Times are milliseconds. */
export interface Tally {
  readonly answers: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Of the answers whose speed is known: what they wrote, and the time that took. */
  readonly timedTokens: number;
  readonly writingMs: number;
  readonly loadMs: number;
  readonly totalMs: number;
  /** What they cost, by currency, where that is configured. */
  readonly costs: Readonly<Record<string, number>>;
  /** Tokens of the window that the last answer left in use. */
  readonly used: number | undefined;
  /** Whether that was not counted by the server. */
  readonly isEstimate: boolean;
}

/** The tally before the first answer. */
export const EMPTY_TALLY: Tally = {
  answers: 0,
  promptTokens: 0,
  completionTokens: 0,
  timedTokens: 0,
  writingMs: 0,
  loadMs: 0,
  totalMs: 0,
  costs: {},
  used: undefined,
  isEstimate: false,
};

/**
 * The tally with one more answer, whole or not; `now` in milliseconds since the epoch, `used` what it left in use of the
 * window.
 */
export function countAnswer(
  tally: Tally,
  { metrics, tokens, startedAt }: AnswerState,
  now: number,
  used: UsedWindow | undefined = metrics && { tokens: usedTokens(metrics), isEstimate: false },
): Tally {
  const count = metrics?.completion_tokens ?? tokens;
  if (count === 0 && metrics === undefined) return tally;
  const speed = metrics?.tokens_per_second ?? 0;
  return {
    answers: tally.answers + 1,
    promptTokens: tally.promptTokens + (metrics?.prompt_tokens ?? 0),
    completionTokens: tally.completionTokens + count,
    timedTokens: tally.timedTokens + (speed > 0 ? count : 0),
    writingMs: tally.writingMs + (speed > 0 ? (count / speed) * 1000 : 0),
    loadMs: tally.loadMs + (metrics?.load_ms ?? 0),
    totalMs: tally.totalMs + (metrics?.total_ms ?? Math.max(0, now - startedAt)),
    costs: addCost(tally.costs, metrics),
    used: used?.tokens ?? tally.used,
    isEstimate: used?.isEstimate ?? tally.isEstimate,
  };
}

function addCost(costs: Tally['costs'], metrics: ChatMetrics | undefined): Tally['costs'] {
  const { cost = 0, currency = '' } = metrics ?? {};
  return cost === 0 ? costs : { ...costs, [currency]: (costs[currency] ?? 0) + cost };
}

/** What `/stats` shows: pairs of a name and a value; `window` in tokens, `turns` those of the conversation. */
export function describeStats(
  tally: Tally,
  facts: { readonly model: string; readonly turns: number; readonly window: number | undefined },
): (readonly [string, string])[] {
  const { promptTokens, completionTokens, timedTokens, writingMs, loadMs, totalMs, costs, used } = tally;
  const rows: (readonly [string, string])[] = [
    ['model', facts.model],
    ['turns', String(facts.turns)],
    ['answers', String(tally.answers)],
    ['tokens read', formatCount(promptTokens)],
    ['tokens written', formatCount(completionTokens)],
  ];
  if (writingMs > 0) {
    const speed = timedTokens / (writingMs / 1000);
    rows.push(['speed', `${speed < 9.95 ? speed.toFixed(1) : Math.round(speed)} tokens a second`]);
  }
  rows.push(['time', formatSeconds(totalMs / 1000)]);
  if (loadMs >= 1000) rows.push(['of it loading', formatSeconds(loadMs / 1000)]);
  const cost = Object.entries(costs).map(([currency, amount]) => formatCost(amount, currency));
  if (cost.length > 0) rows.push(['cost', cost.join(', ')]);
  if (used !== undefined) {
    const held = Math.min(used, facts.window ?? Infinity);
    const share = facts.window === undefined ? '' : ` (${Math.round((held / facts.window) * 100)} %)`;
    const limit = facts.window === undefined ? '' : ` of ${formatCount(facts.window)}`;
    rows.push(['context', `${tally.isEstimate ? 'about ' : ''}${formatCount(held)}${limit}${share}`]);
  }
  return rows;
}
