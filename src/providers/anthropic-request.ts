import type { ChatRequest, Think } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import type { ModelOptions, ToolDefinition } from '../core/wire.js';
import { imageType, numberCalls, type NumberedMessage } from './messages.js';

/** The longest answer where the request does not say: the API has to be told one. */
const LIMIT = 4096;

/** Tokens to think with; the API refuses fewer than 1024. */
function budgetOf(think: Exclude<Think, false>): number {
  if (think === 'low') return 1024;
  if (think === 'high') return 16_384;
  return think === 'max' ? 32_768 : 4096;
}

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: object[];
}

function blocksOf({ content, images = [], calls, resultOf }: NumberedMessage): object[] {
  if (resultOf !== undefined) return [{ type: 'tool_result', tool_use_id: resultOf, content }];
  return [
    ...images.map((data) => ({
      type: 'image',
      source: { type: 'base64', media_type: imageType(data), data },
    })),
    // An empty text is refused.
    ...(content === '' ? [] : [{ type: 'text', text: content }]),
    ...calls.map(({ id, name, arguments: input }) => ({ type: 'tool_use', id, name, input })),
  ];
}

/** The turns in which the results of calls are the person's, and all that one side says in a row is one. */
function turnsOf(messages: readonly NumberedMessage[]): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const blocks = blocksOf(message);
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else if (blocks.length > 0) turns.push({ role, content: blocks });
  }
  return turns;
}

function optionFields({ temperature, top_p, top_k, stop }: ModelOptions): object {
  const stops = (Array.isArray(stop) ? stop : [stop]).filter(
    (text) => typeof text === 'string' && text !== '',
  );
  return {
    // Ollama's goes beyond 1, theirs does not.
    ...(typeof temperature === 'number' ? { temperature: Math.min(temperature, 1) } : {}),
    ...(typeof top_p === 'number' ? { top_p } : {}),
    ...(typeof top_k === 'number' ? { top_k } : {}),
    ...(stops.length === 0 ? {} : { stop_sequences: stops }),
  };
}

function toolOf({ function: { name, description, parameters } }: ToolDefinition): object {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: parameters ?? { type: 'object', properties: {} },
  };
}

/**
 * How long, how, and with how much thought. Where the last message is the result of a call the model goes on without: it would have
 * to be shown its own thoughts with their signature, which no conversation of ours keeps. Its sampling can't be chosen.
 */
function limitFields({ think, messages, options = {} }: ChatRequest): object {
  const { num_predict: wanted, stop } = options;
  const limit = typeof wanted === 'number' && wanted > 0 ? wanted : LIMIT;
  if (think === undefined) return { max_tokens: limit, ...optionFields(options) };
  if (think === false || messages.at(-1)?.role === 'tool') {
    return { max_tokens: limit, thinking: { type: 'disabled' }, ...optionFields(options) };
  }
  const budget = budgetOf(think);
  return {
    max_tokens: budget + limit,
    thinking: { type: 'enabled', budget_tokens: budget },
    ...optionFields(stop === undefined ? {} : { stop }),
  };
}

/**
 * The body of `/v1/messages`, from the API's documentation and wire.md's table. Throws `usage` for a request that only
 * makes sense with a fixed form of the answer, which this API does not promise.
 */
export function anthropicBody(request: ChatRequest): object {
  const { model, messages, tools = [], format } = request;
  if (format !== undefined && format !== null && format !== '') {
    throw new OllamaError('usage', 'An Anthropic-compatible API holds no answer to a format.', {
      hint: 'Ask without --format, or another provider.',
    });
  }
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  return {
    model,
    ...limitFields(request),
    ...(system.length === 0 ? {} : { system: system.join('\n\n') }),
    messages: turnsOf(numberCalls(messages.filter(({ role }) => role !== 'system'))),
    stream: true,
    ...(tools.length === 0 ? {} : { tools: tools.map(toolOf) }),
  };
}
