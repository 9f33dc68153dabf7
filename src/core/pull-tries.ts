import type { OllamaError } from './errors.js';
import type { OllamaPullEvent } from './pull-events.js';
import { judgeFailure, lastFailure, type PassingFailure } from './pull-retry.js';
import { backoffMs, type RetryPolicy } from './retry.js';

/** So often is tried what is gone after it was there: over a minute, which a restart, or a lost Wi-Fi, takes. */
const GONE_TRIES = 10;
/** What a server says of a registry that it can't reach. */
const AWAY = /connection refused|no such host|no route to host|network is unreachable/i;
/** A pull may wait so many times as long as a single question for its next try: 30 s unless configured. */
const PATIENCE = 6;

/** The tries of one pull, and what they brought. */
export interface PullTries {
  /** Takes note of what the server told. */
  hear(event: OllamaPullEvent): void;
  /** True once the server has spoken. */
  hasBegun(): boolean;
  /** What follows a try that failed: the `Retry` to wait for, or the `Error` that ends the pull. */
  next(error: OllamaError): OllamaPullEvent & { type: 'Retry' | 'Error' };
}

/**
 * Counts the tries of a pull. `retries` is how often it is repeated at most; without it as long as each try brings
 * bytes, plus `policy.attempts` tries in a row that bring none (1: it is never repeated), a layer with a wrong digest
 * once, and a server that is gone after it had spoken, or a registry after bytes had come, ten times. `random` is in [0, 1).
 */
export function countTries(
  policy: RetryPolicy,
  { retries, begun = false }: { readonly retries?: number | undefined; readonly begun?: boolean | undefined },
  random: () => number,
): PullTries {
  const patient = { ...policy, max_delay: policy.max_delay * PATIENCE };
  /** The most bytes of each layer that the server ever told of. */
  const marks = new Map<string, number>();
  const wrong = new Set<string>();
  let hasBegun = begun;
  let tries = 0;
  let before = 0;
  // In a row, each.
  let fruitless = 0;
  let gone = 0;
  let last: OllamaError | undefined;

  const sum = (): number => [...marks.values()].reduce((total, bytes) => total + bytes, 0);

  const count = (error: OllamaError, isServerGone: boolean, isGone: boolean): void => {
    tries += 1;
    // A server that is gone after it broke off is the same failure to the person: the transfer did not finish.
    last = isServerGone ? (last ?? error) : error;
    if (isGone) {
      gone += 1;
      return;
    }
    gone = 0;
    fruitless = sum() > before ? 0 : fruitless + 1;
  };

  const mayRepeat = ({ kind, digest = '' }: PassingFailure, isGone: boolean): boolean => {
    if (kind === 'digest' && wrong.has(digest)) return false;
    if (retries !== undefined) return tries <= retries;
    if (policy.attempts === 1) return false;
    if (kind === 'digest') return true;
    return isGone ? gone < GONE_TRIES : fruitless < policy.attempts;
  };

  return {
    hear: (event) => {
      hasBegun = true;
      if (event.type !== 'ChunkProgress') return;
      marks.set(event.digest, Math.max(marks.get(event.digest) ?? 0, event.completed ?? 0));
    },
    hasBegun: () => hasBegun,
    next: (error) => {
      const isServerGone = error.code === 'unreachable' || error.code === 'timeout';
      const isAway = error.code === 'registry_unreachable' && AWAY.test(error.message) && sum() > 0;
      const isGone = isServerGone || isAway;
      count(error, isServerGone, isGone);
      const passing = judgeFailure(error, hasBegun);
      if (passing === undefined) return { type: 'Error', message: error.message, error };
      const asked = error.retryAfterMs ?? 0;
      if (!mayRepeat(passing, isGone) || asked > patient.max_delay * 2) {
        const spent = lastFailure(last ?? error, tries);
        return { type: 'Error', message: spent.message, error: spent };
      }
      if (passing.kind === 'digest') {
        // The server has thrown the layer away: its bytes count anew.
        marks.delete(passing.digest ?? '');
        wrong.add(passing.digest ?? '');
      }
      before = sum();
      const delayMs = Math.max(asked, backoffMs(patient, 1 + Math.max(1, fruitless + gone), random()));
      return { type: 'Retry', attempt: tries + 1, delayMs, ...passing };
    },
  };
}
