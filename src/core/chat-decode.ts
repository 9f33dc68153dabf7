import type { ChatEvent, ChatMetrics } from './chat.js';
import { OllamaError } from './errors.js';
import { isFields, number, text, type Fields } from './fields.js';
import { serverError } from './http-errors.js';
import type { LineReader } from './ndjson.js';
import type { ToolCall } from './wire.js';

function decodeToolCall(value: unknown): ToolCall | undefined {
  if (!isFields(value) || !isFields(value['function'])) return undefined;
  const call = value['function'];
  const given = call['arguments'];
  return {
    ...value,
    function: { ...call, name: text(call, 'name'), arguments: isFields(given) ? given : {} },
  } as ToolCall;
}

const MS_IN_NS = 1e-6;

/** The numbers of a last line, whose times are nanoseconds and absent when 0. `firstMs`: the first token's time. */
export function decodeMetrics(line: Fields, firstMs: number | undefined): ChatMetrics {
  const prompt = number(line, 'prompt_eval_count');
  const completion = number(line, 'eval_count');
  const seconds = number(line, 'eval_duration') / 1e9;
  const round = (ms: number): number => Math.round(ms * 100) / 100;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    tokens_per_second: seconds > 0 ? Math.round((completion / seconds) * 100) / 100 : 0,
    time_to_first_token_ms: round(
      firstMs ?? (number(line, 'load_duration') + number(line, 'prompt_eval_duration')) * MS_IN_NS,
    ),
    load_ms: round(number(line, 'load_duration') * MS_IN_NS),
    total_ms: round(number(line, 'total_duration') * MS_IN_NS),
  };
}

/** The inside of a JSON string in which nothing is escaped: it stands for itself. */
const PLAIN = String.raw`[^"\\\u0000-\u001f]*`;

/**
 * A line in the midst of an answer, to the letter as every version of Ollama writes it, with a text that needs no
 * unescaping. Nearly all lines are such, and to match one takes half as long as to parse it; any other is parsed.
 */
const RUNNING = new RegExp(
  `\\{"model":"${PLAIN}","created_at":"${PLAIN}","message":\\{"role":"assistant","content":"(${PLAIN})"` +
    `(?:,"thinking":"(${PLAIN})")?\\},"done":false\\}(?:\\n|$)`,
  'y',
);

/**
 * Turns the lines of `/api/chat` or `/api/generate` into events, up to the one that ends the answer. Keeps only the
 * time of the first token. `now` is in milliseconds.
 */
export function createChatDecoder(
  facts: { host: string; model: string },
  now: () => number,
): LineReader<ChatEvent> & {
  /** True once the last event of the answer has come. */
  ended(): boolean;
} {
  const startedAt = now();
  let firstMs: number | undefined;
  let over = false;

  const take = (value: unknown, events: ChatEvent[]): void => {
    if (over) return;
    if (!isFields(value)) {
      over = true;
      const message = `The server at ${facts.host} sent a line of a chat that is no object.`;
      events.push({ type: 'error', error: new OllamaError('protocol', message, facts) });
      return;
    }
    const { error, message } = value;
    if (error !== undefined && error !== null) {
      over = true;
      const words = typeof error === 'string' ? error : JSON.stringify(error);
      events.push({ type: 'error', error: serverError(words, facts) });
      return;
    }
    // A chat's line has a message, a generate's the same fields at its top.
    const part: Fields = isFields(message) ? message : value;
    const content = part['content'] ?? value['response'];
    const { thinking, tool_calls: calls } = part;
    if (typeof thinking === 'string' && thinking !== '') events.push({ type: 'thinking', text: thinking });
    if (typeof content === 'string' && content !== '') events.push({ type: 'token', text: content });
    if (Array.isArray(calls)) {
      for (const call of calls.map(decodeToolCall)) if (call) events.push({ type: 'tool_call', call });
    }
    if (firstMs === undefined && events.length > 0) firstMs = now() - startedAt;
    if (value['done'] === true) {
      over = true;
      events.push({
        type: 'done',
        reason: text(value, 'done_reason') || 'stop',
        metrics: decodeMetrics(value, firstMs),
      });
    }
  };

  const skim = (chunk: string, start: number, events: ChatEvent[]): number => {
    if (over) return start;
    RUNNING.lastIndex = start;
    for (let at = start; ; at = RUNNING.lastIndex) {
      const line = RUNNING.exec(chunk);
      if (line === null) return at;
      const [, content = '', thinking = ''] = line;
      if (thinking !== '') events.push({ type: 'thinking', text: thinking });
      if (content !== '') events.push({ type: 'token', text: content });
      if (firstMs === undefined && events.length > 0) firstMs = now() - startedAt;
    }
  };

  return { take, skim, ended: () => over };
}
