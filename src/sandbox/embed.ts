import { Refusal } from './errors.js';
import type { Exchange, JsonObject } from './exchange.js';
import { readJson, sendBody, sendJson, textField } from './exchange.js';
import type { Ready } from './run.js';
import { findModel, loadModel } from './run.js';
import { tokenId, tokenize } from './text.js';
import { isOld } from './world.js';
import type { World } from './world.js';

interface Embedded {
  readonly vectors: readonly (readonly number[])[];
  readonly tokens: number;
  readonly ready: Ready;
}

/** Answers /api/embed. */
export async function embed(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const begun = performance.now();
  const { vectors, tokens, ready } = await embedAll(world, request, inputsOf(request['input']), exchange);
  sendJson(exchange, 200, {
    model: ready.text,
    embeddings: vectors,
    total_duration: Math.round((performance.now() - begun) * 1e6) + ready.loadDuration,
    load_duration: ready.loadDuration,
    ...(tokens === 0 ? {} : { prompt_eval_count: tokens }),
  });
}

/** Answers the older /api/embeddings. */
export async function embedOne(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const prompt = textField(request, 'prompt') ?? '';
  const { vectors } = await embedAll(world, request, prompt === '' ? [] : [prompt], exchange);
  sendJson(exchange, 200, { embedding: vectors[0] ?? [] });
}

/** Answers /v1/embeddings, with numbers or as base64 of little-endian floats. */
export async function embedOpenAi(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const { vectors, tokens, ready } = await embedAll(world, request, inputsOf(request['input']), exchange);
  const encode = (vector: readonly number[]): readonly number[] | string =>
    request['encoding_format'] === 'base64'
      ? Buffer.from(Float32Array.from(vector).buffer).toString('base64')
      : vector;
  const body = {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', embedding: encode(vector), index })),
    model: ready.text,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
  sendBody(exchange, 200, 'application/json', `${JSON.stringify(body)}\n`);
}

function inputsOf(input: unknown): readonly string[] {
  if (input === undefined || input === null || input === '') return [];
  if (typeof input === 'string') return [input];
  if (Array.isArray(input) && input.every((item) => typeof item === 'string')) return input;
  throw new Refusal(400, 'invalid input type');
}

async function embedAll(
  world: World,
  request: JsonObject,
  inputs: readonly string[],
  exchange: Pick<Exchange, 'plan' | 'signal'>,
): Promise<Embedded> {
  const text = textField(request, 'model') ?? '';
  const found = await findModel(world, text, true);
  const ready = await loadModel(world, found, request, text, exchange);
  if (!found.facts.capabilities.includes('embedding') && !isOld(world)) {
    throw new Refusal(501, 'this model does not support embeddings');
  }
  const length = Math.min(ready.options.numCtx, found.facts.contextLength);
  const info = found.facts.head.info[`${found.facts.config.model_family}.embedding_length`];
  const whole = typeof info === 'number' ? info : 768;
  const wanted = request['dimensions'];
  const dimensions = typeof wanted === 'number' && wanted > 0 ? Math.min(wanted, whole) : whole;
  let tokens = 0;
  const vectors = inputs.map((input) => {
    const pieces = tokenize(input);
    if (pieces.length > length && request['truncate'] === false) {
      throw new Refusal(400, 'the input length exceeds the context length');
    }
    const used = pieces.slice(0, length);
    tokens += used.length;
    return embedTokens(used, whole).slice(0, dimensions);
  });
  return { vectors: vectors.map(normalise), tokens, ready };
}

// Texts with the same words are near to one another, as with a real model.
function embedTokens(tokens: readonly string[], dimensions: number): number[] {
  const sum = new Array<number>(dimensions).fill(0);
  for (const token of tokens) {
    let state = tokenId(token.trim().toLowerCase()) + 1;
    for (let index = 0; index < dimensions; index += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      sum[index] = (sum[index] ?? 0) + state / 0x8000_0000 - 1;
    }
  }
  return sum;
}

function normalise(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => (length === 0 ? 0 : Math.fround(value / length)));
}
