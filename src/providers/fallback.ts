import type { ChatEvent, ChatRequest } from '../core/chat.js';
import { OllamaError, isOllamaError, type ErrorCode } from '../core/errors.js';
import { timeLimit } from '../core/time-limit.js';
import type { Circuit, CircuitTry } from './circuit.js';
import {
  describeError,
  describeFailures,
  isKnownToFail,
  isLast,
  planSteps,
  sumFailures,
  type Failure,
  type Step,
} from './fallback-steps.js';
import type { Provider, ProviderCall } from './provider.js';

/** How those of a chain are asked, one after the other. */
export interface FallbackOptions {
  /** To a first token where another stands behind, in milliseconds; loading a model counts. No limit without it. */
  readonly firstTokenMs?: number | undefined;
  /** Who is passed over because it failed of late; without one nobody is. */
  readonly circuit?: Circuit | undefined;
  /** The one by whose own names a request names its model; without it, those that speak Ollama's API. */
  readonly named?: string | undefined;
  /** Whether a model may be asked at all; throws `not_allowed`. */
  readonly checkAllowed?: ((model: string) => void) | undefined;
}

/** Several providers as one that answers. */
export interface Fallback {
  /**
   * One answer, of the first that gives one. A `provider` event tells of each that is asked in place of another, before
   * its first token. The last event is `done` or `error`; never throws.
   */
  chatBatches(
    request: ChatRequest,
    call?: Pick<ProviderCall, 'signal' | 'onToken'>,
  ): AsyncGenerator<readonly ChatEvent[], void, undefined>;
}

/** What the next one may do better: all that is not about the request, or the person's word. */
const FALLS_BACK: readonly ErrorCode[] = [
  ...(['unreachable', 'timeout', 'tls', 'stalled', 'stream_cut', 'protocol', 'internal'] as const),
  ...(['unauthorized', 'model_not_found', 'config'] as const),
];

/** Statuses below 500 that are about the provider and not about the request: no money, no such route, no time, too much. */
const ITS_OWN: readonly number[] = [402, 404, 405, 408, 410, 429];

/** Whether another provider is to be asked where one failed with this before its first token. */
export function fallsBack({ code, status }: OllamaError): boolean {
  if (code === 'server_error') return status === undefined || status >= 500 || ITS_OWN.includes(status);
  return FALLS_BACK.includes(code);
}

/**
 * Makes several providers one: the first is asked; where it can't be reached, fails, is late with its first token or
 * lacks the model, the next one is. One object serves one conversation: the answer to what a function gave comes from
 * whoever called it.
 */
export function openFallback(chain: readonly Provider[], options: FallbackOptions = {}): Fallback {
  let answered: Step | undefined;
  return {
    async *chatBatches(request, { signal, onToken } = {}) {
      const calls = request.messages.at(-1)?.role === 'tool' ? answered : undefined;
      const { steps, passedOver } = planSteps(chain, request.model, calls, options);
      const failures: Failure[] = [...passedOver];
      let untold = [...failures];
      for (const [index, step] of steps.entries()) {
        const { provider, model } = step;
        const { name } = provider.info;
        if (isKnownToFail(failures.at(-1), name)) continue;
        let error = index === 0 ? undefined : refuse(model, options);
        if (error === undefined) {
          // Whoever called a function was told of when it did.
          if ((index > 0 || untold.length > 0) && step !== calls) {
            yield [tellStep(step, describeFailures(untold))];
            untold = [];
          }
          error = yield* ask(step, request, {
            signal,
            onToken,
            limitMs: isLast(steps, index) ? undefined : options.firstTokenMs,
            attempt: options.circuit?.begin(name),
            begin: () => (answered = step),
          });
          if (error === undefined) return;
          if (chain.length === 1 || signal?.aborted === true || !fallsBack(error)) {
            yield [{ type: 'error', error }];
            return;
          }
        }
        const failure = { name, error, why: describeError(error, model) };
        failures.push(failure);
        untold.push(failure);
      }
      yield [{ type: 'error', error: sumFailures(failures, request.model) }];
    },
  };
}

function refuse(model: string, { checkAllowed }: FallbackOptions): OllamaError | undefined {
  try {
    checkAllowed?.(model);
    return undefined;
  } catch (error) {
    if (isOllamaError(error)) return error;
    throw error;
  }
}

function tellStep({ provider, model }: Step, reasons: readonly string[]): ChatEvent {
  return { type: 'provider', name: provider.info.name, model, reason: reasons.join('; ') };
}

/** How one is asked. */
interface Asking {
  readonly signal: AbortSignal | undefined;
  readonly onToken: ProviderCall['onToken'];
  readonly limitMs: number | undefined;
  readonly attempt: CircuitTry | undefined;
  /** It answers. */
  begin(): void;
}

const ANSWERS: readonly ChatEvent['type'][] = ['token', 'thinking', 'tool_call', 'done'];

/** Asks one; returns what it failed with before its first token, undefined where it answered, whole or not. */
async function* ask(
  { provider, model }: Step,
  request: ChatRequest,
  { signal, onToken, limitMs, attempt, begin }: Asking,
): AsyncGenerator<readonly ChatEvent[], OllamaError | undefined, undefined> {
  const { name, base_url: host } = provider.info;
  const late = new OllamaError('timeout', `It gave no token within ${(limitMs ?? 0) / 1000} s.`, {
    host,
    model,
  });
  const limit = timeLimit(signal, limitMs, () => late);
  let hasBegun = false;
  // The first one ends the wait for it, and comes as an event.
  const take = onToken && ((text: string): boolean => hasBegun && onToken(text));
  const failWith = (error: OllamaError): OllamaError => {
    // A provider may tell its abortion in words of its own.
    const failure = limit.signal?.reason === late ? late : error;
    if (failure.code === 'model_not_found') attempt?.succeed();
    else if (fallsBack(failure) && signal?.aborted !== true) attempt?.fail(failure);
    return failure;
  };
  try {
    for await (const events of provider.chatBatches(
      { ...request, model },
      { signal: limit.signal, onToken: take },
    )) {
      if (!hasBegun) {
        hasBegun = events.some(({ type }) => ANSWERS.includes(type));
        const last = events.at(-1);
        if (!hasBegun && last?.type === 'error') return failWith(last.error);
        if (hasBegun) {
          limit.lift();
          attempt?.succeed();
          begin();
        }
      }
      yield events;
    }
    if (hasBegun) return undefined;
    return failWith(
      new OllamaError('stream_cut', `${name} ended the answer before it began.`, { host, model }),
    );
  } catch (thrown) {
    const error = isOllamaError(thrown)
      ? thrown
      : new OllamaError('internal', `Something unforeseen happened: ${String(thrown)}`, { cause: thrown });
    if (!hasBegun) return failWith(error);
    yield [{ type: 'error', error }];
    return undefined;
  } finally {
    attempt?.leave();
    limit.stop();
  }
}
