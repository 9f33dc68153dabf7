import { OllamaError, isOllamaError } from '../core/errors.js';
import { sleep } from '../core/retry.js';
import type { RunningModel } from '../core/wire.js';

/** One look at what a server has in memory, or that it gave no answer, and since when (milliseconds since the epoch). */
export type Look =
  { readonly models: readonly RunningModel[] } | { readonly error: OllamaError; readonly since: number };

/** What the watch asks; `OllamaClient` is one. */
export interface RunningClient {
  running(options: { signal: AbortSignal }): Promise<RunningModel[]>;
}

/**
 * Looks again and again, `everyMs` apart, until the signal is aborted; a server that is gone is asked on. Throws only
 * if the first look fails.
 */
export async function* watchRunning(
  client: RunningClient,
  { everyMs, signal, now }: { everyMs: number; signal: AbortSignal; now: () => number },
): AsyncGenerator<Look, void, undefined> {
  yield { models: await client.running({ signal }) };
  let since: number | undefined;
  while (!signal.aborted) {
    try {
      await sleep(everyMs, signal);
      const models = await client.running({ signal });
      since = undefined;
      yield { models };
    } catch (thrown) {
      if (signal.aborted) return;
      since ??= now();
      const error = isOllamaError(thrown) ? thrown : new OllamaError('internal', String(thrown));
      yield { error, since };
    }
  }
}
