import { nextTurn } from './bytes.js';
import { Refusal, StreamOver } from './errors.js';
import type { Exchange, JsonObject } from './exchange.js';
import type { Capability, ModelFacts } from './model.js';
import { readModel } from './model.js';
import type { ModelName } from './names.js';
import { fullName, parseName, showName } from './names.js';
import type { RunOptions } from './options.js';
import { readOptions } from './options.js';
import { parseKeepAlive } from './runners.js';
import { tokenize } from './text.js';
import { wait } from './wait.js';
import { isOld } from './world.js';
import type { World } from './world.js';

/** A model that is ready to answer. */
export interface Ready {
  /** As the request wrote it. */
  readonly text: string;
  readonly name: ModelName;
  readonly facts: ModelFacts;
  readonly options: RunOptions;
  /** Nanoseconds. */
  readonly loadDuration: number;
}

// Architectures that the server of early 2025 cannot load.
const LATER = new Set(['gemma3', 'qwen3', 'mistral3', 'gptoss', 'llama4', 'qwen25vl']);

/** Finds the model of a request; throws the 404 and 400 of the real server. */
export async function findModel(
  world: World,
  text: string,
  suggestPull = isOld(world),
): Promise<{ name: ModelName; facts: ModelFacts }> {
  if (text === '') throw new Refusal(400, 'model is required');
  const name = parseName(text);
  const model = name === undefined ? undefined : world.store.find(name);
  if (name === undefined || model === undefined) {
    throw new Refusal(
      404,
      suggestPull ? `model "${text}" not found, try pulling it first` : `model '${text}' not found`,
    );
  }
  return { name: model.name, facts: await readModel(world.store, model) };
}

/** Throws 400 for a model that only embeds; `what` is what was asked of it. */
export function demandAnswers(facts: ModelFacts, text: string, what: 'chat' | 'generate'): void {
  if (facts.capabilities.includes('completion')) return;
  throw new Refusal(400, `${JSON.stringify(text)} does not support ${what}`);
}

/** Throws 400 where the model lacks a capability that the request needs. */
export function demand(found: { name: ModelName; facts: ModelFacts }, needed: Capability): void {
  if (found.facts.capabilities.includes(needed)) return;
  throw new Refusal(400, `${fullName(found.name)} does not support ${needed}`);
}

/** Loads the model as long as the request says, and tells how long that took. */
export async function loadModel(
  world: World,
  found: { name: ModelName; facts: ModelFacts },
  request: JsonObject,
  text: string,
  { plan, signal }: Pick<Exchange, 'plan' | 'signal'>,
): Promise<Ready> {
  const asked = readOptions(found.facts.params, request['options']);
  // No model gets a larger window than it was made for, whatever is asked.
  const options = { ...asked, numCtx: Math.min(asked.numCtx, found.facts.contextLength) };
  const keepAlive = request['keep_alive'];
  const keepAliveMs =
    keepAlive === undefined || keepAlive === null ? world.keepAliveMs : parseKeepAlive(keepAlive);
  if (keepAliveMs === undefined)
    throw new Refusal(400, `time: invalid duration ${JSON.stringify(keepAlive)}`);
  const begun = performance.now();
  if (isOld(world) && LATER.has(found.facts.config.model_family)) {
    const why = 'this model is not supported by your version of Ollama. You may need to upgrade';
    throw new Refusal(500, `llama runner process has terminated: ${why}`);
  }
  const room = plan('oom')?.amount;
  if (room !== undefined && options.numCtx > room && plan.fire('oom') !== undefined) {
    throw new Refusal(500, 'model requires more system memory (5.6 GiB) than is available (3.2 GiB)');
  }
  const loadMs = plan.fire('slow-load')?.amount ?? world.loadMs;
  if (!(await world.runners.load(found.name, options.numCtx, loadMs, signal))) throw new StreamOver();
  world.runners.use(found.name, options.numCtx, keepAliveMs);
  return {
    text,
    name: found.name,
    facts: found.facts,
    options,
    loadDuration: nanoseconds(performance.now() - begun),
  };
}

