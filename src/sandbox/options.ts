import { Refusal } from './errors.js';
import type { JsonObject } from './exchange.js';

const INTEGERS: ReadonlySet<string> = new Set([
  'num_keep',
  'seed',
  'num_predict',
  'top_k',
  'repeat_last_n',
  'num_ctx',
  'num_batch',
  'num_gpu',
  'main_gpu',
  'num_thread',
]);
const FLOATS: ReadonlySet<string> = new Set([
  'top_p',
  'min_p',
  'typical_p',
  'temperature',
  'repeat_penalty',
  'presence_penalty',
  'frequency_penalty',
]);

/** What the sandbox heeds of a request's options. */
export interface RunOptions {
  readonly numCtx: number;
  /** Tokens at most; negative is no limit. */
  readonly numPredict: number;
  readonly seed: number;
  readonly stop: readonly string[];
}

/** Reads options over a model's own; throws 500 for a wrong type, as api/types.go does. Unknown names are let by. */
export function readOptions(params: JsonObject, given: unknown): RunOptions {
  const options: JsonObject = {
    ...params,
    ...(typeof given === 'object' && given !== null ? (given as JsonObject) : {}),
  };
  for (const [key, value] of Object.entries(options)) check(key, value);
  const number = (key: string, standard: number): number => {
    const value = options[key];
    return typeof value === 'number' ? value : standard;
  };
  const stop = options['stop'];
  return {
    numCtx: number('num_ctx', 4096),
    numPredict: number('num_predict', -1),
    seed: number('seed', 0),
    stop: Array.isArray(stop)
      ? stop.filter((item) => typeof item === 'string' && item !== '').map(String)
      : [],
  };
}

function check(key: string, value: unknown): void {
  if (value === null) return;
  const wrong = (type: string): Refusal => new Refusal(500, `option "${key}" must be of type ${type}`);
  if (INTEGERS.has(key) && typeof value !== 'number') throw wrong('integer');
  if (FLOATS.has(key) && typeof value !== 'number') throw wrong('float32');
  if (key === 'use_mmap' && typeof value !== 'boolean') throw wrong('boolean');
  if (key === 'stop' && !Array.isArray(value)) throw wrong('array');
}
