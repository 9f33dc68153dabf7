import { findNearest } from '../format/nearest.js';

type ParameterType = 'integer' | 'number' | 'boolean' | 'strings';

// Source: api/types.go of Ollama, Runner and Options. The server only logs a name that it does not know.
const PARAMETERS: Readonly<Record<string, ParameterType>> = {
  num_keep: 'integer',
  seed: 'integer',
  num_predict: 'integer',
  top_k: 'integer',
  top_p: 'number',
  min_p: 'number',
  typical_p: 'number',
  repeat_last_n: 'integer',
  temperature: 'number',
  repeat_penalty: 'number',
  presence_penalty: 'number',
  frequency_penalty: 'number',
  stop: 'strings',
  num_ctx: 'integer',
  num_batch: 'integer',
  num_gpu: 'integer',
  main_gpu: 'integer',
  use_mmap: 'boolean',
  num_thread: 'integer',
  draft_num_predict: 'integer',
};

const WANTED: Readonly<Record<Exclude<ParameterType, 'strings'>, string>> = {
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

/** A model's parameter as a request sends it, or the sentence that says what is wrong with it. */
export type ParsedParameter =
  | { readonly ok: true; readonly name: string; readonly value: number | boolean | readonly string[] }
  | { readonly ok: false; readonly message: string };

/** The names that `parseParameter` takes. */
export const PARAMETER_NAMES: readonly string[] = Object.keys(PARAMETERS);

function parseScalar(type: Exclude<ParameterType, 'strings'>, word: string): number | boolean | undefined {
  if (type === 'boolean') return word === 'true' ? true : word === 'false' ? false : undefined;
  const pattern = type === 'integer' ? /^[+-]?\d+$/ : /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
  const value = pattern.test(word) ? Number(word) : Number.NaN;
  return (type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)) ? value : undefined;
}

/** Reads a parameter of a model from words; `stop` takes many, all others one. Types are those of the server's own table. */
export function parseParameter(name: string, words: readonly string[]): ParsedParameter {
  const type = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
  if (type === undefined) {
    const [near] = findNearest(name, PARAMETER_NAMES, 1);
    const next =
      near === undefined ? `The names are ${PARAMETER_NAMES.join(', ')}.` : `Did you mean '${near}'?`;
    return { ok: false, message: `Unknown parameter '${name}'. ${next}` };
  }
  if (type === 'strings') {
    if (words.length === 0) return { ok: false, message: `${name} takes one text or several.` };
    return { ok: true, name, value: words };
  }
  const [word] = words;
  const value = word === undefined || words.length > 1 ? undefined : parseScalar(type, word);
  if (value === undefined) {
    const given = words.length === 0 ? 'nothing' : `'${words.join(' ')}'`;
    return { ok: false, message: `${name} takes ${WANTED[type]}, not ${given}.` };
  }
  return { ok: true, name, value };
}

/** Words of a line; a double-quoted one may hold spaces and the escapes `\n`, `\t`, `\"` and `\\`. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const [, quoted, bare] of line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/gs)) {
    words.push(
      quoted === undefined
        ? (bare ?? '')
        : quoted.replace(/\\(.)/gs, (_, letter: string) => ({ n: '\n', t: '\t' })[letter] ?? letter),
    );
  }
  return words;
}
