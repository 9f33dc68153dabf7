import { Refusal } from './errors.js';
import type { Exchange, JsonObject, SendEvent } from './exchange.js';
import { collectEvents, readJson, sendJson, streamEvents, textField, wantsStream } from './exchange.js';
import type { Metrics, Piece, Ready, Speech } from './run.js';
import {
  demand,
  demandAnswers,
  findModel,
  fitPrompt,
  loadModel,
  metricFields,
  nameOf,
  speak,
} from './run.js';
import { valueOf } from './schema.js';
import { answerText, hashNumber, thinkingText, tokenId, tokenize } from './text.js';
import { goTime } from './time.js';
import type { ToolCall } from './tools.js';
import { callTool } from './tools.js';
import { isOld } from './world.js';
import type { World } from './world.js';

/** The error line of a model that dies while it answers. */
export const RUNNER_DIED = 'an error was encountered while running the model: unexpected EOF';

/** One message of a conversation, as far as the sandbox reads it. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly images: boolean;
}

/** What is to be said, and what it costs. */
export interface Answer extends Speech {
  readonly toolCalls: readonly ToolCall[];
}

/** Answers /api/chat. */
export async function chat(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const text = textField(request, 'model') ?? '';
  const messages = readMessages(request['messages']);
  const found = await findModel(world, text);
  demandAnswers(found.facts, text, 'chat');
  if (messages.length === 0) {
    const reason = await loadOnly(world, exchange, request, text);
    sendJson(exchange, 200, {
      model: text,
      created_at: goTime(world.now()),
      message: assistant(''),
      ...reason,
    });
    return;
  }
  const ready = await prepareChat(world, request, messages, exchange.signal);
  const answer = answerChat(ready, request, messages, isOld(world));
  const logprobs = request['logprobs'] === true && !isOld(world);
  await reply(world, exchange, ready, answer, wantsStream(request), {
    piece: (piece) => ({
      model: text,
      created_at: goTime(world.now()),
      message: piece.kind === 'thinking' ? assistant('', { thinking: piece.text }) : assistant(piece.text),
      done: false,
      ...(logprobs ? { logprobs: [logprobOf(piece.text, Number(request['top_logprobs'] ?? 0))] } : {}),
    }),
    calls: (calls) => ({
      model: text,
      created_at: goTime(world.now()),
      message: assistant('', { tool_calls: calls }),
      done: false,
    }),
    last: (metrics) => ({
      model: text,
      created_at: goTime(world.now()),
      message: assistant(''),
      ...metricFields(metrics),
    }),
    whole: (said, metrics) => ({
      model: text,
      created_at: goTime(world.now()),
      message: assistant(said.content, {
        ...(said.thinking === '' ? {} : { thinking: said.thinking }),
        ...(answer.toolCalls.length === 0 ? {} : { tool_calls: answer.toolCalls }),
      }),
      ...metricFields(metrics),
    }),
  });
}

/** Answers /api/generate. */
export async function generate(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const text = textField(request, 'model') ?? '';
  const prompt = textField(request, 'prompt') ?? '';
  const suffix = textField(request, 'suffix') ?? '';
  const found = await findModel(world, text);
  demandAnswers(found.facts, text, 'generate');
  if (prompt === '' && suffix === '') {
    const reason = await loadOnly(world, exchange, request, text);
    sendJson(exchange, 200, { model: text, created_at: goTime(world.now()), response: '', ...reason });
    return;
  }
  if (suffix !== '') demand(found, 'insert');
  const system = textField(request, 'system');
  const images = Array.isArray(request['images']) && request['images'].length > 0;
  const messages = [
    ...(system === undefined ? [] : [{ role: 'system', content: system, images: false }]),
    { role: 'user', content: prompt, images },
  ];
  const ready = await prepareChat(world, request, messages, exchange.signal);
  const answer = answerChat(ready, request, messages, isOld(world));
  const contextOf = (said: string): number[] => [...tokenize(prompt), ...tokenize(said)].map(tokenId);
  let spoken = '';
  await reply(world, exchange, ready, answer, wantsStream(request), {
    piece: (piece) => {
      if (piece.kind === 'content') spoken += piece.text;
      const words =
        piece.kind === 'thinking' ? { response: '', thinking: piece.text } : { response: piece.text };
      return { model: text, created_at: goTime(world.now()), ...words, done: false };
    },
    calls: (calls) => ({
      model: text,
      created_at: goTime(world.now()),
      response: '',
      tool_calls: calls,
      done: false,
    }),
    last: (metrics) => {
      const { done, done_reason, ...rest } = metricFields(metrics) as JsonObject;
      const head = { model: text, created_at: goTime(world.now()), response: '' };
      return { ...head, done, done_reason, context: contextOf(spoken), ...rest };
    },
    whole: (said, metrics) => {
      const { done, done_reason, ...rest } = metricFields(metrics) as JsonObject;
      const thinking = said.thinking === '' ? {} : { thinking: said.thinking };
      const head = { model: text, created_at: goTime(world.now()), response: said.content, ...thinking };
      return { ...head, done, done_reason, context: contextOf(said.content), ...rest };
    },
  });
}

interface Shapes {
  piece(piece: Piece): object;
  calls(calls: readonly ToolCall[]): object;
  last(metrics: Metrics): object;
  whole(said: { readonly thinking: string; readonly content: string }, metrics: Metrics): object;
}

