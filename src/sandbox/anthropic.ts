import type { Answer } from './answer.js';
import { answerChat, prepareChat, readMessages } from './answer.js';
import { RUNNER_DIED } from './chat.js';
import { StreamOver } from './errors.js';
import type { Exchange, JsonObject } from './exchange.js';
import { readJson, sendBody, sendJson } from './exchange.js';
import type { Metrics, Ready } from './run.js';
import { demandAnswers, findModel, speak } from './run.js';
import { hashNumber } from './text.js';
import { isOld } from './world.js';
import type { World } from './world.js';
import { openWriter } from './writer.js';

/**
 * Answers /v1/messages, whole or as server-sent events, as the recorded exchanges with Ollama 0.24.0 have it; calls of
 * tools, which none of them holds, by its source.
 */
export async function answerMessages(world: World, exchange: Exchange): Promise<void> {
  const given = readJson(exchange);
  const mistake = findMistake(given);
  if (mistake !== undefined) {
    sendJson(exchange, 400, messagesError(exchange, 400, mistake));
    return;
  }
  const model = String(given['model']);
  const request = nativeRequest(given);
  const messages = readMessages(request['messages']);
  const found = await findModel(world, model);
  demandAnswers(found.facts, model, 'chat');
  // A model that can't think is not refused here: it answers without.
  const asked = found.facts.capabilities.includes('thinking') ? request : { ...request, think: undefined };
  const ready = await prepareChat(world, asked, messages, exchange);
  const answer = answerChat(ready, asked, messages, { old: isOld(world), plan: exchange.plan });
  const id = makeId('msg', exchange);
  if (given['stream'] === true) {
    const message = {
      ...messageHead(id, ready),
      content: [],
      usage: { input_tokens: guessTokens(given), output_tokens: 0 },
    };
    return await streamMessage(world, exchange, ready, answer, message);
  }
  const said = { thinking: '', content: '' };
  const metrics = await speak(world, ready, answer, exchange.signal, (piece) => {
    said[piece.kind] += piece.text;
    return Promise.resolve();
  });
  if (exchange.signal.aborted) throw new StreamOver();
  const content = [
    ...(said.thinking === '' ? [] : [{ type: 'thinking', thinking: said.thinking }]),
    ...(said.content === '' ? [] : [{ type: 'text', text: said.content }]),
    ...answer.toolCalls.map((call) => ({
      type: 'tool_use',
      id: call.id,
      name: call.function.name,
      input: call.function.arguments,
    })),
  ];
  const whole = {
    ...messageHead(id, ready),
    content,
    ...stopOf(answer, metrics),
    usage: usageOf(metrics),
  };
  sendBody(exchange, 200, 'application/json', `${JSON.stringify(whole)}\n`);
}

// What is looked for before the model is.
function findMistake({ model, max_tokens: limit, messages }: JsonObject): string | undefined {
  if (String(model ?? '') === '') return 'model is required';
  if (typeof limit !== 'number' || limit <= 0) return 'max_tokens is required and must be positive';
  return Array.isArray(messages) && messages.length > 0 ? undefined : 'messages is required';
}

function messageHead(id: string, ready: Ready): object {
  return { id, type: 'message', role: 'assistant', model: ready.text };
}

function stopOf(answer: Answer, metrics: Metrics): { stop_reason: string } {
  const ended = metrics.done_reason === 'length' ? 'max_tokens' : 'end_turn';
  return { stop_reason: answer.toolCalls.length > 0 ? 'tool_use' : ended };
}

function usageOf({ prompt_eval_count: input, eval_count: output }: Metrics): object {
  return { input_tokens: input, output_tokens: output };
}

// A stream begins before the prompt was counted: a token is taken for four letters then.
function guessTokens({ system, messages, tools }: JsonObject): number {
  const said = (messages as unknown[]).map(objectOf);
  const offered = Array.isArray(tools) ? tools.map(objectOf) : [];
  const texts = [
    textOf(system),
    ...said.flatMap(({ role, content }) => [String(role), textOf(content)]),
    ...offered.flatMap((tool) => [tool['name'], tool['description'], JSON.stringify(tool['input_schema'])]),
  ];
  const letters = texts.reduce((sum: number, text) => sum + Buffer.byteLength(String(text ?? '')), 0);
  return Math.max(1, Math.floor(letters / 4));
}

// 24 hexadecimal digits, the same ones for the same request.
function makeId(prefix: string, { body }: Exchange): string {
  const digits = ['a', 'b', 'c'].map((salt) =>
    hashNumber(`${salt}${body.toString()}`).toString(16).padStart(8, '0'),
  );
  return `${prefix}_${digits.join('')}`;
}

