import type { Context } from '../context.js';
import {
  chatRequest,
  reduceChat,
  startAnswer,
  startConversation,
  type ChatEvent,
  type Conversation,
} from '../core/chat.js';
import { countPreface, findTurns, spliceMessages } from '../core/conversation.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { estimateMessages, estimateTokens, findWindow, loadedWindow } from '../core/window.js';
import type { ChatMessage } from '../core/wire.js';
import type { TurnClient } from '../tools/run-turn.js';

/** A conversation whose older turns a summary stands for. */
export interface Compacted {
  readonly conversation: Conversation;
  readonly summary: string;
  /** How many messages, the first ones, the summary replaced. */
  readonly replaced: number;
}

/** What a server of early 2025 gives a model that asks for none; a newer one tells. In tokens, as are all below. */
const UNKNOWN_WINDOW = 2048;
const SUMMARY_TOKENS = 800;
/** What a model is asked to read at once, of its window. */
const PART_OF_WINDOW = 0.55;
const SMALLEST_PART = 128;
/** The last two turns stay as they are, unless they alone take more than this of the window. */
const KEPT_OF_WINDOW = 0.3;

const INSTRUCTION =
  'You summarise a conversation so that it can go on without its older part. Keep facts, names, numbers, decisions, code that still matters, open questions and what the user wants. Write in the language of the conversation, plainly, without an introduction. The conversation is given as a transcript: do not answer it.';
const HEADING = 'Summary of the conversation so far:';

/**
 * Has the model itself summarise the older turns; the last one or two stay word for word. What is too long for one
 * request is summarised in parts. `onEvents` is told what comes. Throws what a request failed with, `interrupted` when it
 * was stopped, and `usage` where there is nothing older: then nothing has changed.
 */
export async function compact(
  { io, client, asks = client }: Pick<Context, 'io' | 'client'> & { readonly asks?: TurnClient | undefined },
  conversation: Conversation,
  signal: AbortSignal,
  onEvents: (events: readonly ChatEvent[]) => void = () => undefined,
): Promise<Compacted> {
  const asked = conversation.options['num_ctx'];
  const loaded = await client.running({ signal }).then(
    (running) => loadedWindow(running, conversation.model),
    () => undefined,
  );
  const limit = findWindow({ loaded, asked })?.limit ?? UNKNOWN_WINDOW;
  const replaced = countOlder(conversation, limit);
  if (replaced === 0) {
    throw new OllamaError('usage', 'There is nothing to summarise: the conversation has one turn.');
  }
  const ask = async (prompt: string): Promise<string> => {
    let state = startAnswer(io.now());
    for await (const events of asks.chatBatches(summaryRequest(conversation, prompt), { signal })) {
      for (const event of events) state = reduceChat(state, event, io.now());
      onEvents(events);
    }
    if (state.error !== undefined) throw state.error;
    const summary = state.content.trim();
    if (summary !== '') return summary;
    const { model } = conversation;
    throw new OllamaError('server_error', `${model} gave no summary.`, { host: client.host.url, model });
  };
  const older = conversation.messages.slice(0, replaced);
  const summary = await summarise(transcribe(older), partSize(limit), ask);
  const message: ChatMessage = { role: 'system', content: `${HEADING}\n\n${summary}` };
  return { conversation: spliceMessages(conversation, 0, replaced, [message]), summary, replaced };
}

/** How many messages are older than those that stay; 0 where none is. */
function countOlder(conversation: Conversation, limit: number): number {
  const { messages } = conversation;
  const [last, beforeLast] = findTurns(conversation).toReversed();
  if (last === undefined) return 0;
  const areShort =
    beforeLast !== undefined &&
    beforeLast.start > countPreface(conversation) &&
    estimateMessages(messages.slice(beforeLast.start)) <= limit * KEPT_OF_WINDOW;
  const count = areShort ? beforeLast.start : last.start;
  // A summary alone is no shorter for being summarised.
  return count === countPreface(conversation) ? 0 : count;
}

function partSize(limit: number): number {
  return Math.max(SMALLEST_PART, limit * PART_OF_WINDOW - SUMMARY_TOKENS / 2);
}

/** The same options, for another `num_ctx` would load the model anew; but nothing that would cut or shape the summary. */
function summaryRequest({ model, options, keepAlive }: Conversation, prompt: string) {
  const others = Object.entries(options).filter(([name]) => name !== 'stop');
  return chatRequest(
    startConversation(model, {
      system: INSTRUCTION,
      messages: [{ role: 'user', content: prompt }],
      options: { ...Object.fromEntries(others), num_predict: SUMMARY_TOKENS },
      think: false,
      keepAlive,
    }),
  );
}

/** A transcript, a paragraph a message. Thinking is left out, as it is from the conversation's own requests. */
export function transcribe(messages: readonly ChatMessage[]): string[] {
  return messages.map(({ role, content, images = [], tool_calls: calls = [], tool_name: name }) => {
    if (content.startsWith(HEADING)) return content;
    const who =
      { user: 'User', assistant: 'Assistant', system: 'System' }[role] ?? `Result of ${name ?? role}`;
    const called = calls.map(({ function: f }) => `(calls ${f.name} ${JSON.stringify(f.arguments)})`);
    const seen =
      images.length === 0 ? [] : [images.length === 1 ? '(an image)' : `(${images.length} images)`];
    return `${who}: ${[content, ...seen, ...called].filter((text) => text !== '').join(' ')}`;
  });
}

/** Summarises paragraphs, as many at once as are about `size` tokens; less where the server says that it is too much. */
async function summarise(
  paragraphs: readonly string[],
  size: number,
  ask: (prompt: string) => Promise<string>,
): Promise<string> {
  let left = [...paragraphs];
  let summary: string | undefined;
  let most = size;
  while (left.length > 0) {
    const { part, rest } = takePart(left, most);
    const before = summary === undefined ? '' : `${HEADING}\n\n${summary}\n\nIt went on:\n\n`;
    const order = summary === undefined ? 'Summarise this.' : 'Write one summary of all of it.';
    try {
      summary = await ask(`${before}${part.join('\n\n')}\n\n${order}`);
      left = rest;
    } catch (error) {
      const isTooMuch = isOllamaError(error) && error.code === 'context_overflow';
      if (!isTooMuch || most <= SMALLEST_PART) throw error;
      most = Math.max(SMALLEST_PART, most / 2);
    }
  }
  return summary ?? '';
}

/** The paragraphs that together have about so many tokens, the last of them cut where it is too long by itself. */
export function takePart(
  paragraphs: readonly string[],
  tokens: number,
): { readonly part: readonly string[]; readonly rest: string[] } {
  let used = 0;
  let count = 0;
  for (const paragraph of paragraphs) {
    used += estimateTokens(paragraph);
    if (used > tokens) break;
    count += 1;
  }
  if (count > 0 || paragraphs.length === 0) {
    return { part: paragraphs.slice(0, count), rest: paragraphs.slice(count) };
  }
  const [first = '', ...others] = paragraphs;
  const share = tokens / estimateTokens(first);
  const at = wholeCharacters(first, Math.max(1, Math.floor(first.length * share)));
  return { part: [first.slice(0, at)], rest: [first.slice(at), ...others] };
}

/** The same place in a text, or the next where it would part a character of two units. */
function wholeCharacters(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xd800 && unit < 0xdc00 ? at + 1 : at;
}
