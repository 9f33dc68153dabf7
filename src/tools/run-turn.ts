import { answerMessage, chatRequest, reduceChat, startAnswer } from '../core/chat.js';
import type { AnswerState, ChatEvent, ChatRequest, Conversation } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { relay } from '../core/time-limit.js';
import type { ChatMessage, ToolCall } from '../core/wire.js';
import type { Approve, Toolbox } from './toolbox.js';
import type { ToolResult, TurnEvent } from './turn.js';

/** What a turn asks of a server; `OllamaClient` is one. */
export interface TurnClient {
  /** The last event is `done` or `error`; never throws. */
  chatBatches(
    request: ChatRequest,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<readonly ChatEvent[]>;
}

/** How a turn is taken. */
export interface TurnOptions {
  /** Its functions are offered, besides the conversation's own; without one a call just ends the turn. */
  readonly toolbox?: Toolbox | undefined;
  /** Asked before each call; without it none happens. */
  readonly approve?: Approve | undefined;
  readonly signal: AbortSignal;
  /** Lets the server cut the beginning of a conversation that outgrows the window. */
  readonly truncate?: boolean | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
}

/** What a turn leaves. */
export interface TurnOutcome {
  /** To append to the conversation: answers with their calls, each followed by the results; empty if nothing came. */
  readonly messages: readonly ChatMessage[];
  /** The last answer, whole or not. */
  readonly answer: AnswerState;
}

/** The most answers with calls in one turn: a model that goes round in circles ends. */
export const MOST_ROUNDS = 20;

const TOO_MANY = `Not called: ${MOST_ROUNDS} rounds of calls are the most in one turn. Answer with what is known.`;
type Verdict = Awaited<ReturnType<Approve>>;
const NOBODY: Verdict = { allowed: false, why: 'nobody can allow this call.' };
const STOPPED = 'Not called: the person stopped the turn.';

/**
 * Asks for an answer, calls the functions that the model asks for, and asks again until an answer has no calls. Yields
 * what comes in batches; the last event is `done` or `error`. Never throws.
 */
export async function* runTurn(
  client: TurnClient,
  conversation: Conversation,
  options: TurnOptions,
): AsyncGenerator<readonly TurnEvent[], TurnOutcome, undefined> {
  const stop = relay(options.signal);
  try {
    return yield* takeRounds(client, conversation, { ...options, signal: stop.signal }, () => {
      stop.abort('interrupted');
    });
  } finally {
    stop.release();
  }
}

async function* takeRounds(
  client: TurnClient,
  conversation: Conversation,
  options: TurnOptions,
  stop: () => void,
): AsyncGenerator<readonly TurnEvent[], TurnOutcome, undefined> {
  const { toolbox, signal } = options;
  const now = options.now ?? Date.now;
  const messages: ChatMessage[] = [];
  for (let round = 1; ; round++) {
    const isLast = round > MOST_ROUNDS + 1;
    const request = requestOf(conversation, messages, { ...options, offersTools: !isLast });
    let answer = startAnswer(now());
    for await (const events of client.chatBatches(request, { signal })) {
      for (const event of events) answer = reduceChat(answer, event, now());
      yield events;
    }
    if (answer.phase !== 'done') {
      // Calls of an answer that broke off got no result, and a model that is told of them waits for one.
      if (answer.content.trim() !== '') messages.push(answerMessage({ ...answer, toolCalls: [] }));
      return { messages, answer };
    }
    messages.push(answerMessage(answer));
    if (toolbox === undefined || answer.toolCalls.length === 0 || isLast) return { messages, answer };
    for (const call of answer.toolCalls) {
      const result =
        round > MOST_ROUNDS ? refuse(TOO_MANY) : await callApproved(call, toolbox, { ...options, now }, stop);
      messages.push(resultMessage(call, result));
      yield [{ type: 'tool_result', call, result }];
    }
    if (signal.aborted) {
      const error = new OllamaError('interrupted', 'Interrupted.', { model: conversation.model });
      yield [{ type: 'error', error }];
      return { messages, answer: reduceChat(startAnswer(now()), { type: 'error', error }, now()) };
    }
  }
}

function requestOf(
  conversation: Conversation,
  more: readonly ChatMessage[],
  { toolbox, truncate, offersTools }: TurnOptions & { readonly offersTools: boolean },
): ChatRequest {
  const { messages, tools } = conversation;
  const offered = new Map(
    [...tools, ...(toolbox?.definitions ?? [])].map((tool) => [tool.function.name, tool]),
  );
  const request = chatRequest({
    ...conversation,
    messages: more.length === 0 ? messages : [...messages, ...more],
    tools: offersTools ? [...offered.values()] : [],
  });
  return truncate === true ? { ...request, truncate: true, shift: true } : request;
}

async function callApproved(
  call: ToolCall,
  toolbox: Toolbox,
  { approve, signal, now }: TurnOptions & { readonly now: () => number },
  stop: () => void,
): Promise<ToolResult> {
  if (signal.aborted) return refuse(STOPPED);
  const { name } = call.function;
  if (toolbox.describe(name) === undefined) {
    const names = toolbox.definitions.map((tool) => tool.function.name).join(', ');
    return refuse(`There is no function ${JSON.stringify(name)}. There are: ${names}.`);
  }
  const asked: Promise<Verdict> = approve?.(call, signal) ?? Promise.resolve(NOBODY);
  const verdict = await untilAborted(asked, signal, () => NOBODY);
  if (!verdict.allowed && verdict.stops === true) stop();
  if (signal.aborted) return refuse(STOPPED);
  if (!verdict.allowed) return refuse(`Not called: ${verdict.why}`);
  const startedAt = now();
  // A toolbox ends a call that is aborted; one whose server does not listen must not hold the person up.
  return await untilAborted(toolbox.call(call, signal), signal, () => ({
    text: 'Stopped by the person before it ended.',
    isError: true,
    ms: now() - startedAt,
  }));
}

function refuse(text: string): ToolResult {
  return { text, isError: true, ms: 0 };
}

async function untilAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
  instead: () => Value,
): Promise<Value> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<Value>((resolve) => {
    stop = () => resolve(instead());
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The message that tells a model what its call came to. */
export function resultMessage(call: ToolCall, { text }: ToolResult): ChatMessage {
  return {
    role: 'tool',
    tool_name: call.function.name,
    ...(call.id === undefined ? {} : { tool_call_id: call.id }),
    content: text,
  };
}
