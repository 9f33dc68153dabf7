import { OllamaError, isOllamaError } from '../core/errors.js';
import { sleep } from '../core/retry.js';
import { timeLimit } from '../core/time-limit.js';
import type { RunningModel } from '../core/wire.js';

/** One look at what a server has in memory, or that it gave no answer, and since when (milliseconds since the epoch). */
export type Look =
  { readonly models: readonly RunningModel[] } | { readonly error: OllamaError; readonly since: number };

/** What the watch asks; `OllamaClient` is one. */
export interface RunningClient {
  running(options: { signal: AbortSignal }): Promise<RunningModel[]>;
}

/** How it is looked; times in milliseconds. */
export interface WatchOptions {
  readonly everyMs: number;
  /** After so long without an answer a server that was there counts as gone: 5,000 by default. */
  readonly limitMs?: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/**
 * Looks again and again, `everyMs` apart, until the signal is aborted; a server that is gone is asked on. Throws only
 * if the first look fails.
 */
export async function* watchRunning(
  client: RunningClient,
  { everyMs, limitMs = 5_000, signal, now }: WatchOptions,
): AsyncGenerator<Look, void, undefined> {
  yield { models: await client.running({ signal }) };
  let since: number | undefined;
  while (!signal.aborted) {
    let askedAt = now();
    try {
      await sleep(everyMs, signal);
      askedAt = now();
      const models = await lookWithin(client, limitMs, signal);
      since = undefined;
      yield { models };
    } catch (thrown) {
      if (signal.aborted) return;
      since ??= askedAt;
      const error = isOllamaError(thrown) ? thrown : new OllamaError('internal', String(thrown));
      yield { error, since };
    }
  }
}

async function lookWithin(
  client: RunningClient,
  limitMs: number,
  signal: AbortSignal,
): Promise<readonly RunningModel[]> {
  const tooLate = (): OllamaError => new OllamaError('timeout', `Nothing came within ${limitMs / 1000} s.`);
  const bound = timeLimit(signal, limitMs, tooLate);
  try {
    return await client.running({ signal: bound.signal ?? signal });
  } finally {
    bound.stop();
  }
}