const sse = (type: string, more: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;

async function streamMessage(
  world: World,
  exchange: Exchange,
  ready: Ready,
  answer: Answer,
  message: object,
): Promise<void> {
  const { response, plan, signal } = exchange;
  const fault = sse('error', { error: { type: 'api_error', message: RUNNER_DIED } });
  const writer = openWriter(response, plan, signal, fault);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  await writer.write(sse('message_start', { message }), 0);

  let index = -1;
  let open: string | undefined;
  const begin = async (kind: string, block: object, share: number): Promise<void> => {
    if (open !== undefined) await writer.write(sse('content_block_stop', { index }), share);
    open = kind;
    index += 1;
    await writer.write(sse('content_block_start', { index, content_block: block }), share);
  };
  const metrics = await speak(world, ready, answer, signal, async ({ kind, text, share }) => {
    const isThought = kind === 'thinking';
    if (open !== kind) {
      await begin(kind, isThought ? { type: kind, thinking: '' } : { type: 'text', text: '' }, share);
    }
    const delta = isThought ? { type: 'thinking_delta', thinking: text } : { type: 'text_delta', text };
    await writer.write(sse('content_block_delta', { index, delta }), share);
  });
  for (const { id: callId, function: call } of answer.toolCalls) {
    await begin(callId, { type: 'tool_use', id: callId, name: call.name, input: {} }, 1);
    const delta = { type: 'input_json_delta', partial_json: JSON.stringify(call.arguments) };
    await writer.write(sse('content_block_delta', { index, delta }), 1);
  }
  if (open !== undefined) await writer.write(sse('content_block_stop', { index }), 1);
  const end = { delta: stopOf(answer, metrics), usage: usageOf(metrics) };
  await writer.write(sse('message_delta', end), 1, true);
  await writer.write(sse('message_stop', {}), 1, true);
  await writer.end();
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** The body of an error in the shape of this API. */
export function messagesError(exchange: Exchange, status: number, message: string): object {
  const type = ERROR_TYPES[status] ?? 'api_error';
  return { type: 'error', error: { type, message }, request_id: makeId('req', exchange) };
}

// The request as /api/chat would have it.
function nativeRequest(given: JsonObject): JsonObject {
  const options: Record<string, unknown> = { num_predict: given['max_tokens'] };
  for (const key of ['temperature', 'top_p', 'top_k']) {
    if (typeof given[key] === 'number') options[key] = given[key];
  }
  if (Array.isArray(given['stop_sequences'])) options['stop'] = given['stop_sequences'];
  const system = textOf(given['system']);
  const messages = (given['messages'] as unknown[]).flatMap(nativeMessages);
  return {
    model: given['model'],
    messages: [...(system === '' ? [] : [{ role: 'system', content: system }]), ...messages],
    tools: Array.isArray(given['tools']) ? given['tools'].map(nativeTool) : undefined,
    options,
    ...thinkOf(given),
  };
}

function thinkOf({ thinking, output_config: config }: JsonObject): object {
  const { effort } = objectOf(config);
  if (typeof effort === 'string') return { think: effort };
  const { type } = objectOf(thinking);
  if (type === 'enabled') return { think: true };
  return type === 'disabled' ? { think: false } : {};
}

function objectOf(value: unknown): JsonObject {
  return (typeof value === 'object' && value !== null ? value : {}) as JsonObject;
}

function blocksOf(value: unknown): JsonObject[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  return Array.isArray(value) ? value.map(objectOf) : [];
}

function textOf(value: unknown): string {
  return blocksOf(value)
    .map(({ type, text }) => (type === 'text' && typeof text === 'string' ? text : ''))
    .join('');
}

function nativeTool(value: unknown): object {
  const { name, description, input_schema: parameters } = objectOf(value);
  return { type: 'function', function: { name, description, parameters } };
}

// The results of calls stand in a message of the person's, and are messages of their own here.
function nativeMessages(value: unknown): object[] {
  const { role, content } = objectOf(value);
  const blocks = blocksOf(content);
  const results = blocks
    .filter(({ type }) => type === 'tool_result')
    .map((block) => ({ role: 'tool', content: textOf(block['content']) }));
  const images = blocks
    .filter(({ type }) => type === 'image')
    .map(({ source }) => String(objectOf(source)['data'] ?? ''));
  const text = textOf(content);
  const isOnlyResults = results.length > 0 && text === '' && images.length === 0;
  const message = { role, content: text, ...(images.length === 0 ? {} : { images }) };
  return [...results, ...(isOnlyResults ? [] : [message])];
}
