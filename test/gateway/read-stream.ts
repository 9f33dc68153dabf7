/** An event of a stream, whichever it is. */
export type StreamEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** The events of an answer in pieces, as they come; an empty list of a line or message that holds none. */
export async function* readStream(response: Response): AsyncGenerator<StreamEvent, void, undefined> {
  const isSse = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const frames = text.split(isSse ? '\n\n' : '\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      if (isSse && frame.startsWith(':')) continue;
      yield JSON.parse(isSse ? frame.replace(/^data: /, '') : frame) as StreamEvent;
    }
  }
  if (text !== '') throw new Error(`the stream ends within a frame: ${text}`);
}

/** All events of an answer in pieces. */
export async function readEvents(response: Response): Promise<StreamEvent[]> {
  const all: StreamEvent[] = [];
  for await (const event of readStream(response)) all.push(event);
  return all;
}
