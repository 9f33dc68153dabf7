import type { Answer } from './answer.js';
import { answerChat, prepareChat, readImages, readMessages } from './answer.js';
import { Refusal } from './errors.js';
import { reachesFault } from './faults.js';
import type { Exchange, JsonObject, SendEvent } from './exchange.js';
import { collectEvents, readJson, sendJson, streamEvents, textField, wantsStream } from './exchange.js';
import type { Metrics, Piece, Ready } from './run.js';
import { demand, demandAnswers, findModel, loadModel, metricFields, speak } from './run.js';
import { hashNumber, tokenId, tokenize } from './text.js';
import { goTime } from './time.js';
import type { ToolCall } from './tools.js';
import { isOld } from './world.js';
import type { World } from './world.js';

/** The error line of a model that dies while it answers. */
export const RUNNER_DIED = 'an error was encountered while running the model: unexpected EOF';

/** Answers /api/chat. */
export async function chat(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const text = textField(request, 'model') ?? '';
  const messages = readMessages(request['messages']);
  const found = await findModel(world, text);
  // Also a model that only embeds is taken out of memory this way.
  if (messages.length > 0 || !unloads(request)) demandAnswers(found.facts, text, 'chat');
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
  const ready = await prepareChat(world, request, messages, exchange);
  const answer = answerChat(ready, request, messages, { old: isOld(world), plan: exchange.plan });
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
  if (prompt !== '' || !unloads(request)) demandAnswers(found.facts, text, 'generate');
  if (prompt === '' && suffix === '') {
    const reason = await loadOnly(world, exchange, request, text);
    sendJson(exchange, 200, { model: text, created_at: goTime(world.now()), response: '', ...reason });
    return;
  }
  if (suffix !== '') demand(found, 'insert');
  const system = textField(request, 'system');
  const messages = [
    ...(system === undefined ? [] : [{ role: 'system', content: system, images: [] }]),
    { role: 'user', content: prompt, images: readImages(request) },
  ];
  const ready = await prepareChat(world, request, messages, exchange);
  const answer = answerChat(ready, request, messages, { old: isOld(world), plan: exchange.plan });
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
      if (reachesFault(exchange.plan, 'killed', piece.share)) {
        world.runners.unload(ready.name);
        throw new Refusal(500, 'llama runner process has terminated: signal: killed');
      }
      said[piece.kind] += piece.text;
      await send(shapes.piece(piece), piece.share);
    });
    if (answer.toolCalls.length > 0) await send(shapes.calls(answer.toolCalls), 1);
    await send(stream ? shapes.last(metrics) : shapes.whole(said, metrics), 1, true);
  };
  if (stream) await streamEvents(exchange, produce, RUNNER_DIED);
  else await collectEvents(exchange, produce, RUNNER_DIED, 'application/json; charset=utf-8');
}

function unloads({ keep_alive: keepAlive }: JsonObject): boolean {
  return keepAlive === 0 || keepAlive === '0' || keepAlive === '0s';
}

// A request without a prompt loads the model, or unloads it where keep_alive is 0.
async function loadOnly(
  world: World,
  exchange: Exchange,
  request: JsonObject,
  text: string,
): Promise<object> {
  const found = await findModel(world, text);
  if (unloads(request)) {
    world.runners.unload(found.name);
    return { done: true, done_reason: 'unload' };
  }
  await loadModel(world, found, request, text, exchange);
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
