import type { ChatRequest } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import type { ChatMessage } from '../core/wire.js';
import { LONGEST_NAME } from './model-names.js';

/** What `POST /api/chat` takes. */
export interface ChatBody {
  readonly message?: string;
  readonly provider?: string;
  readonly system_prompt?: string;
  readonly model?: string;
  readonly messages?: readonly Pick<ChatMessage, 'role' | 'content' | 'images'>[];
  readonly stream?: boolean;
}

/** The bytes of a body bound the texts; their number is bounded here. */
const MOST_MESSAGES = 10_000;
const MOST_IMAGES = 64;
const BASE64 = '^[A-Za-z0-9+/]+={0,2}$';

/** `ChatBody` as JSON schema. */
export const CHAT_BODY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    message: {
      type: 'string',
      description: 'The question. May be left out where the last of `messages` is one.',
    },
    provider: {
      type: 'string',
      minLength: 1,
      maxLength: 100,
      description: 'Who answers; without it the first of `fallback` that can.',
    },
    system_prompt: { type: 'string', description: 'Stands before all messages.' },
    model: {
      type: 'string',
      minLength: 1,
      maxLength: LONGEST_NAME,
      description:
        "Without it the provider's own; where nobody has chosen an Ollama host one, its newest that can hold a conversation.",
    },
    messages: {
      type: 'array',
      maxItems: MOST_MESSAGES,
      description: 'What was said before, the oldest first.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['role', 'content'],
        properties: {
          role: { type: 'string', enum: ['system', 'user', 'assistant'] },
          content: { type: 'string' },
          images: {
            type: 'array',
            maxItems: MOST_IMAGES,
            description: 'Base64, without `data:`.',
            items: { type: 'string', minLength: 1, pattern: BASE64 },
          },
        },
      },
    },
    stream: {
      type: 'boolean',
      description: 'Answers in pieces: server-sent events, or NDJSON where Accept asks for that.',
    },
  },
} as const;

/** The messages that are sent: the system's prompt, what was said, and the question. Throws `usage` without a question. */
export function readMessages({ message, system_prompt: system, messages = [] }: ChatBody): ChatMessage[] {
  const question = message === undefined || message.trim() === '' ? undefined : message;
  if (question === undefined && messages.at(-1)?.role !== 'user') {
    throw new OllamaError('usage', 'There is no question: `message` is missing or empty.', {
      hint: 'Send {"message": "…"}.',
    });
  }
  return [
    ...(system === undefined || system === '' ? [] : [{ role: 'system', content: system }]),
    ...messages,
    ...(question === undefined ? [] : [{ role: 'user', content: question }]),
  ];
}

/**
 * The request to a provider. A conversation that does not fit is to be an error. Only Ollama's own API has words for that:
 * its OpenAI-compatible route, by which the host in force is asked, leaves out the oldest messages and does not say so.
 */
export function toRequest(model: string, messages: readonly ChatMessage[]): ChatRequest {
  return { model, messages, truncate: false, shift: false };
}
