import { isGlob, matchGlob } from '../config/glob.js';
import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import type { InstalledModel } from '../core/wire.js';

/** The installed models that words mean, and an error for each word that means none. */
export interface Choice {
  readonly chosen: readonly InstalledModel[];
  readonly missing: readonly { readonly model: string; readonly error: OllamaError }[];
}

/** The installed models that names and globs mean, each once and in the list's order; without a word all of them. */
export function chooseInstalled(
  words: readonly string[],
  installed: readonly InstalledModel[],
  host: string,
): Choice {
  if (words.length === 0) return { chosen: installed, missing: [] };
  const means = (word: string, { name }: InstalledModel): boolean =>
    isGlob(word) ? matchGlob(word, name) : sameModel(word, name);
  const missing = words
    .filter((word) => !installed.some((model) => means(word, model)))
    .map((word) => ({
      model: word,
      error: isGlob(word)
        ? new OllamaError('model_not_found', `No installed model matches "${word}".`, { host })
        : new OllamaError('model_not_found', `"${word}" is not installed.`, { model: word, host }),
    }));
  return { chosen: installed.filter((model) => words.some((word) => means(word, model))), missing };
}
