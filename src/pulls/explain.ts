import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { isHuggingFace } from '../core/model-name.js';
import { pullTotals } from '../core/pull-totals.js';
import type { PullState } from '../core/pull.js';
import { timeLimit } from '../core/time-limit.js';
import { formatBytes } from '../format/bytes.js';

/** How long an old server may be asked how old it is, in milliseconds. */
const VERSION_MS = 1_000;

/** The same failure with what only its circumstances tell: an old server's version, the bytes that a full disk lacks. */
export async function explainFailure(
  context: Pick<Context, 'client' | 'io'>,
  error: OllamaError,
  state: PullState,
): Promise<OllamaError> {
  if (error.status === 412 || /\b412\b|newer version of ollama/i.test(error.message)) {
    const version = await askVersion(context);
    if (version === undefined) return error;
    return reword(error, `${error.message.trimEnd()}\nThe server that runs there is version ${version}.`);
  }
  if (error.code === 'no_space') {
    const { total, totalKnown, completed } = pullTotals({ ...state, phase: 'downloading' }, state.phaseSince);
    const left = total - completed;
    if (left <= 0) return error;
    const least = totalKnown ? '' : ' at least';
    return reword(error, `${error.message}\n${formatBytes(left)}${least} of it are still to be fetched.`);
  }
  // Hugging Face refuses what is gated with 403, which is a matter of who asks like its 401.
  if (error.code === 'server_error' && isHuggingFace(state.model) && /\b40[13]\b/.test(error.message)) {
    return reword(error, error.message, 'unauthorized');
  }
  return error;
}

function reword(error: OllamaError, message: string, code = error.code): OllamaError {
  const { host, model, status, hint } = error;
  return new OllamaError(code, message, { host, model, status, hint, cause: error });
}

async function askVersion({ client, io }: Pick<Context, 'client' | 'io'>): Promise<string | undefined> {
  const limit = timeLimit(io.signal, VERSION_MS, () => new OllamaError('timeout', 'No version in time.'));
  try {
    return await client.version({ signal: limit.signal });
  } catch {
    return undefined;
  } finally {
    limit.stop();
  }
}