async function reply(
  world: World,
  exchange: Exchange,
  ready: Ready,
  answer: Answer,
  stream: boolean,
  shapes: Shapes,
): Promise<void> {
  const said = { thinking: '', content: '' };
  const produce = async (send: SendEvent): Promise<void> => {
    const metrics = await speak(world, ready, answer, exchange.signal, async (piece) => {
      said[piece.kind] += piece.text;
      await send(shapes.piece(piece), piece.share);
    });
    if (answer.toolCalls.length > 0) await send(shapes.calls(answer.toolCalls), 1);
    await send(stream ? shapes.last(metrics) : shapes.whole(said, metrics), 1, true);
  };
  if (stream) await streamEvents(exchange, produce, RUNNER_DIED);
  else await collectEvents(exchange, produce, RUNNER_DIED, 'application/json; charset=utf-8');
}

/** Loads the model for a chat; throws what the real server refuses before the first token, in its order. */
export async function prepareChat(
  world: World,
  request: JsonObject,
  messages: readonly ChatMessage[],
  signal: AbortSignal,
): Promise<Ready> {
  const text = textField(request, 'model') ?? '';
  const found = await findModel(world, text);
  if (Array.isArray(request['tools']) && request['tools'].length > 0) demand(found, 'tools');
  const think = request['think'];
  if (!isOld(world) && think !== undefined && think !== null && think !== false) {
    if (typeof think !== 'boolean' && !LEVELS.has(String(think))) {
      throw new Refusal(
        400,
        `invalid think value: ${JSON.stringify(think)} (must be "high", "medium", "low", "max", true, or false)`,
      );
    }
    if (!found.facts.capabilities.includes('thinking')) {
      throw new Refusal(400, `${JSON.stringify(text)} does not support thinking`);
    }
  }
  const ready = await loadModel(world, found, request, text, signal);
  if (messages.some((message) => message.images) && !found.facts.capabilities.includes('vision')) {
    const why = 'this model is missing data required for image input';
    throw new Refusal(500, `Failed to create new sequence: failed to process inputs: ${why}`, { bare: true });
  }
  return ready;
}

const LEVELS: ReadonlyMap<string, number> = new Map([
  ['low', 1],
  ['medium', 3],
  ['high', 6],
  ['max', 10],
]);

/** What the sandbox says to these messages; throws 400 where they do not fit and may not be cut. */
export function answerChat(
  ready: Ready,
  request: JsonObject,
  messages: readonly ChatMessage[],
  old: boolean,
): Answer {
  const whole = messages.map((message) => message.content).join('\n');
  const promptTokens = fitPrompt(ready, whole, request['truncate'] !== false || old);
  const last = messages.at(-1);
  const asked = messages.findLast((message) => message.role === 'user')?.content ?? '';
  const systems = messages.filter((message) => message.role === 'system').map((message) => message.content);
  const system = systems.length > 0 ? systems.join('\n') : ready.facts.system;
  const question = { model: nameOf(ready), prompt: asked, system, seed: ready.options.seed };
  const think = request['think'];
  const thinks = ready.facts.capabilities.includes('thinking') && think !== false && !old;
  const thinking = thinks ? thinkingText(question, LEVELS.get(String(think)) ?? 2) : '';
  const toolCalls = last?.role === 'tool' ? [] : callTool(request['tools'], asked);
  if (toolCalls.length > 0) {
    return { thinking, content: '', hidden: JSON.stringify(toolCalls[0]?.function), toolCalls, promptTokens };
  }
  const { format } = request;
  let content = answerText(question);
  if (last?.role === 'tool') content = `The tool said: ${last.content}. ${content}`;
  if (format === 'json') content = JSON.stringify({ sandbox: true, answer: content });
  else if (typeof format === 'object' && format !== null) content = JSON.stringify(valueOf(format, asked));
  return { thinking, content, hidden: '', toolCalls, promptTokens };
}

/** The messages of a request. */
export function readMessages(value: unknown): ChatMessage[] {
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => {
    const message = (typeof item === 'object' && item !== null ? item : {}) as JsonObject;
    const content = typeof message['content'] === 'string' ? message['content'] : '';
    const images = Array.isArray(message['images']) && message['images'].length > 0;
    return { role: String(message['role']), content, images };
  });
}

// A request without a prompt loads the model, or unloads it where keep_alive is 0.
async function loadOnly(
  world: World,
  exchange: Exchange,
  request: JsonObject,
  text: string,
): Promise<object> {
  const found = await findModel(world, text);
  const keepAlive = request['keep_alive'];
  if (keepAlive === 0 || keepAlive === '0' || keepAlive === '0s') {
    world.runners.unload(found.name);
    return { done: true, done_reason: 'unload' };
  }
  await loadModel(world, found, request, text, exchange.signal);
  return { done: true, done_reason: 'load' };
}

function assistant(content: string, more: object = {}): object {
  return { role: 'assistant', content, ...more };
}

function logprobOf(token: string, top: number): object {
  const one = (text: string): object => ({
    token: text,
    logprob: -(hashNumber(text) % 4000) / 1000 - 0.001,
    bytes: [...Buffer.from(text)],
  });
  const others = Array.from({ length: Math.max(0, top - 1) }, (_, index) => one(`${token}${String(index)}`));
  return { ...one(token), ...(top > 0 ? { top_logprobs: [one(token), ...others] } : {}) };
}
