import type { ChatEvent, ChatRequest } from './chat.js';
import { createChatDecoder } from './chat-decode.js';
import { OllamaError, isOllamaError } from './errors.js';
import type { Http } from './http.js';
import type { GenerateRequest } from './wire.js';

/**
 * Asks for one answer and yields its events in batches. Never throws: `done` or `error` is the last event. `silence` is
 * the longest one that is put up with, in milliseconds.
 */
export async function* streamAnswer(
  http: Http,
  { silence, now }: { readonly silence: number | undefined; readonly now: () => number },
  path: '/api/chat' | '/api/generate',
  request: ChatRequest | GenerateRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly ChatEvent[], void, undefined> {
  const { model } = request;
  const facts = { host: http.host.url, model };
  const decoder = createChatDecoder(facts, now);
  let repeated: Repeated = { text: '', times: 0 };
  try {
    const body = { ...request, stream: true };
    for await (const events of http.stream({ method: 'POST', path, body, model, signal }, decoder, silence)) {
      if (events.length === 0) throw silent('timeout', silence, facts);
      repeated = countRepeated(repeated, events);
      yield events;
      // Asked of what was given, not of the decoder: that reads on while a slow reader has this.
      if (endsAnswer(events.at(-1))) return;
    }
    throw new OllamaError(
      'stream_cut',
      repeated.times > MOST_REPEATED
        ? `The server at ${facts.host} ended the answer of ${model}, which only repeated itself.`
        : `The server at ${facts.host} ended the answer of ${model} in the middle.`,
      facts,
    );
  } catch (error) {
    yield [{ type: 'error', error: answerError(error, facts) }];
  }
}

/** A server says nothing when it ends an answer that has been the same token so often (llm/server.go of Ollama 0.24). */
const MOST_REPEATED = 30;

interface Repeated {
  readonly text: string;
  readonly times: number;
}

/** How often the last token has come in a row; as the server counts, spaces around it aside. */
function countRepeated(before: Repeated, events: readonly ChatEvent[]): Repeated {
  let { text, times } = before;
  for (const event of events) {
    if (event.type !== 'token' && event.type !== 'thinking') continue;
    const now = event.text.trim();
    times = now === text ? times + 1 : 1;
    text = now;
  }
  return { text, times };
}

function endsAnswer(event: ChatEvent | undefined): boolean {
  return event?.type === 'done' || event?.type === 'error';
}

/** The failure of an answer, typed; of one that broke off it says what to do. */
export function answerError(error: unknown, facts: { host: string; model: string }): OllamaError {
  if (!isOllamaError(error)) return new OllamaError('internal', String(error), { ...facts, cause: error });
  if (error.code !== 'stream_cut') return error;
  return new OllamaError('stream_cut', error.message, {
    ...facts,
    hint: 'Ask again; what came is not the whole answer.',
    cause: error,
  });
}

/** The error for a stream that has been silent for longer than was allowed. */
export function silent(
  code: 'stalled' | 'timeout',
  ms: number | undefined,
  facts: { host: string; model: string },
): OllamaError {
  return new OllamaError(code, `${facts.host} has sent nothing for ${(ms ?? 0) / 1000} s.`, facts);
}
