import type { OllamaClient } from '../core/client.js';
import { isOllamaError } from '../core/errors.js';
import { parseModelName } from '../core/model-name.js';
import type { Recommendation } from '../core/wire.js';
import { hasWords, type Answer, type Found, type Source } from './source.js';

/** What the server itself recommends, offline too. Servers before 0.14 or so have no such list, and say so. */
export function recommendations(client: Pick<OllamaClient, 'recommendations'>): Source {
  return {
    name: 'recommendations',
    search: async (words, { limit, signal }): Promise<Answer> => {
      try {
        const results = (await client.recommendations({ signal }))
          .flatMap(asFound)
          .filter(({ name, description = '' }) => hasWords(`${name} ${description}`, words));
        return { results: results.slice(0, limit) };
      } catch (error) {
        if (!isOllamaError(error) || error.status !== 404) throw error;
        return { results: [], note: 'this server recommends none' };
      }
    },
  };
}

/** Nothing for a name that a pull would not take. */
function asFound({ model, description = '' }: Recommendation): Found[] {
  if (parseModelName(model) === undefined) return [];
  return [{ name: model, source: 'recommendations', ...(description === '' ? {} : { description }) }];
}
