import { OllamaError, isOllamaError } from './errors.js';
import { takeValue } from './ndjson.js';
import type { Http, Timeouts } from './http.js';
import { interruption, timeLimit } from './time-limit.js';
import { named } from './wire.js';
import { pullError, pullEventsFromValue, pullFailure, type OllamaPullEvent } from './pull-events.js';
import { countTries, type PullTries } from './pull-tries.js';
import { DEFAULT_STALL_MS, watchPull } from './pull-watch.js';
import { sleep, type RetryPolicy } from './retry.js';

/** How a pull is asked for. */
export interface PullOptions {
  readonly signal?: AbortSignal | undefined;
  /** Has the server fetch over plain HTTP. */
  readonly insecure?: boolean | undefined;
  /** After so long without a byte the server is asked again, 45,000 by default; 0 waits for ever. In milliseconds. */
  readonly stallMs?: number | undefined;
  /** How often it is asked again at most; without it as long as each try brings bytes. */
  readonly retries?: number | undefined;
  /** How long all of it may take in milliseconds, whatever the client's `timeouts.pull` says; 0 for as long as it needs. */
  readonly limitMs?: number | undefined;
  /** True where the server has spoken to this program before: one that is gone now is waited for. */
  readonly begun?: boolean | undefined;
}

interface PullSettings {
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
}

/** A try of which nothing came at all for this long is given up: the server answers "pulling manifest" at once. */
const FIRST_EVENT_MS = 20_000;
/**
 * Pulls a model. Never throws: `Success` or `Error` is the last event. What may pass is asked for again, and the
 * server goes on where it was: a connection that breaks, a standstill, a registry or a server that fails, once a layer
 * whose digest is wrong. Without `retries` that goes on as long as it brings bytes, plus `retry.attempts` tries in a
 * row that bring none; 1 there never repeats. Verifying may take as long as it needs.
 */
export async function* streamPull(
  http: Http,
  settings: PullSettings,
  model: string,
  options: PullOptions,
): AsyncGenerator<OllamaPullEvent, void, undefined> {
  const limitMs = options.limitMs === 0 ? undefined : (options.limitMs ?? settings.timeouts.pull);
  const bound = timeLimit(
    options.signal,
    limitMs,
    () =>
      new OllamaError('timeout', `The pull of ${model} took longer than ${(limitMs ?? 0) / 1000} s.`, {
        host: http.host.url,
        model,
      }),
  );
  const tries = countTries(settings.retry, options, Math.random);
  try {
    for (;;) {
      const failure = yield* attemptPull(http, settings, model, { ...options, signal: bound.signal }, tries);
      if (failure === undefined) return;
      const isFinal = failure.isFinal === true || bound.signal?.aborted === true;
      const next = isFinal ? pullFailure(failure.error) : tries.next(failure.error);
      yield next;
      if (next.type !== 'Retry') return;
      await sleep(next.delayMs, bound.signal);
    }
  } catch (error) {
    yield pullFailure(asError(error, http, model, bound.signal));
  } finally {
    bound.stop();
  }
}

interface Failure {
  readonly error: OllamaError;
  /** True where the limit was the caller's own. */
  readonly isFinal?: boolean;
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
  { timeouts }: PullSettings,
  model: string,
  { signal, insecure, stallMs = DEFAULT_STALL_MS }: PullOptions,
  tries: PullTries,
): AsyncGenerator<OllamaPullEvent, Failure | undefined, undefined> {
  const facts = { host: http.host.url, model };
  const silent = (what: string, ms: number): OllamaError =>
    new OllamaError('stalled', `${facts.host} has sent ${what} for ${ms / 1000} s.`, facts);
  const first = timeLimit(signal, FIRST_EVENT_MS, () => silent('nothing', FIRST_EVENT_MS));
  const watch = watchPull(stallMs);
  const beatMs = Math.min(watch.beatMs, timeouts.silence ?? watch.beatMs);
  try {
    const call = {
      method: 'POST',
      path: '/api/pull',
      body: { ...named(model), stream: true, ...(insecure === true ? { insecure } : {}) },
      model,
      signal: first.signal,
    } as const;
    let silentMs = 0;
    let before = performance.now();
    for await (const values of http.stream(call, takeValue, beatMs)) {
      const now = performance.now();
      // Of a program that was stopped, or a machine that slept, no more than a beat counts.
      watch.pass(values.length === 0 ? beatMs : Math.min(beatMs, now - before));
      before = now;
      silentMs = values.length === 0 ? silentMs + beatMs : 0;
      if (timeouts.silence !== undefined && silentMs >= timeouts.silence) {
        return { error: silent('nothing', silentMs), isFinal: true };
      }
      if (values.length > 0) first.lift();
      for (const value of values) {
        for (const event of pullEventsFromValue(value)) {
          if (event.type === 'Error') return { error: pullError(event.message, facts) };
          watch.hear(event);
          tries.hear(event);
          yield event;
          if (event.type === 'Success') return undefined;
        }
      }
      // The very first answer has a limit of its own.
      if (tries.hasBegun() && watch.isOver()) return { error: silent('no new byte', stallMs) };
      const stall = watch.due();
      if (stall !== undefined) yield stall;
    }
    return {
      error: new OllamaError(
        'stream_cut',
        `The server at ${facts.host} ended the pull of ${model} without "success".`,
        facts,
      ),
    };
  } catch (error) {
    return { error: asError(error, http, model, first.signal) };
  } finally {
    first.stop();
  }
}
