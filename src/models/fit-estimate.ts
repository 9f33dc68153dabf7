import type { ModelFacts } from './facts.js';

/** How a number of the key-value cache is kept: Ollama's OLLAMA_KV_CACHE_TYPE. */
export type KvType = 'f16' | 'q8_0' | 'q4_0';

/** What a loaded model would take, in bytes. */
export interface FitEstimate {
  readonly weights_bytes: number;
  readonly kv_bytes: number;
  readonly overhead_bytes: number;
  readonly total_bytes: number;
}

/** What is asked about: the length of the context in tokens, and how the cache keeps its numbers. */
export interface FitQuestion {
  readonly context: number;
  readonly kvType: KvType;
}

/** Bytes that a number of the cache takes; the quantized ones with a scale for each 32. */
const KV_BYTES: Readonly<Record<KvType, number>> = { f16: 2, q8_0: 34 / 32, q4_0: 18 / 32 };

/** Ollama's default of `num_batch`: how many tokens are worked on at once. */
const BATCH = 512;

/**
 * What a model takes once it is loaded; docs/fit.md explains the formula and what it leaves out. Of a model whose build
 * is not known, the cache is guessed from the number of its parameters.
 */
export function estimateFit(facts: ModelFacts, question: FitQuestion): FitEstimate {
  if (facts.cloud) return { weights_bytes: 0, kv_bytes: 0, overhead_bytes: 0, total_bytes: 0 };
  const weights_bytes = Math.round(facts.weightsBytes);
  const kv_bytes = Math.round(facts.shape ? countCache(facts, question) : guessCache(facts, question));
  const overhead_bytes = Math.round(facts.outputCopyBytes + countWork(facts, question));
  return { weights_bytes, kv_bytes, overhead_bytes, total_bytes: weights_bytes + kv_bytes + overhead_bytes };
}

function countCache({ shape }: ModelFacts, { context, kvType }: FitQuestion): number {
  return (shape?.blocks ?? []).reduce((sum, { perToken, window, state = 0 }) => {
    // A window moves a batch at a time, so a batch more is kept.
    const tokens = window === undefined ? context : Math.min(context, window + BATCH);
    return sum + perToken * tokens * KV_BYTES[kvType] + state;
  }, 0);
}

/** Kilobytes (1024) of a 16-bit cache for each token, as models of up to so many parameters have them. */
const TYPICAL_CACHE: readonly (readonly [parameters: number, kibibytes: number])[] = [
  [1.2e8, 24],
  [6e8, 64],
  [4e9, 112],
  [9e9, 144],
  [16e9, 192],
  [36e9, 256],
  [80e9, 320],
];
const LARGEST_CACHE = 512;

function guessCache({ parameters, weightsBytes }: ModelFacts, { context, kvType }: FitQuestion): number {
  const count = parameters ?? weightsBytes / 0.6;
  const kibibytes = TYPICAL_CACHE.find(([most]) => count <= most)?.[1] ?? LARGEST_CACHE;
  return (kibibytes * 1024 * context * KV_BYTES[kvType]) / KV_BYTES.f16;
}

/** The room for a batch on its way through a block, and the mask of what it may look at. */
function countWork({ shape, weightsBytes }: ModelFacts, { context }: FitQuestion): number {
  if (!shape) return 100e6 + 0.02 * weightsBytes;
  return 4 * BATCH * (2 * shape.feedForward + 3 * shape.embedding) + 2 * BATCH * context;
}
