import type { OllamaError } from './errors.js';
import type { ChatMessage, ModelOptions, ToolCall, ToolDefinition } from './wire.js';

/** How much a model is to think: off, on, or a level where the model has levels. */
export type Think = boolean | 'low' | 'medium' | 'high' | 'max';

/** What a finished answer took. Times are milliseconds; the names are those of the JSON output. */
export interface ChatMetrics {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly tokens_per_second: number;
  readonly time_to_first_token_ms: number;
  readonly load_ms: number;
  readonly total_ms: number;
  /** What it cost, where that is configured; in `currency`. Nothing on one's own servers. */
  readonly cost?: number;
  readonly currency?: string;
}

/** What happens during an answer. `done` or `error` is the last event of a stream, always. */
export type ChatEvent =
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'token'; readonly text: string }
  | { readonly type: 'tool_call'; readonly call: ToolCall }
  /** From here on this provider answers, not the one that was asked before; before the first token only. */
  | { readonly type: 'provider'; readonly name: string; readonly model: string; readonly reason: string }
  | { readonly type: 'done'; readonly reason: string; readonly metrics: ChatMetrics }
  | { readonly type: 'error'; readonly error: OllamaError };

/** An answer folded from its events by `reduceChat`. What came stays, whatever happens after. */
export interface AnswerState {
  readonly content: string;
  readonly thinking: string;
  readonly toolCalls: readonly ToolCall[];
  readonly phase: 'waiting' | 'thinking' | 'answering' | 'done' | 'failed';
  readonly startedAt: number;
  /** When thinking began and ended, in milliseconds since the epoch. */
  readonly thinkingSince: number | undefined;
  readonly thinkingUntil: number | undefined;
  readonly tokens: number;
  readonly reason: string | undefined;
  readonly metrics: ChatMetrics | undefined;
  readonly error: OllamaError | undefined;
}

/** The answer of which nothing has come yet. `now` is in milliseconds since the epoch. */
export function startAnswer(now: number): AnswerState {
  return {
    content: '',
    thinking: '',
    toolCalls: [],
    phase: 'waiting',
    startedAt: now,
    thinkingSince: undefined,
    thinkingUntil: undefined,
    tokens: 0,
    reason: undefined,
    metrics: undefined,
    error: undefined,
  };
}

function endThinking(state: AnswerState, now: number): AnswerState {
  if (state.thinkingSince === undefined || state.thinkingUntil !== undefined) return state;
  return { ...state, thinkingUntil: now };
}

/** Folds one event into the answer. Pure; `now` is in milliseconds since the epoch. */
export function reduceChat(state: AnswerState, event: ChatEvent, now: number): AnswerState {
  switch (event.type) {
    case 'thinking':
      return {
        ...state,
        phase: 'thinking',
        thinking: state.thinking + event.text,
        thinkingSince: state.thinkingSince ?? now,
        thinkingUntil: undefined,
        tokens: state.tokens + 1,
      };
    case 'token':
      return {
        ...endThinking(state, now),
        phase: 'answering',
        content: state.content + event.text,
        tokens: state.tokens + 1,
      };
    case 'tool_call':
      return { ...endThinking(state, now), phase: 'answering', toolCalls: [...state.toolCalls, event.call] };
    case 'provider':
      return state;
    case 'done':
      return { ...endThinking(state, now), phase: 'done', reason: event.reason, metrics: event.metrics };
    case 'error':
      return { ...endThinking(state, now), phase: 'failed', error: event.error };
  }
}

/** The message that an answer leaves in the conversation. */
export function answerMessage(state: AnswerState): ChatMessage {
  return {
    role: 'assistant',
    content: state.content,
    ...(state.thinking === '' ? {} : { thinking: state.thinking }),
    ...(state.toolCalls.length === 0 ? {} : { tool_calls: [...state.toolCalls] }),
  };
}

/** A conversation with one model: what is sent again with each turn. */
export interface Conversation {
  readonly model: string;
  readonly system: string | undefined;
  readonly messages: readonly ChatMessage[];
  readonly options: ModelOptions;
  readonly think: Think | undefined;
  readonly format: unknown;
  readonly keepAlive: string | number | undefined;
  readonly tools: readonly ToolDefinition[];
}

/** A new conversation; everything but the model may be left out. */
export function startConversation(model: string, settings: Partial<Conversation> = {}): Conversation {
  return {
    system: undefined,
    messages: [],
    options: {},
    think: undefined,
    format: undefined,
    keepAlive: undefined,
    tools: [],
    ...settings,
    model,
  };
}

/** The conversation with one more message. */
export function withMessage(conversation: Conversation, message: ChatMessage): Conversation {
  return { ...conversation, messages: [...conversation.messages, message] };
}

/** The messages behind the system prompt: one message with a summary that is the first, for some templates take only one. */
function withSystem(system: string | undefined, messages: readonly ChatMessage[]): readonly ChatMessage[] {
  if (system === undefined) return messages;
  const [first, ...rest] = messages;
  return first?.role === 'system'
    ? [{ ...first, content: `${system}\n\n${first.content}` }, ...rest]
    : [{ role: 'system', content: system }, ...messages];
}

/** The body of a `/api/chat` request. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly options?: ModelOptions;
  readonly think?: Think;
  readonly format?: unknown;
  readonly keep_alive?: string | number;
  readonly tools?: readonly ToolDefinition[];
  readonly truncate?: boolean;
  readonly shift?: boolean;
}

/**
 * The request for the next answer. `truncate: false` and `shift: false` make a conversation that outgrows the
 * window an error: the default is to cut its beginning in silence. Older servers do not know them and ignore them.
 */
export function chatRequest(conversation: Conversation): ChatRequest {
  const { model, system, messages, options, think, format, keepAlive, tools } = conversation;
  return {
    model,
    messages: withSystem(system, messages),
    truncate: false,
    shift: false,
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(think === undefined ? {} : { think }),
    ...(format === undefined ? {} : { format }),
    ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }),
    ...(tools.length === 0 ? {} : { tools }),
  };
}
