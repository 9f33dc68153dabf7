import type { Context } from '../context.js';
import type { OllamaError } from '../core/errors.js';
import { retryDelayMs, sleep } from '../core/retry.js';
import { interruption } from '../core/time-limit.js';

/** Waits before a busy server is asked again; resolves with whether it is to be. Throws `interrupted`. */
export type Patience = (error: OllamaError) => Promise<boolean>;

/** A queue that is full; what comes before anything was answered is safe to ask again. Source: Ollama's server/sched.go. */
const BUSY = 503;

/**
 * The patience with one question: as many tries in all as the setting `retry` has, with its waits between them. `tell` is
 * told once that there is a wait.
 */
export function openPatience(
  { client, settings }: Pick<Context, 'client' | 'settings'>,
  signal: AbortSignal,
  tell?: () => Promise<void>,
): Patience {
  const { retry } = settings;
  let attempt = 1;
  return async ({ status, retryAfterMs }) => {
    if (status !== BUSY || attempt >= retry.attempts) return false;
    const delay = retryDelayMs(retry, ++attempt, retryAfterMs);
    if (delay === undefined) return false;
    if (attempt === 2) await tell?.();
    try {
      await sleep(delay, signal);
    } catch {
      throw interruption(signal.reason, client.host);
    }
    return true;
  };
}
