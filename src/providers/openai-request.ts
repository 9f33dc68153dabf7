import type { ChatRequest, Think } from '../core/chat.js';
import type { ChatMessage, ModelOptions } from '../core/wire.js';
import { imageType, numberCalls, type NumberedMessage } from './messages.js';

/** How much a model is to think, in OpenAI's words. */
function effortOf(think: Think): string {
  if (think === false) return 'none';
  if (think === true) return 'medium';
  return think === 'max' ? 'xhigh' : think;
}

/** Ollama's options that OpenAI has too, under its names. */
const OPTIONS: Readonly<Record<string, string>> = {
  temperature: 'temperature',
  top_p: 'top_p',
  seed: 'seed',
  frequency_penalty: 'frequency_penalty',
  presence_penalty: 'presence_penalty',
};

function optionFields(options: ModelOptions, sendsLimit: boolean): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const theirs = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (theirs !== undefined) fields[theirs] = value;
  }
  const { stop, num_predict: limit } = options;
  if (typeof stop === 'string' || (Array.isArray(stop) && stop.length > 0)) fields['stop'] = stop;
  // Ollama's "no limit" is a negative number, theirs is none.
  if (sendsLimit && typeof limit === 'number' && limit > 0) fields['max_tokens'] = limit;
  return fields;
}

function formatField(format: unknown): object {
  if (format === undefined || format === null || format === '') return {};
  if (format === 'json') return { response_format: { type: 'json_object' } };
  return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: format } } };
}

function contentOf({ content, images = [] }: ChatMessage): unknown {
  if (images.length === 0) return content;
  return [
    ...(content === '' ? [] : [{ type: 'text', text: content }]),
    ...images.map((image) => ({
      type: 'image_url',
      image_url: { url: `data:${imageType(image)};base64,${image}` },
    })),
  ];
}

function messageOf(message: NumberedMessage): object {
  const { role, calls, resultOf } = message;
  if (resultOf !== undefined) return { role, tool_call_id: resultOf, content: message.content };
  if (calls.length === 0) return { role, content: contentOf(message) };
  return {
    role,
    content: message.content === '' ? null : message.content,
    tool_calls: calls.map(({ id, name, arguments: given }) => ({
      id,
      type: 'function',
      function: { name, arguments: JSON.stringify(given) },
    })),
  };
}

/**
 * The body of `/chat/completions`. What a model thought is not sent back, options that OpenAI does not know are left
 * out, and without `sendsLimit` so is `max_tokens`.
 */
export function openAiBody(request: ChatRequest, { sendsLimit }: { readonly sendsLimit: boolean }): object {
  const { model, messages, options = {}, tools = [], think, format } = request;
  return {
    model,
    messages: numberCalls(messages).map(messageOf),
    stream: true,
    stream_options: { include_usage: true },
    ...optionFields(options, sendsLimit),
    ...(tools.length === 0 ? {} : { tools }),
    ...(think === undefined ? {} : { reasoning_effort: effortOf(think) }),
    ...formatField(format),
  };
}
