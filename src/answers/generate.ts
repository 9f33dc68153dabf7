import { answerMessage, reduceChat, startAnswer, type Conversation } from '../core/chat.js';
import type { OllamaClient } from '../core/client.js';
import type { ChatMessage, GenerateRequest } from '../core/wire.js';
import type { Turn } from './answer.js';

/** How a prompt is to be completed. */
export interface GenerateOptions {
  /** The prompt goes to the model as it is, without its template. */
  readonly raw: boolean;
  /** What stands behind the place that is to be filled. */
  readonly suffix: string | undefined;
  readonly truncate: boolean;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** The `/api/generate` request of a conversation's last message; with `raw` the server takes no system prompt. */
function generateRequest(
  { model, system, options, think, format, keepAlive }: Conversation,
  message: ChatMessage,
  { raw, suffix, truncate }: Pick<GenerateOptions, 'raw' | 'suffix' | 'truncate'>,
): GenerateRequest {
  return {
    model,
    prompt: message.content,
    ...(raw ? { raw } : {}),
    ...(suffix === undefined ? {} : { suffix }),
    ...(raw || system === undefined ? {} : { system }),
    ...(message.images === undefined ? {} : { images: message.images }),
    ...(truncate ? {} : { truncate: false, shift: false }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(think === undefined ? {} : { think }),
    ...(format === undefined ? {} : { format }),
    ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }),
  };
}

/** Completes the last message of a conversation, as a turn of one answer. Never throws. */
export async function* runGenerate(
  client: Pick<OllamaClient, 'generate'>,
  conversation: Conversation,
  options: GenerateOptions,
): Turn {
  const message = conversation.messages.at(-1) ?? { role: 'user', content: '' };
  let answer = startAnswer(options.now());
  for await (const event of client.generate(generateRequest(conversation, message, options), {
    signal: options.signal,
  })) {
    answer = reduceChat(answer, event, options.now());
    yield [event];
  }
  return {
    messages: answer.content === '' && answer.phase !== 'done' ? [] : [answerMessage(answer)],
    answer,
  };
}
