import { silent } from './chat-stream.js';
import { OllamaError, isOllamaError } from './errors.js';
import type { Http } from './http.js';
import { takeValue } from './ndjson.js';
import { pullError, pullEventsFromValue, pullFailure, type OllamaPullEvent } from './pull-events.js';

/** A status stream of `create` and `push`: the lines as the server sent them. */
export type StatusLine = Readonly<Record<string, unknown>> & { readonly status?: string };

/** Yields the lines of a create or a push. Throws for an error line, and where the last is not "success". */
export async function* streamStatus(
  http: Http,
  silence: number | undefined,
  {
    path,
    body,
    model,
    signal,
  }: { path: string; body: object; model: string; signal: AbortSignal | undefined },
): AsyncGenerator<StatusLine, void, undefined> {
  const facts = { host: http.host.url, model };
  let status: unknown;
  const call = { method: 'POST', path, body: { ...body, stream: true }, model, signal } as const;
  for await (const values of http.stream(call, takeValue, silence)) {
    if (values.length === 0) throw silent('stalled', silence, facts);
    for (const value of values) {
      if (typeof value !== 'object' || value === null) continue;
      const line = value as StatusLine;
      if (typeof line['error'] === 'string') throw pullError(line['error'], facts);
      ({ status } = line);
      yield line;
    }
  }
  if (status !== 'success') {
    throw new OllamaError('stream_cut', `The server at ${facts.host} ended without "success".`, facts);
  }
}

/**
 * The lines of a create or a push as the events of a pull. Never throws: `Success` or `Error` is the last event, what
 * was thrown told by `explain`.
 */
export async function* transferEvents(
  lines: AsyncIterable<StatusLine>,
  explain: (error: OllamaError) => OllamaError = (error) => error,
): AsyncGenerator<OllamaPullEvent, void, undefined> {
  try {
    for await (const line of lines) {
      for (const event of pullEventsFromValue(line)) {
        yield event;
        // What comes after the end is no part of it.
        if (event.type === 'Success') return;
      }
    }
  } catch (error) {
    const known = isOllamaError(error) ? error : new OllamaError('internal', String(error), { cause: error });
    yield pullFailure(explain(known));
  }
}
