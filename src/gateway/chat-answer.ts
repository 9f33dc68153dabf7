import type { ChatEvent, ChatMetrics } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import type { ToolCall } from '../core/wire.js';

/** Words of most languages that models are asked in have about so many tokens. */
const TOKENS_A_WORD = 1.3;

/** How many tokens a text has, about: for a provider that does not tell. */
export function estimateTokens(text: string): number {
  const words = text.match(/\S+/g)?.length ?? 0;
  return Math.round(words * TOKENS_A_WORD);
}

/** Gathers an answer from its events. */
export interface Gathered {
  take(event: ChatEvent): void;
  /** Who answers, as far as it is known, and the model that does. */
  readonly provider: string;
  readonly model: string;
  /** True once something of the answer has come. */
  readonly hasBegun: boolean;
  readonly isDone: boolean;
  /** What it failed with. */
  readonly error: OllamaError | undefined;
  /** The whole of it, as a caller is told. */
  describe(): object;
}

/** An answer of which nothing has come: `provider` is asked first, for `model`, which the caller named unless said. */
export function gatherAnswer(
  provider: string,
  model: string,
  { isNamed = true }: { readonly isNamed?: boolean } = {},
): Gathered {
  let content = '';
  let thinking = '';
  let error: OllamaError | undefined;
  let metrics: ChatMetrics | undefined;
  let reason: string | undefined;
  const calls: ToolCall[] = [];
  const steps: { name: string; reason: string }[] = [];
  return {
    get provider() {
      return provider;
    },
    get model() {
      return model;
    },
    get hasBegun() {
      return content !== '' || thinking !== '' || calls.length > 0 || metrics !== undefined;
    },
    get isDone() {
      return metrics !== undefined;
    },
    get error() {
      return error;
    },
    take(event) {
      switch (event.type) {
        case 'token':
          content += event.text;
          break;
        case 'thinking':
          thinking += event.text;
          break;
        case 'tool_call':
          calls.push(event.call);
          break;
        case 'provider':
          ({ name: provider, model } = event);
          steps.push({ name: event.name, reason: event.reason });
          break;
        case 'done':
          ({ reason, metrics } = event);
          break;
        case 'error':
          error = isNamed ? event.error : withNames(event.error);
      }
    },
    describe: () => ({
      message: {
        role: 'assistant',
        content,
        ...(thinking === '' ? {} : { thinking }),
        ...(calls.length === 0 ? {} : { tool_calls: calls }),
      },
      response: content,
      provider,
      model,
      ...(reason === undefined ? {} : { done_reason: reason }),
      ...describeUse(metrics, content),
      ...(steps.length === 0 ? {} : { fallback: steps }),
    }),
  };
}

/** Whoever named no model did not ask for the one that is missing, and need not pull it. */
function withNames(error: OllamaError): OllamaError {
  if (error.code !== 'model_not_found' || error.provider !== undefined) return error;
  const hint = 'Name a model: GET /api/providers/ollama/models lists them.';
  return new OllamaError(error.code, error.message, { ...error, hint, cause: error });
}

function describeUse(metrics: ChatMetrics | undefined, content: string): object {
  if (metrics === undefined || metrics.total_tokens === 0) {
    return { tokens_used: estimateTokens(content), tokens_estimated: true };
  }
  const { prompt_tokens, completion_tokens, total_tokens, cost, currency } = metrics;
  return {
    usage: { prompt_tokens, completion_tokens, total_tokens },
    tokens_used: total_tokens,
    tokens_estimated: false,
    ...(cost === undefined ? {} : { cost }),
    ...(currency === undefined ? {} : { currency }),
  };
}
