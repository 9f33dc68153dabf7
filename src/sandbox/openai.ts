import type { Answer } from './answer.js';
import { answerChat, prepareChat, readMessages } from './answer.js';
import { RUNNER_DIED } from './chat.js';
import { Refusal, StreamOver } from './errors.js';
import type { Exchange, JsonObject } from './exchange.js';
import { readJson, sendBody } from './exchange.js';
import { parseName, showName } from './names.js';
import type { Metrics, Ready } from './run.js';
import { demandAnswers, findModel, speak } from './run.js';
import type { Installed } from './store.js';
import { hashNumber } from './text.js';
import { isOld } from './world.js';
import type { World } from './world.js';
import { openWriter } from './writer.js';

const JSON_TYPE = 'application/json';

/** Answers /v1/models. */
export function listOpenAi(world: World, exchange: Exchange): void {
  send(exchange, { object: 'list', data: world.store.list().map(modelEntry) });
}

/** Answers /v1/models/NAME. */
export function showOpenAi(world: World, exchange: Exchange): void {
  const text = decodeURIComponent(exchange.path.slice('/v1/models/'.length));
  const name = parseName(text);
  const model = name === undefined ? undefined : world.store.find(name);
  if (model === undefined) throw new Refusal(404, `model '${text}' not found`);
  send(exchange, modelEntry(model));
}

function modelEntry(model: Installed): object {
  const created = Math.floor(model.modifiedAt / 1000);
  return { id: showName(model.name), object: 'model', created, owned_by: model.name.namespace };
}

function send(exchange: Exchange, value: object): void {
  sendBody(exchange, 200, JSON_TYPE, `${JSON.stringify(value)}\n`);
}

/** Answers /v1/chat/completions, whole or as server-sent events. */
export async function chatOpenAi(world: World, exchange: Exchange): Promise<void> {
  const given = readJson(exchange);
  const request = nativeRequest(given);
  const messages = readMessages(request['messages']);
  const found = await findModel(world, String(request['model'] ?? ''));
  demandAnswers(found.facts, String(request['model'] ?? ''), 'chat');
  if (messages.length === 0) throw new Refusal(400, "[] is too short - 'messages'");
  const ready = await prepareChat(world, request, messages, exchange);
  const answer = answerChat(ready, request, messages, { old: isOld(world), plan: exchange.plan });
  const head = {
    id: `chatcmpl-${String(hashNumber(exchange.body.toString()) % 1000)}`,
    created: Math.floor(world.now() / 1000),
    model: ready.text,
    system_fingerprint: 'fp_ollama',
  };
  if (given['stream'] === true) {
    const options = given['stream_options'] as JsonObject | null | undefined;
    await streamChunks(world, exchange, ready, answer, head, options?.['include_usage'] === true);
    return;
  }
  const said = { thinking: '', content: '' };
  const metrics = await speak(world, ready, answer, exchange.signal, (piece) => {
    said[piece.kind] += piece.text;
    return Promise.resolve();
  });
  if (exchange.signal.aborted) throw new StreamOver();
  const message = {
    role: 'assistant',
    content: said.content,
    ...(said.thinking === '' ? {} : { reasoning: said.thinking }),
    ...callsOf(answer),
  };
  const choices = [{ index: 0, message, finish_reason: finishOf(answer, metrics) }];
  send(exchange, {
    id: head.id,
    object: 'chat.completion',
    ...headRest(head),
    choices,
    usage: usageOf(metrics),
  });
}

interface ChunkHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

function headRest({ created, model, system_fingerprint }: ChunkHead): object {
  return { created, model, system_fingerprint };
}

async function streamChunks(
  world: World,
  exchange: Exchange,
  ready: Ready,
  answer: Answer,
  head: ChunkHead,
  withUsage: boolean,
): Promise<void> {
  const { response, plan, signal } = exchange;
  const fault = `data: ${JSON.stringify({ error: { message: RUNNER_DIED, type: 'api_error', param: null, code: null } })}\n\n`;
  const writer = openWriter(response, plan, signal, fault);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const chunk = (choices: readonly object[], more: object = {}): string => {
    const value = { id: head.id, object: 'chat.completion.chunk', ...headRest(head), choices, ...more };
    return `data: ${JSON.stringify(value)}\n\n`;
  };
  const choice = (delta: object, finish_reason: string | null = null): object[] => [
    { index: 0, delta: { role: 'assistant', ...delta }, finish_reason },
  ];
  const metrics = await speak(world, ready, answer, signal, async ({ kind, text, share }) => {
    const delta = kind === 'thinking' ? { content: '', reasoning: text } : { content: text };
    await writer.write(chunk(choice(delta)), share);
  });
  if (answer.toolCalls.length > 0) await writer.write(chunk(choice({ content: '', ...callsOf(answer) })), 1);
  await writer.write(chunk(choice({ content: '' }, finishOf(answer, metrics))), 1, true);
  if (withUsage) await writer.write(chunk([], { usage: usageOf(metrics) }), 1, true);
  await writer.write('data: [DONE]\n\n', 1, true);
  await writer.end();
}

function callsOf(answer: Answer): object {
  if (answer.toolCalls.length === 0) return {};
  const calls = answer.toolCalls.map(({ id, function: { index, name, arguments: args } }) => ({
    id,
    index,
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }));
  return { tool_calls: calls };
}

function finishOf(answer: Answer, metrics: Metrics): string {
  return answer.toolCalls.length > 0 ? 'tool_calls' : metrics.done_reason;
}

function usageOf(metrics: Metrics): object {
  const { prompt_eval_count: prompt, eval_count: completion } = metrics;
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

// The request as /api/chat would have it.
function nativeRequest(given: JsonObject): JsonObject {
  const options: Record<string, unknown> = {};
  const limit = given['max_completion_tokens'] ?? given['max_tokens'];
  if (typeof limit === 'number') options['num_predict'] = limit;
  for (const key of ['seed', 'temperature', 'top_p', 'frequency_penalty', 'presence_penalty']) {
    if (typeof given[key] === 'number') options[key] = given[key];
  }
  const { stop } = given;
  if (typeof stop === 'string') options['stop'] = [stop];
  else if (Array.isArray(stop)) options['stop'] = stop;
  const effort = given['reasoning_effort'];
  return {
    model: given['model'],
    messages: Array.isArray(given['messages']) ? given['messages'].map(nativeMessage) : [],
    tools: given['tools'],
    options,
    ...(typeof effort === 'string' ? { think: EFFORTS[effort] ?? effort } : {}),
    ...formatOf(given['response_format']),
  };
}

const EFFORTS: Readonly<Record<string, unknown>> = {
  none: false,
  minimal: 'low',
  xhigh: 'max',
  ultra: 'max',
};

function formatOf(value: unknown): object {
  const format = (typeof value === 'object' && value !== null ? value : {}) as JsonObject;
  if (format['type'] === 'json_object') return { format: 'json' };
  const schema = (format['json_schema'] as JsonObject | undefined)?.['schema'];
  return schema === undefined ? {} : { format: schema };
}

// Content may come in parts.
function nativeMessage(value: unknown): unknown {
  const message = (typeof value === 'object' && value !== null ? value : {}) as JsonObject;
  if (!Array.isArray(message['content'])) return message;
  const parts = message['content'] as JsonObject[];
  const text = parts.map((part) => (part['type'] === 'text' ? String(part['text'] ?? '') : '')).join('');
  const images = parts.filter((part) => part['type'] === 'image_url').map(() => 'aW1hZ2U=');
  return { ...message, content: text, ...(images.length === 0 ? {} : { images }) };
}
