import type { ChatEvent } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { isFields, number, text, type Fields } from '../core/fields.js';
import { serverError } from '../core/http-errors.js';
import type { LineReader } from '../core/ndjson.js';
import { finishCall, type JoinedCall } from './joined-call.js';
import { startStopwatch } from './measure.js';
import { createSseReader, DONE, parseData } from './sse.js';

/** Why an answer ended, in Ollama's words where it has them. */
const REASONS: Readonly<Record<string, string>> = { tool_calls: 'stop', function_call: 'stop' };

/** An error in the midst of a stream, or instead of one: an object, or a text as Ollama's own API has it. */
export function streamError(error: unknown, facts: { host: string; model: string }): OllamaError {
  const words = isFields(error) ? text(error, 'message') || JSON.stringify(error) : String(error);
  const status = isFields(error) ? number(error, 'code') : 0;
  return serverError(words, { ...facts, ...(status >= 400 && status < 600 ? { status } : {}) });
}

/** What stands around the text of a token: from one to the next most servers change nothing else. */
interface Shape {
  readonly before: string;
  readonly after: string;
  /** The same as the bytes of its event, with the blank line that ends it. */
  readonly bytesBefore: Buffer;
  readonly bytesAfter: Buffer;
}

const CONTENT = '"content":"';

/** The shape of an event that comes to this one token and nothing else; undefined where the text is not plainly there. */
function shapeOf(data: string, token: string): Shape | undefined {
  const at = data.indexOf(CONTENT);
  const from = at + CONTENT.length;
  const to = from + token.length;
  if (at < 0 || at !== data.lastIndexOf(CONTENT) || !data.startsWith(`${token}"`, from)) return undefined;
  const [before, after] = [data.slice(0, from), data.slice(to)];
  return {
    before,
    after,
    bytesBefore: Buffer.from(`data: ${before}`),
    bytesAfter: Buffer.from(`${after}\n\n`),
  };
}

/** What JSON writes as it is. */
const UNESCAPED = /^[^"\\\u0000-\u001f]+$/;

/** What stands between the two, where it is text that JSON writes as it is: it is known without parsing all of it. */
function plainBetween(data: string, before: string, after: string): string | undefined {
  if (!data.startsWith(before) || !data.endsWith(after)) return undefined;
  const content = data.slice(before.length, data.length - after.length);
  return UNESCAPED.test(content) ? content : undefined;
}

/** ASCII that JSON writes as it is. */
const ASCII = /^[ !#-[\]-~]+$/;

/** The same of an event's bytes, without a text made of them all. */
function asciiBetween(chunk: Buffer, { bytesBefore, bytesAfter }: Shape): string | undefined {
  const from = bytesBefore.length;
  const to = chunk.length - bytesAfter.length;
  if (to <= from || bytesBefore.compare(chunk, 0, from) !== 0 || bytesAfter.compare(chunk, to) !== 0)
    return undefined;
  const content = chunk.toString('latin1', from, to);
  return ASCII.test(content) ? content : undefined;
}

/**
 * Turns the events of a `/chat/completions` stream into ours, up to its `[DONE]`: only that says that the answer is
 * whole. A token whose event differs from the one before in nothing else is offered to `onToken` first. Pieces of a call are joined by their index, and told when the answer ends. A whole answer instead of a stream
 * is taken as well.
 */
export function createOpenAiDecoder(
  facts: { host: string; model: string },
  now: () => number,
  onToken?: (text: string) => boolean,
): LineReader<ChatEvent> {
  const watch = startStopwatch(now);
  const calls: { readonly index: number | undefined; readonly call: JoinedCall }[] = [];
  let reason = 'stop';
  let usage: Fields = {};
  let over = false;
  let shape: Shape | undefined;
  let isWaitedFor = false;

  const joinCall = (value: unknown): void => {
    if (!isFields(value)) return;
    const part: Fields = isFields(value['function']) ? value['function'] : {};
    const index = typeof value['index'] === 'number' ? value['index'] : undefined;
    const id = text(value, 'id');
    const last = index === undefined ? calls.at(-1) : calls.findLast((known) => known.index === index);
    // Some servers give every call the index 0, others none; another id is another call.
    const isNew = last === undefined || (id !== '' && last.call.id !== '' && last.call.id !== id);
    const call = isNew ? { id: '', name: '', arguments: '' } : last.call;
    if (isNew) calls.push({ index, call });
    if (id !== '') call.id = id;
    const name = text(part, 'name');
    if (name !== '' && name !== call.name) call.name += name;
    const given = part['arguments'];
    call.arguments += isFields(given) ? JSON.stringify(given) : text(part, 'arguments');
  };

  const takeChoice = (choice: Fields, events: ChatEvent[]): void => {
    const part = isFields(choice['delta']) ? choice['delta'] : choice['message'];
    if (isFields(part)) {
      const thinking = text(part, 'reasoning') || text(part, 'reasoning_content');
      if (thinking !== '') events.push({ type: 'thinking', text: thinking });
      const content = text(part, 'content') || text(part, 'refusal');
      if (content !== '') events.push({ type: 'token', text: content });
      if (Array.isArray(part['tool_calls'])) part['tool_calls'].forEach(joinCall);
      if (events.length > 0 || calls.length > 0) watch.seen();
    }
    const ended = text(choice, 'finish_reason');
    if (ended !== '') reason = REASONS[ended] ?? ended;
  };

  const finish = (events: ChatEvent[]): void => {
    over = true;
    for (const { call } of calls) {
      const whole = finishCall(call, reason === 'length');
      if (whole !== undefined) events.push({ type: 'tool_call', call: whole });
    }
    const metrics = watch.finish(number(usage, 'prompt_tokens'), number(usage, 'completion_tokens'));
    events.push({ type: 'done', reason, metrics });
  };

  const takeToken = (token: string, events: ChatEvent[]): void => {
    watch.seen();
    const isFirst = isWaitedFor && events.length === 0;
    if (!isFirst || onToken?.(token) !== true) events.push({ type: 'token', text: token });
  };

  const lines = createSseReader<ChatEvent>((data, events) => {
    if (over) return;
    if (data === DONE) return finish(events);
    const same = shape && plainBetween(data, shape.before, shape.after);
    if (same !== undefined) return takeToken(same, events);
    const value = parseData(data);
    if (!isFields(value)) {
      throw new OllamaError('protocol', 'The server sent an event of a chat that is no object.', facts);
    }
    const { error, choices } = value;
    if (error !== undefined && error !== null) {
      over = true;
      events.push({ type: 'error', error: streamError(error, facts) });
      return;
    }
    if (isFields(value['usage'])) usage = value['usage'];
    const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
    if (!isFields(first)) return;
    const before = events.length;
    takeChoice(first, events);
    const [only, more] = events.slice(before);
    const isPlain = calls.length === 0 && !isFields(value['usage']) && text(first, 'finish_reason') === '';
    shape = isPlain && only?.type === 'token' && more === undefined ? shapeOf(data, only.text) : undefined;
    if (isFields(first['message']) && !isFields(first['delta'])) finish(events);
  });
  return {
    ...lines,
    // One event, as most chunks hold.
    takeChunk: (chunk, events) => {
      if (shape === undefined || over || !lines.isBetween()) return false;
      const token = asciiBetween(chunk, shape);
      if (token === undefined) return false;
      takeToken(token, events);
      return true;
    },
    offer: (is) => {
      isWaitedFor = is;
    },
  };
}
