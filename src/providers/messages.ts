import type { ChatMessage } from '../core/wire.js';

/** A call as other APIs have it: never without an id. */
export interface NumberedCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A message whose calls, or whose call that it is the result of, have ids. */
export interface NumberedMessage extends ChatMessage {
  readonly calls: readonly NumberedCall[];
  readonly resultOf: string | undefined;
}

/**
 * Gives the calls of a conversation the ids that other APIs ask for and Ollama does not: results follow their calls in
 * the same order, so that those without an id find theirs. No two calls have the same.
 */
export function numberCalls(messages: readonly ChatMessage[]): NumberedMessage[] {
  let open: NumberedCall[] = [];
  const used = new Set<string>();
  const fresh = (id: string | undefined): string => {
    for (let number = used.size + 1; id === undefined || id === '' || used.has(id); number++) {
      id = `call_${number}`;
    }
    used.add(id);
    return id;
  };
  return messages.map((message) => {
    const calls = (message.tool_calls ?? []).map((call) => ({
      id: fresh(call.id),
      name: call.function.name,
      arguments: call.function.arguments,
    }));
    if (message.role !== 'tool') {
      open = calls.length > 0 ? calls : open;
      return { ...message, calls, resultOf: undefined };
    }
    const own = open.find(({ id }) => id === message.tool_call_id);
    const match = own ?? open.find(({ name }) => name === message.tool_name) ?? open[0];
    open = open.filter((call) => call !== match);
    return { ...message, calls, resultOf: match?.id ?? message.tool_call_id ?? fresh(undefined) };
  });
}

const KINDS: readonly (readonly [start: string, type: string])[] = [
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
];

/** The media type of an image in base64, by its first bytes; PNG where those say nothing. */
export function imageType(base64: string): string {
  return KINDS.find(([start]) => base64.startsWith(start))?.[1] ?? 'image/png';
}
