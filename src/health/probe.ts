import type { Context } from '../context.js';
import { isOllamaError, type OllamaError } from '../core/errors.js';
import type { ChatMetrics } from '../core/chat.js';

/** What a tiny completion took. Times in milliseconds. */
export interface Probe {
  readonly model: string;
  readonly tokens: number;
  /** By the server's own clock; by this machine's where the server tells no times. */
  readonly tokensPerSecond: number;
  readonly firstTokenMs: number;
  /** From the first piece of the answer to its last, as they came here. */
  readonly spanMs: number;
  /** How often something came. */
  readonly chunks: number;
  readonly loadMs: number;
  /** What the server took to make the tokens; undefined where it does not say. */
  readonly answerMs: number | undefined;
}

/** Enough for a speed, and over soon on a slow machine too. */
const TOKENS = 32;
const PROMPT = 'Count from one to thirty in words, one number a line:';

/**
 * Has a model answer a few tokens, and measures. Loads the model, which may unload others; a window that is configured is
 * asked for, so that a loaded model is not loaded anew. Throws what the server fails with.
 */
export async function probeModel(
  { client, settings }: Pick<Context, 'client' | 'settings'>,
  model: string,
  signal: AbortSignal,
): Promise<Probe> {
  const { num_ctx: window } = settings.options;
  const before = performance.now();
  const times: number[] = [];
  let metrics: ChatMetrics | undefined;
  const options = {
    num_predict: TOKENS,
    temperature: 0,
    ...(window === undefined ? {} : { num_ctx: window }),
  };
  const request = { model, prompt: PROMPT, raw: true, options };
  for await (const event of client.generate(request, { signal })) {
    if (event.type === 'error') throw event.error;
    if (event.type === 'done') metrics = event.metrics;
    else times.push(performance.now() - before);
  }
  return measure(model, times, metrics, performance.now() - before);
}

function measure(
  model: string,
  times: readonly number[],
  metrics: ChatMetrics | undefined,
  totalMs: number,
): Probe {
  const first = times[0] ?? totalMs;
  const span = (times.at(-1) ?? first) - first;
  const tokens = metrics?.completion_tokens || times.length;
  const told = metrics?.tokens_per_second ?? 0;
  const speed = told > 0 ? told : (tokens * 1000) / Math.max(1, totalMs - (metrics?.load_ms ?? 0));
  return {
    model,
    tokens,
    tokensPerSecond: Math.round(speed * 10) / 10,
    firstTokenMs: Math.round(first),
    spanMs: Math.round(span),
    chunks: times.length,
    loadMs: Math.round(metrics?.load_ms ?? 0),
    answerMs: told > 0 ? Math.round((tokens * 1000) / told) : undefined,
  };
}

/** Fewer pieces say nothing about how they travel. */
const FEWEST_CHUNKS = 8;
/** A quicker answer may well come in one piece. */
const SHORTEST_MS = 300;

/** Whether something on the way kept the answer back, and passed it on in one piece: all of it came at once, though it took long to make. */
export function isBuffered({ chunks, spanMs, firstTokenMs, loadMs, answerMs }: Probe): boolean {
  const waited = firstTokenMs - loadMs;
  const made = answerMs ?? waited;
  return chunks >= FEWEST_CHUNKS && made >= SHORTEST_MS && waited >= made / 2 && spanMs < made / 10;
}

/**
 * A processor's memory moves about so many bytes a second (two channels of DDR5), a graphics card's four times that at the
 * least; and each token reads all weights once.
 */
const PROCESSOR_BYTES = 50e9;
/** Small models are quick on a processor too: whatever is above this needs no remark. In tokens a second. */
const QUICK = 30;

/** The speed below which a model of so many bytes is as slow as on a processor, in tokens a second. */
export function processorSpeed(bytes: number): number {
  return Math.min(QUICK, PROCESSOR_BYTES / Math.max(1, bytes));
}

/** True for an error that says that this model makes no text. */
export function isNoTalker(error: unknown): error is OllamaError {
  return isOllamaError(error) && /does not support (?:generate|chat|completion)/i.test(error.message);
}
