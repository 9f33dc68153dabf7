import {
  reduceChat,
  startAnswer,
  type AnswerState,
  type ChatEvent,
  type ChatRequest,
} from '../../src/core/chat.js';
import type { ToolDefinition } from '../../src/core/wire.js';
import type { Provider } from '../../src/providers/provider.js';

/** The events of an answer, one list. */
export async function eventsOf(batches: AsyncIterable<readonly ChatEvent[]>): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const batch of batches) events.push(...batch);
  return events;
}

/** The answer of a provider, folded. */
export async function answerOf(provider: Provider, request: ChatRequest): Promise<AnswerState> {
  const events = await eventsOf(provider.chatBatches(request));
  return events.reduce((state, event) => reduceChat(state, event, 0), startAnswer(0));
}

/** The error of an answer, or undefined. */
export async function summary(provider: Provider, request: ChatRequest): Promise<AnswerState['error']> {
  return (await answerOf(provider, request)).error;
}

/** A function that a question about the weather is about. */
export const WEATHER: readonly ToolDefinition[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'the weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];

/** A picture of one dot. */
export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
