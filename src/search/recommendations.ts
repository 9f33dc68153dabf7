import { OllamaError, isOllamaError } from '../core/errors.js';
import { isFields, text } from '../core/fields.js';
import type { Http } from '../core/http.js';
import { parseModelName } from '../core/model-name.js';
import { hasWords, type Found, type Source } from './source.js';

const PATH = '/api/experimental/model-recommendations';

/** What the server itself recommends, offline too. Servers before 0.14 or so have no such list, and say so. */
export function recommendations(http: Http): Source {
  return {
    name: 'recommendations',
    search: async (words, { limit, signal }) => {
      let value: unknown;
      try {
        value = await http.json({ method: 'GET', path: PATH, signal, repeatable: true });
      } catch (error) {
        if (!isOllamaError(error) || error.status !== 404) throw error;
        return { results: [], note: 'this server recommends none' };
      }
      const results = decodeRecommendations(value, http.host.url).filter((found) =>
        hasWords(`${found.name} ${found.description ?? ''}`, words),
      );
      return { results: results.slice(0, limit) };
    },
  };
}

/** The models of a server's recommendations. Throws `protocol` for what is no list. */
export function decodeRecommendations(value: unknown, host: string): Found[] {
  const list: unknown = isFields(value) ? value['recommendations'] : undefined;
  if (!Array.isArray(list)) {
    throw new OllamaError('protocol', `The recommendations of ${host} are no list.`, { host });
  }
  return list.filter(isFields).flatMap((fields) => {
    const name = text(fields, 'model');
    const description = text(fields, 'description');
    if (parseModelName(name) === undefined) return [];
    return [{ name, source: 'recommendations' as const, ...(description === '' ? {} : { description }) }];
  });
}
