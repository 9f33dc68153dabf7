import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { toOllamaError } from '../failure.js';

/** The neutral error for anything that was thrown; what is none of ours, once the program is to end, is its interruption. */
export function typedError({ io, client }: Context, thrown: unknown): OllamaError {
  if (isOllamaError(thrown) || !io.signal.aborted) return toOllamaError(thrown);
  return new OllamaError('interrupted', 'Interrupted.', { host: client.host.url, cause: thrown });
}
