import { setMaxListeners } from 'node:events';
import { OllamaError, isOllamaError } from './errors.js';
import type { HostAddress } from './url.js';

/** A signal of its own that another one aborts too. */
export interface Relay {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of the outer signal, which may live long and must not gather listeners. */
  release(): void;
}

/** Lets as many listen as want to, each of which lets go again: Node takes more than ten for a leak, and says so on stderr. */
export function allowListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

/** Makes a signal that `outer` aborts. Not AbortSignal.any: on Node 20 its signals can be collected before they tell. */
export function relay(outer: AbortSignal | undefined): Relay {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(outer?.reason);
  if (outer?.aborted) onAbort();
  else if (outer) {
    allowListeners(outer);
    outer.addEventListener('abort', onAbort, { once: true });
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => outer?.removeEventListener('abort', onAbort),
  };
}

/** A signal with a limit. */
export interface Bound {
  readonly signal: AbortSignal | undefined;
  /** Takes the limit off; `outer` still aborts. */
  lift(): void;
  /** Ends all of it. */
  stop(): void;
}

/** A signal that is aborted by `outer`, or after `ms` with the error of `makeError`. */
export function timeLimit(
  outer: AbortSignal | undefined,
  ms: number | undefined,
  makeError: () => OllamaError,
): Bound {
  if (ms === undefined) return { signal: outer, lift: () => undefined, stop: () => undefined };
  const { signal, abort, release } = relay(outer);
  const timer = setTimeout(() => abort(makeError()), ms);
  return {
    signal,
    lift: () => clearTimeout(timer),
    stop: () => {
      clearTimeout(timer);
      release();
    },
  };
}

/** The error for an aborted call: a typed reason as it is, one of `AbortSignal.timeout` as `timeout`, else `interrupted`. */
export function interruption(reason: unknown, host: HostAddress): OllamaError {
  if (isOllamaError(reason)) return reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    return new OllamaError('timeout', `${host.url} gave no answer in time.`, {
      host: host.url,
      cause: reason,
    });
  }
  return new OllamaError('interrupted', 'Interrupted.', { host: host.url, cause: reason });
}
