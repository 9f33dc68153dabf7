import type { Conversation } from './chat.js';
import { estimateMessages } from './window.js';
import type { ChatMessage } from './wire.js';

/** A question and all that followed it: the messages from `start` up to, but not with, `end`. */
export interface Turn {
  readonly start: number;
  readonly end: number;
}

/**
 * The turns of a conversation, the first one first. What stands before the first question (a summary, a greeting of the
 * model) is in none of them.
 */
export function findTurns({ messages }: Pick<Conversation, 'messages'>): Turn[] {
  const starts = messages.flatMap(({ role }, index) => (role === 'user' ? [index] : []));
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? messages.length }));
}

/** How many messages at the beginning are the system's: a summary of what was said before is one. */
export function countPreface({ messages }: Pick<Conversation, 'messages'>): number {
  const first = messages.findIndex(({ role }) => role !== 'system');
  return first < 0 ? messages.length : first;
}

/** The last question of the person, undefined before there is one. */
export function lastQuestion({ messages }: Pick<Conversation, 'messages'>): ChatMessage | undefined {
  return messages.findLast(({ role }) => role === 'user');
}

/** The last message of the model, undefined before there is one. */
export function lastAnswer({ messages }: Pick<Conversation, 'messages'>): ChatMessage | undefined {
  return messages.findLast(({ role }) => role === 'assistant');
}

/** The conversation with `deleteCount` messages from `start` on replaced by others; what lies outside of it is left out. */
export function spliceMessages(
  conversation: Conversation,
  start: number,
  deleteCount: number,
  insert: readonly ChatMessage[] = [],
): Conversation {
  const messages = conversation.messages.toSpliced(Math.max(0, start), Math.max(0, deleteCount), ...insert);
  return { ...conversation, messages };
}

/**
 * The conversation without its oldest turns: so many of them, or as many as hold about so many tokens. The system's
 * messages at its beginning and the last turn always stay; the same conversation comes back where nothing can go.
 */
export function dropOldest(
  conversation: Conversation,
  amount: { readonly turns: number } | { readonly tokens: number },
): Conversation {
  const turns = findTurns(conversation);
  const preface = countPreface(conversation);
  const droppable = turns.slice(0, -1);
  const count =
    'turns' in amount ? amount.turns : countTurns(conversation, droppable, preface, amount.tokens);
  const last = droppable[Math.min(count, droppable.length) - 1];
  return last === undefined ? conversation : spliceMessages(conversation, preface, last.end - preface);
}

function countTurns(
  { messages }: Conversation,
  turns: readonly Turn[],
  preface: number,
  tokens: number,
): number {
  let held = 0;
  let from = preface;
  for (const [count, { end }] of turns.entries()) {
    if (held >= tokens) return count;
    held += estimateMessages(messages.slice(from, end));
    from = end;
  }
  return turns.length;
}
