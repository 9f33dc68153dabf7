import { OllamaError, isOllamaError } from './errors.js';
import { takeValue } from './ndjson.js';
import type { Http, Timeouts } from './http.js';
import { cutReason } from './http-errors.js';
import { interruption, timeLimit } from './time-limit.js';
import { named } from './wire.js';
import { pullError, pullEventsFromValue, pullFailure, type OllamaPullEvent } from './pull-events.js';
import { backoffMs, sleep, type RetryPolicy } from './retry.js';

/** How a pull is asked for. */
export interface PullOptions {
  readonly signal?: AbortSignal | undefined;
  /** Has the server fetch over plain HTTP. */
  readonly insecure?: boolean | undefined;
}

interface PullSettings {
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
}

/** Silence is reported after this long, and again each time it has lasted as long. In milliseconds. */
const HEARTBEAT_MS = 5_000;
const FIRST_STALL_MS = 10_000;
/** A pull of which nothing came at all for this long is given up: the server answers "pulling manifest" at once. */
const FIRST_EVENT_MS = 20_000;

/**
 * Pulls a model. Never throws: `Success` or `Error` is the last event. A connection that is cut, and a stream that
 * ends without its end, are asked for again: the server goes on where it was. Silence is reported, not limited,
 * unless `timeouts.silence` says so: verifying a large model sends nothing for minutes.
 */
export async function* streamPull(
  http: Http,
  settings: PullSettings,
  model: string,
  { signal, insecure }: PullOptions,
): AsyncGenerator<OllamaPullEvent, void, undefined> {
  const limitMs = settings.timeouts.pull;
  const bound = timeLimit(
    signal,
    limitMs,
    () =>
      new OllamaError('timeout', `The pull of ${model} took longer than ${(limitMs ?? 0) / 1000} s.`, {
        host: http.host.url,
        model,
      }),
  );
  try {
    let cut: OllamaError | undefined;
    for (let attempt = 1; ; attempt++) {
      const failure = yield* attemptPull(http, settings, model, { signal: bound.signal, insecure });
      if (failure === undefined) return;
      const again = isPassing(failure) || (cut !== undefined && failure.code === 'unreachable');
      if (!again || attempt >= settings.retry.attempts || bound.signal?.aborted === true) {
        // A server that is gone after it broke off is the same failure to the person: the transfer did not finish.
        yield pullFailure(failure.code === 'unreachable' ? (cut ?? failure) : failure);
        return;
      }
      cut = failure.code === 'unreachable' ? cut : failure;
      const delayMs = backoffMs(settings.retry, attempt + 1, Math.random());
      yield {
        type: 'Retry',
        attempt: attempt + 1,
        reason: failure.cause === undefined ? failure.message : cutReason(failure.cause),
        delayMs,
      };
      await sleep(delayMs, bound.signal);
    }
  } catch (error) {
    yield pullFailure(asError(error, http, model, bound.signal));
  } finally {
    bound.stop();
  }
}

function isPassing(error: OllamaError): boolean {
  return error.code === 'stream_cut';
}

function asError(
  error: unknown,
  { host }: Http,
  model: string,
  signal: AbortSignal | undefined,
): OllamaError {
  if (isOllamaError(error)) return error;
  if (signal?.aborted) return interruption(signal.reason, host);
  return new OllamaError('internal', String(error), { host: host.url, model, cause: error });
}

/** One request. Returns the failure, or undefined after `Success`; its failure is not yet an event. */
async function* attemptPull(
  http: Http,
  settings: PullSettings,
  model: string,
  { signal, insecure }: PullOptions,
): AsyncGenerator<OllamaPullEvent, OllamaError | undefined, undefined> {
  const facts = { host: http.host.url, model };
  const heartbeatMs = Math.min(HEARTBEAT_MS, settings.timeouts.silence ?? HEARTBEAT_MS);
  let heard = false;
  const first = timeLimit(
    signal,
    FIRST_EVENT_MS,
    () => new OllamaError('stalled', `${facts.host} has sent nothing for ${FIRST_EVENT_MS / 1000} s.`, facts),
  );
  try {
    const call = {
      method: 'POST',
      path: '/api/pull',
      body: { ...named(model), stream: true, ...(insecure === true ? { insecure } : {}) },
      model,
      signal: first.signal,
      repeatable: true,
    } as const;
    let silentMs = 0;
    let digest: string | undefined;
    for await (const values of http.stream(call, takeValue, heartbeatMs)) {
      if (values.length === 0) {
        silentMs += heartbeatMs;
        if (settings.timeouts.silence !== undefined && silentMs >= settings.timeouts.silence) {
          return new OllamaError(
            'stalled',
            `${facts.host} has sent nothing for ${silentMs / 1000} s.`,
            facts,
          );
        }
        if (silentMs >= FIRST_STALL_MS)
          yield { type: 'Stall', silentMs, ...(digest === undefined ? {} : { digest }) };
        continue;
      }
      silentMs = 0;
      if (!heard) first.lift();
      heard = true;
      for (const value of values) {
        for (const event of pullEventsFromValue(value)) {
          if (event.type === 'Error') return pullError(event.message, facts);
          if (event.type === 'ChunkProgress') digest = event.digest;
          yield event;
          if (event.type === 'Success') return undefined;
        }
      }
    }
    return new OllamaError(
      'stream_cut',
      `The server at ${facts.host} ended the pull of ${model} without "success".`,
      facts,
    );
  } catch (error) {
    return asError(error, http, model, first.signal);
  } finally {
    first.stop();
  }
}
