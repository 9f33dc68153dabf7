import { OllamaError, isOllamaError } from '../core/errors.js';
import { timeLimit } from '../core/time-limit.js';
import { OWN_HOST } from '../providers/block.js';
import type { Circuit } from '../providers/circuit.js';
import { fallsBack } from '../providers/fallback.js';
import type { Provider } from '../providers/provider.js';

/** How the model of a question is settled that names none. */
export interface DefaultModelOptions {
  /** Whether others are asked where this one fails. */
  readonly hasOthers: boolean;
  readonly circuit: Circuit;
  readonly signal: AbortSignal;
}

/** A list of models comes at once: longer nobody waits for it where others stand behind, in milliseconds. */
const LIST_MS = 5_000;

/**
 * The model of a question that names none: the provider's own, and where nobody has chosen it one, the newest that it has
 * and that can hold a conversation. Throws `model_not_found` where there is none, and what its server fails with; where
 * others stand behind it, that is met again with the question.
 */
export async function findDefaultModel(
  provider: Provider,
  { hasOthers, circuit, signal }: DefaultModelOptions,
): Promise<string> {
  const { name, model, base_url: host, model_is_unchosen: isUnchosen } = provider.info;
  if (isUnchosen !== true || (hasOthers && circuit.shut(name) !== undefined)) return model;
  const late = new OllamaError('timeout', `${name} does not tell its models in time.`, { host });
  const limit = timeLimit(signal, hasOthers ? LIST_MS : undefined, () => late);
  try {
    const models = await provider.models({ signal: limit.signal });
    const newest = models.find(({ only_embeds: onlyEmbeds }) => onlyEmbeds !== true);
    if (newest !== undefined) return newest.name;
  } catch (error) {
    const isLate = limit.signal?.reason === late;
    if (!hasOthers || !isOllamaError(error) || !(isLate || fallsBack(error))) throw error;
  } finally {
    limit.stop();
  }
  if (hasOthers) return model;
  throw new OllamaError('model_not_found', `${name} has no model to talk to, and none was named.`, {
    host,
    provider: name,
    hint:
      name === OWN_HOST
        ? 'POST /api/providers/ollama/pull {"model":"llama3.2:1b"}'
        : 'GET /api/providers lists the others.',
  });
}
