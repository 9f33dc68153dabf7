import { Refusal } from './errors.js';
import type { JsonObject } from './exchange.js';
import { textField } from './exchange.js';
import type { Ready, Speech } from './run.js';
import { demand, findModel, fitPrompt, loadModel, nameOf } from './run.js';
import { valueOf } from './schema.js';
import { answerText, thinkingText } from './text.js';
import type { ToolCall } from './tools.js';
import { callTool } from './tools.js';
import { isOld } from './world.js';
import type { World } from './world.js';

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
