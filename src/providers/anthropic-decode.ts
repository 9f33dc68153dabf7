import type { ChatEvent } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { isFields, number, text, type Fields } from '../core/fields.js';
import type { LineReader } from '../core/ndjson.js';
import { finishCall, type JoinedCall } from './joined-call.js';
import { startStopwatch } from './measure.js';
import { streamError } from './openai-decode.js';
import { createSseReader, parseData } from './sse.js';

/** Why an answer ended, in Ollama's words where it has them. */
const REASONS: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  tool_use: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
};

/** What was read, from the cache of prompts too: it is a part of the conversation all the same. */
function readTokens(usage: Fields): number {
  return (
    number(usage, 'input_tokens') +
    number(usage, 'cache_creation_input_tokens') +
    number(usage, 'cache_read_input_tokens')
  );
}

/** Turns the events of a `/v1/messages` stream into ours, up to its `message_stop`; those it does not know are let by. */
export function createAnthropicDecoder(
  facts: { host: string; model: string },
  now: () => number,
): LineReader<ChatEvent> {
  const watch = startStopwatch(now);
  const calls = new Map<unknown, JoinedCall>();
  let reason = 'stop';
  let prompt = 0;
  let completion = 0;
  let over = false;

  const takeUsage = (usage: unknown): void => {
    if (!isFields(usage)) return;
    // What a later event does not tell has not changed.
    prompt = readTokens(usage) || prompt;
    completion = number(usage, 'output_tokens') || completion;
  };

  const takeBlock = (index: unknown, block: Fields, events: ChatEvent[]): void => {
    watch.seen();
    if (block['type'] === 'tool_use') {
      const { input } = block;
      const given = isFields(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : '';
      calls.set(index, { id: text(block, 'id'), name: text(block, 'name'), arguments: given });
    }
    pushText(events, text(block, 'thinking'), text(block, 'text'));
  };

  const pushText = (events: ChatEvent[], thinking: string, content: string): void => {
    if (thinking !== '') events.push({ type: 'thinking', text: thinking });
    if (content !== '') events.push({ type: 'token', text: content });
  };

  const finish = (events: ChatEvent[]): void => {
    over = true;
    for (const call of calls.values()) {
      const whole = finishCall(call, reason === 'length');
      if (whole !== undefined) events.push({ type: 'tool_call', call: whole });
    }
    events.push({ type: 'done', reason, metrics: watch.finish(prompt, completion) });
  };

  const takeEnd = (value: Fields): void => {
    takeUsage(value['usage']);
    const part = isFields(value['delta']) ? value['delta'] : value;
    const ended = text(part, 'stop_reason');
    if (ended !== '') reason = REASONS[ended] ?? ended;
  };

  const takeWhole = (value: Fields, events: ChatEvent[]): void => {
    const blocks: unknown[] = Array.isArray(value['content']) ? value['content'] : [];
    for (const [index, block] of blocks.entries()) if (isFields(block)) takeBlock(index, block, events);
    takeEnd(value);
    finish(events);
  };

  return createSseReader((data, events) => {
    if (over) return;
    const value = parseData(data);
    if (!isFields(value)) {
      throw new OllamaError('protocol', 'The server sent an event of a chat that is no object.', facts);
    }
    const { index, delta } = value;
    switch (value['type']) {
      case 'message_start':
        if (isFields(value['message'])) takeUsage(value['message']['usage']);
        return;
      case 'content_block_start':
        if (isFields(value['content_block'])) takeBlock(index, value['content_block'], events);
        return;
      case 'content_block_delta': {
        if (!isFields(delta)) return;
        const call = calls.get(index);
        if (call !== undefined) call.arguments += text(delta, 'partial_json');
        return pushText(events, text(delta, 'thinking'), text(delta, 'text'));
      }
      case 'message_delta':
        return takeEnd(value);
      case 'message_stop':
        return finish(events);
      case 'message':
        return takeWhole(value, events);
      case 'error':
        over = true;
        events.push({ type: 'error', error: anthropicError(value['error'], facts) });
    }
  });
}

/** The status that each type of error has where it comes instead of an answer. */
const STATUSES: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  overloaded_error: 529,
};

function anthropicError(error: unknown, facts: { host: string; model: string }): OllamaError {
  if (!isFields(error)) return streamError(error, facts);
  const kind = text(error, 'type');
  const status = Object.hasOwn(STATUSES, kind) ? STATUSES[kind] : undefined;
  const words = text(error, 'message') || kind || 'an error without a word';
  if (status === 401 || status === 403) return new OllamaError('unauthorized', words, { ...facts, status });
  return streamError({ message: words, code: status }, facts);
}
