import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { timeLimit } from '../core/time-limit.js';
import { findDetails } from './details.js';

const LOOK_UP_MS = 2_000;
const MOST_MODELS = 3;
/** A model that is hardly smaller hardly helps. */
const MUCH_SMALLER = 0.75;

/**
 * The names of smaller models that are installed and answer, the largest first, at most three: for one that found too
 * little memory. None where the server does not tell in time. Never throws.
 */
export async function findSmaller(
  { io, client }: Pick<Context, 'io' | 'client'>,
  model: string,
  signal: AbortSignal = io.signal,
): Promise<readonly string[]> {
  const bound = timeLimit(signal, LOOK_UP_MS, () => new OllamaError('timeout', 'The time is out.'));
  try {
    const installed = await client.list({ signal: bound.signal });
    const size = installed.find(({ name }) => sameModel(name, model))?.size ?? 0;
    const candidates = installed.filter(
      (one) => one.size < size * MUCH_SMALLER && one.remote_host === undefined,
    );
    const details = await findDetails({ io, client }, candidates);
    const answers = candidates.filter((one) => {
      const can = one.capabilities ?? details.get(one.digest)?.capabilities;
      return can?.includes('completion') ?? true;
    });
    const largestFirst = answers.sort((a, b) => b.size - a.size);
    return largestFirst.slice(0, MOST_MODELS).map(({ name }) => name);
  } catch {
    return [];
  } finally {
    bound.stop();
  }
}
