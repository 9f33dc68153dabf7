import type { ShowResponse } from '../core/wire.js';

/** The context window that a model was made for, in tokens; undefined where the server does not tell it. */
export function readContextLength(show: ShowResponse): number | undefined {
  const entries = Object.entries(show.model_info ?? {});
  const [, found] = entries.find(([key]) => key.endsWith('.context_length')) ?? [];
  return typeof found === 'number' && found > 0 ? found : show.details.context_length;
}
