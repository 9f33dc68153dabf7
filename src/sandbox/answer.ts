import { Refusal } from './errors.js';
import type { Exchange, JsonObject } from './exchange.js';
import { textField } from './exchange.js';
import type { FaultPlan } from './faults.js';
import type { Ready, Speech } from './run.js';
import { demand, findModel, fitPrompt, loadModel, nameOf, TEMPLATE_TOKENS } from './run.js';
import { valueOf } from './schema.js';
import { answerText, thinkingText, tokenize } from './text.js';
import type { ToolCall } from './tools.js';
import { callTool } from './tools.js';
import { isOld } from './world.js';
import type { World } from './world.js';

/** One message of a conversation, as far as the sandbox reads it. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  /** In base64, as they came. */
  readonly images: readonly string[];
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
  exchange: Pick<Exchange, 'plan' | 'signal'>,
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
  const images = messages.flatMap((message) => message.images);
  if (!images.every(isBase64)) throw new Refusal(400, 'illegal base64 data at input byte 0');
  const ready = await loadModel(world, found, request, text, exchange);
  const sees = found.facts.capabilities.includes('vision');
  if (images.length > 0 && (!sees || exchange.plan.fire('bad-image') !== undefined)) {
    const why = sees ? 'image: unknown format' : 'this model is missing data required for image input';
    throw new Refusal(500, `Failed to create new sequence: failed to process inputs: ${why}`, { bare: true });
  }
  return ready;
}

function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}

const LEVELS: ReadonlyMap<string, number> = new Map([
  ['low', 1],
  ['medium', 3],
  ['high', 6],
  ['max', 10],
]);

/** What no terminal may be given as it is: a title, the clipboard, colours, a cleared screen, reversed text. */
export const HOSTILE_TEXT =
  '\u001b]0;owned\u0007\u001b]52;c;b3duZWQ=\u001b\\\u001b[2J\u001b[31mred\u202edetrever\u202c\u009b1mbold\r';

/**
 * What the sandbox says to these messages, in the ways of an old server or with the faults of a plan; throws 400 where
 * they do not fit and may not be cut.
 */
export function answerChat(
  ready: Ready,
  request: JsonObject,
  messages: readonly ChatMessage[],
  { old, plan }: { readonly old: boolean; readonly plan: FaultPlan },
): Answer {
  const said = sayTo(ready, request, messages, { old, plan });
  if (plan.fire('escapes') === undefined) return said;
  return {
    ...said,
    thinking: said.thinking === '' ? '' : HOSTILE_TEXT + said.thinking,
    content: said.content === '' ? '' : HOSTILE_TEXT + said.content,
    toolCalls: said.toolCalls.map((call) => ({
      ...call,
      function: { ...call.function, name: `${call.function.name}${HOSTILE_TEXT}` },
    })),
  };
}

function sayTo(
  ready: Ready,
  request: JsonObject,
  messages: readonly ChatMessage[],
  { old, plan }: { readonly old: boolean; readonly plan: FaultPlan },
): Answer {
  const whole = messages.map((message) => message.content).join('\n');
  const cuts = request['truncate'] !== false || old || plan.fire('cut-window') !== undefined;
  const last = messages.at(-1);
  const read = fitPrompt(ready, whole, cuts);
  const promptTokens =
    plan.fire('count-new') === undefined
      ? read
      : Math.min(read, tokenize(last?.content ?? '').length + TEMPLATE_TOKENS);
  // Without a shift of the window an answer ends where it is full; its last token is counted, and never read again.
  const room = request['shift'] === false && !old ? ready.options.numCtx - read + 1 : Infinity;
  const asked = messages.findLast((message) => message.role === 'user')?.content ?? '';
  const systems = messages.filter((message) => message.role === 'system').map((message) => message.content);
  const system = systems.length > 0 ? systems.join('\n') : ready.facts.system;
  const question = { model: nameOf(ready), prompt: asked, system, seed: ready.options.seed };
  const cost = { promptTokens, room };
  if (last?.role === 'assistant' && last.content !== '') {
    const content = goOn(answerText(question), last.content);
    return { thinking: '', content, hidden: '', toolCalls: [], ...cost };
  }
  const think = request['think'];
  const thinks = ready.facts.capabilities.includes('thinking') && think !== false && !old;
  const thinking = thinks ? thinkingText(question, LEVELS.get(String(think)) ?? 2) : '';
  const toolCalls = last?.role === 'tool' ? [] : callTool(request['tools'], asked);
  if (toolCalls.length > 0) {
    return { thinking, content: '', hidden: JSON.stringify(toolCalls[0]?.function), toolCalls, ...cost };
  }
  const { format } = request;
  let content = answerText(question);
  if (last?.role === 'tool') content = `The tool said: ${last.content}. ${content}`;
  if (format === 'json') content = JSON.stringify({ sandbox: true, answer: content });
  else if (typeof format === 'object' && format !== null) content = JSON.stringify(valueOf(format, asked));
  return { thinking, content, hidden: '', toolCalls, ...cost };
}

/** What comes after a text that the answer has begun with, as a model goes on with a last message of its own. */
function goOn(answer: string, begun: string): string {
  return answer.startsWith(begun) && answer.length > begun.length
    ? answer.slice(begun.length)
    : ' And so the sandbox goes on from there, and ends here.';
}

/** The messages of a request. */
export function readMessages(value: unknown): ChatMessage[] {
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => {
    const message = (typeof item === 'object' && item !== null ? item : {}) as JsonObject;
    const content = typeof message['content'] === 'string' ? message['content'] : '';
    return { role: String(message['role']), content, images: readImages(message) };
  });
}

/** The images of a message, or of a request that is one. */
export function readImages({ images }: JsonObject): string[] {
  return Array.isArray(images) ? images.map(String) : [];
}
