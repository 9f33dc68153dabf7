import type { ModelName } from '../core/model-name.js';

/** Where models can be looked for. */
export const SOURCE_NAMES = ['recommendations', 'registry', 'library', 'huggingface'] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

/** A model, or one tag of it, that a source offers. What the source does not tell is absent. */
export interface Found {
  /** As a pull takes it; a model's without a tag. */
  readonly name: string;
  readonly source: SourceName;
  /** In bytes, of its tags: the smallest first. */
  readonly sizes?: readonly number[];
  /** Numbers of parameters in words: `1b`. */
  readonly parameterSizes?: readonly string[];
  readonly capabilities?: readonly string[];
  readonly quantization?: string;
  /** `sha256:` and hex digits: all 64, or as many as the source tells. */
  readonly digest?: string;
  /** Milliseconds since the epoch. */
  readonly updatedAt?: number;
  readonly description?: string;
}

/** What a source found, and what has to be known of how it looked. */
export interface Answer {
  readonly results: readonly Found[];
  readonly note?: string;
}

/** What every question to a source takes. */
export interface Ask {
  /** How many results are wanted at most. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** A place where models are offered. A question that it can't answer is absent. */
export interface Source {
  readonly name: SourceName;
  /** The models for these words. Throws a typed error. */
  search?(words: readonly string[], ask: Ask): Promise<Answer>;
  /** The tags of a model, or only the one that was named. Throws a typed error, `model_not_found` too. */
  tags?(name: ModelName, onlyTag: boolean, ask: Ask): Promise<Answer>;
}

/** True where each word stands somewhere in the text, in any case. */
export function hasWords(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word.toLowerCase()));
}