/** Tokens of the prompt that are used; throws 400 where it does not fit and may not be cut. */
export function fitPrompt(ready: Ready, prompt: string, truncate: boolean): number {
  const tokens = tokenize(prompt).length + TEMPLATE_TOKENS;
  const { numCtx } = ready.options;
  if (tokens <= numCtx) return tokens;
  if (!truncate) throw new Refusal(400, 'the input length exceeds the context length', { bare: true });
  return numCtx;
}

/** What a template puts around a conversation. */
export const TEMPLATE_TOKENS = 8;

/** One token of an answer. */
export interface Piece {
  readonly kind: 'thinking' | 'content';
  readonly text: string;
  /** How much of the answer has been sent with it, 0 to 1. */
  readonly share: number;
}

/** How an answer went; durations in nanoseconds, which add up to the total. */
export interface Metrics {
  readonly done_reason: 'stop' | 'length';
  readonly total_duration: number;
  readonly load_duration: number;
  readonly prompt_eval_count: number;
  readonly prompt_eval_duration: number;
  readonly eval_count: number;
  readonly eval_duration: number;
}

/** What is to be said; `hidden` is thought up token by token too, and sent by the caller as a whole. */
export interface Speech {
  readonly thinking: string;
  readonly content: string;
  readonly hidden: string;
  readonly promptTokens: number;
  /** The most tokens that the window has room for; `Infinity` where it is shifted on. */
  readonly room: number;
}

/** Sends an answer token by token at the sandbox's speed, within `num_predict` and `stop`; returns its metrics. */
export async function speak(
  world: World,
  ready: Ready,
  answer: Speech,
  signal: AbortSignal,
  send: (piece: Piece) => Promise<void>,
): Promise<Metrics> {
  const pace = world.tokensPerSecond;
  const begun = performance.now();
  // Reading is ten times as fast as writing.
  if (Number.isFinite(pace)) await wait(Math.min(2000, (answer.promptTokens / (pace * 10)) * 1000), signal);
  const read = performance.now();
  const { content, stopped } = untilStop(answer.content, ready.options.stop);
  const thinking = tokenize(answer.thinking);
  const visible = [...thinking, ...tokenize(content)];
  const all = [...visible, ...tokenize(answer.hidden)];
  const { numPredict } = ready.options;
  const count = Math.min(all.length, numPredict < 0 ? Infinity : numPredict, answer.room);
  for (let index = 0; index < count && !signal.aborted; index += 1) {
    const due = read + ((index + 1) / pace) * 1000 - performance.now();
    if (due > 1) await wait(due, signal);
    else if (index % 64 === 63) await nextTurn();
    if (index >= visible.length) continue;
    const kind = index < thinking.length ? 'thinking' : 'content';
    await send({ kind, text: all[index] ?? '', share: (index + 1) / count });
  }
  const durations = {
    load_duration: ready.loadDuration,
    prompt_eval_duration: nanoseconds(read - begun),
    eval_duration: nanoseconds(performance.now() - read),
  };
  return {
    done_reason: !stopped && count < all.length ? 'length' : 'stop',
    total_duration: durations.load_duration + durations.prompt_eval_duration + durations.eval_duration,
    ...durations,
    prompt_eval_count: answer.promptTokens,
    eval_count: count,
  };
}

function untilStop(content: string, stop: readonly string[]): { content: string; stopped: boolean } {
  const at = Math.min(...stop.map((text) => content.indexOf(text)).filter((index) => index >= 0));
  return Number.isFinite(at) ? { content: content.slice(0, at), stopped: true } : { content, stopped: false };
}

function nanoseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1e6));
}

/** The metrics as the last line of a stream has them, in Ollama's order. */
export function metricFields(metrics: Metrics): object {
  return {
    done: true,
    done_reason: metrics.done_reason,
    total_duration: metrics.total_duration,
    load_duration: metrics.load_duration,
    prompt_eval_count: metrics.prompt_eval_count,
    prompt_eval_duration: metrics.prompt_eval_duration,
    ...(metrics.eval_count === 0 ? {} : { eval_count: metrics.eval_count }),
    eval_duration: metrics.eval_duration,
  };
}

/** The shortest name, for texts of the sandbox's own. */
export function nameOf(ready: Ready): string {
  return showName(ready.name);
}
