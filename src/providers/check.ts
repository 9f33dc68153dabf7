import { OllamaError, isOllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { ProviderCall, ProviderFacts, ProviderModel, ProviderTest } from './provider.js';

/** Whether a name in a list means this model; without a tag it is Ollama's `latest`. */
function meansModel(wanted: string, name: string): boolean {
  return name === wanted || name === `${wanted}:latest`;
}

/** Asks for a provider's models, anew, and tells what that came to. Never throws but for `interrupted`. */
export async function checkProvider(
  { name, model }: Pick<ProviderFacts, 'name' | 'model'>,
  models: (call: ProviderCall) => Promise<readonly ProviderModel[]>,
  { signal }: ProviderCall,
  now: () => number,
): Promise<ProviderTest> {
  const startedAt = now();
  const end = (): Pick<ProviderTest, 'name' | 'last_checked' | 'response_time_ms'> => ({
    name,
    last_checked: new Date(now()).toISOString(),
    response_time_ms: Math.max(0, now() - startedAt),
  });
  try {
    const names = (await models({ signal, force: true })).map((entry) => entry.name);
    return {
      ...end(),
      status: 'connected',
      models: names,
      model_available: names.some((entry) => meansModel(model, entry)),
    };
  } catch (thrown) {
    const error = isOllamaError(thrown)
      ? thrown
      : new OllamaError('internal', thrown instanceof Error ? thrown.message : String(thrown));
    if (error.code === 'interrupted') throw error;
    const { code, message, hint } = error;
    return {
      ...end(),
      status: 'error',
      models: [],
      error: { code, message: cleanLine(message), ...(hint === undefined ? {} : { hint: cleanLine(hint) }) },
    };
  }
}
