import { isGlob, matchGlob } from '../config/glob.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName, sameModel } from '../core/model-name.js';

/** Whether a word means this model: as a glob where it is one, else as its name in any of its forms. */
export function meansModel(word: string, name: string): boolean {
  return isGlob(word) ? matchGlob(word, name) : sameModel(word, name);
}

/** Throws `invalid_name` for the first word that is neither a glob nor a name. */
export function checkModelWords(words: readonly string[]): void {
  for (const word of words) if (!isGlob(word)) checkModelName(word);
}

/** The error of a word that means no installed model; `status` where the server itself said so of a name. */
export function notInstalled(word: string, host: string, status?: number): OllamaError {
  return isGlob(word)
    ? new OllamaError('model_not_found', `No installed model matches "${word}".`, { host })
    : new OllamaError('model_not_found', `"${word}" is not installed.`, { model: word, host, status });
}

/** The same of what was to be done away with: what there is is what helps. */
export function notThere(word: string, host: string): OllamaError {
  return seeInstalled(notInstalled(word, host, 404));
}

/** An absent model's error with what there is as its next step; every other as it is. */
export function seeInstalled(error: OllamaError): OllamaError {
  if (error.code !== 'model_not_found' || error.hint !== undefined) return error;
  return new OllamaError(error.code, error.message, { ...error, hint: 'ollama-cli list', cause: error });
}
