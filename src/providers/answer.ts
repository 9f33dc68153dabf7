import type { ChatEvent } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { silent } from '../core/chat-stream.js';
import type { Call, Http } from '../core/http.js';
import { measureAnswer } from '../core/metrics-streams.js';
import type { LineReader } from '../core/ndjson.js';

/** One question to a server that answers in a stream. */
export interface Question {
  readonly call: Call;
  /** Makes what reads the answer; it may hand tokens to `take` before they come as events. */
  reader(take: ((text: string) => boolean) | undefined): LineReader<ChatEvent>;
  /** As of `ProviderCall`. */
  readonly onToken?: ((text: string) => boolean) | undefined;
  readonly model: string;
  /** The longest silence that is put up with, in milliseconds. */
  readonly silence: number | undefined;
  /** Puts what failed into the words that its caller wants. */
  readonly retell: (error: unknown) => OllamaError;
}

/** Asks for one answer and yields its events in batches, as `OllamaClient.chatBatches` does. Never throws. */
export function askForAnswer(
  http: Http,
  question: Question,
): AsyncGenerator<readonly ChatEvent[], void, undefined> {
  const { meter } = http;
  const { onToken, model } = question;
  if (!meter.isOn() || onToken === undefined) {
    return measureAnswer(streamAnswer(http, question), meter, model);
  }
  let taken = 0;
  const counting = (text: string): boolean => {
    const is = onToken(text);
    if (is) taken += 1;
    return is;
  };
  return measureAnswer(streamAnswer(http, { ...question, onToken: counting }), meter, model, () => taken);
}

async function* streamAnswer(
  http: Http,
  { call, reader, onToken, model, silence, retell }: Question,
): AsyncGenerator<readonly ChatEvent[], void, undefined> {
  const facts = { host: http.host.url, model };
  try {
    for await (const events of http.stream(call, reader(onToken), silence)) {
      if (events.length === 0) throw silent('timeout', silence, facts);
      const last = events.at(-1);
      if (last?.type === 'error') {
        yield [...events.slice(0, -1), { type: 'error', error: retell(last.error) }];
        return;
      }
      yield events;
      if (last?.type === 'done') {
        // By then the end of the body is read as well, and its connection is there for the next question.
        await new Promise((resolve) => setImmediate(resolve));
        return;
      }
    }
    const message = `The server at ${facts.host} ended the answer of ${model} in the middle.`;
    throw new OllamaError('stream_cut', message, facts);
  } catch (error) {
    yield [{ type: 'error', error: retell(error) }];
  }
}
