import type { OllamaClient } from '../core/client.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { sleep } from '../core/retry.js';
import { timeLimit } from '../core/time-limit.js';

/** What is waited for. */
export interface Awaited {
  readonly model?: string | undefined;
  /** Not only installed: in memory. The server is asked to load it. */
  readonly load?: boolean | undefined;
  /** The whole of the wait in milliseconds; undefined waits as long as it takes. */
  readonly limitMs: number | undefined;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** One that takes connections and says nothing is asked anew. In milliseconds. */
const ATTEMPT_MS = 5_000;

/** True for what no waiting mends: it is told at once. */
export function isFinal({ code, status = 0, reason }: OllamaError): boolean {
  switch (code) {
    case 'usage':
    case 'config':
    case 'invalid_name':
    case 'host_not_found':
    case 'unauthorized':
    case 'tls':
    case 'not_allowed':
    case 'interrupted':
    case 'internal':
      return true;
    case 'protocol':
      // A proxy's page says that the server behind it is not there yet; another program's answer will stay what it is.
      return status < 500 && reason !== 'cut';
    case 'server_error':
      return status !== 0 && status < 500 && status !== 429;
    default:
      return false;
  }
}

/**
 * Asks again and again until the server, or the model, is ready; `tell` hears of each attempt that failed. Resolves with how
 * long it took, in milliseconds. Throws what can't pass, `timeout` at the limit, and `model_not_found` where only the
 * model is missing then.
 */
export async function waitUntilReady(
  client: OllamaClient,
  awaited: Awaited,
  tell: (attempt: number, error: OllamaError) => Promise<void>,
): Promise<number> {
  const { limitMs, now, signal } = awaited;
  const before = now();
  const tooLate = new OllamaError('timeout', 'The time is out.');
  const bound = timeLimit(signal, limitMs, () => tooLate);
  let last: OllamaError | undefined;
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await ask(client, awaited, bound.signal ?? signal);
        return Math.round(now() - before);
      } catch (error) {
        if (bound.signal?.aborted) throw error;
        if (!isOllamaError(error) || isFinal(error)) throw error;
        last = error;
        await tell(attempt, error);
      }
      await sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)), bound.signal);
    }
  } catch (error) {
    if (signal.aborted)
      throw new OllamaError('interrupted', 'Interrupted.', { host: client.host.url, cause: error });
    if (bound.signal?.reason === tooLate) throw timeIsOut(client, awaited, last);
    throw error;
  } finally {
    bound.stop();
  }
}

async function ask(client: OllamaClient, { model, load }: Awaited, signal: AbortSignal): Promise<void> {
  const slow = (): OllamaError =>
    new OllamaError('timeout', `${client.host.url} gave no answer within ${ATTEMPT_MS / 1000} s.`, {
      host: client.host.url,
      reason: 'silent',
    });
  const bound = timeLimit(signal, ATTEMPT_MS, slow);
  try {
    const options = { signal: bound.signal };
    if (model === undefined) await askServer(client, options);
    else await client.show(model, options);
  } finally {
    bound.stop();
  }
  if (model === undefined || load !== true) return;
  // Without a prompt a server loads the model and says no more. That may take its time.
  for await (const event of client.generate({ model }, { signal })) {
    if (event.type === 'error') throw event.error;
  }
}

/** A server that is too old to tell its version lists its models all the same. */
async function askServer(client: OllamaClient, options: { signal: AbortSignal | undefined }): Promise<void> {
  try {
    await client.version(options);
  } catch (error) {
    if (!isOllamaError(error) || error.code !== 'server_error' || error.status !== 404) throw error;
    await client.list({ ...options, force: true });
  }
}

function timeIsOut(
  client: OllamaClient,
  { model, limitMs }: Awaited,
  last: OllamaError | undefined,
): OllamaError {
  const { host } = client;
  const within = `within ${(limitMs ?? 0) / 1000} s`;
  const facts = { host: host.url, model, cause: last, reason: last?.reason };
  if (last?.code === 'model_not_found') {
    return new OllamaError(
      'model_not_found',
      `${model ?? 'The model'} was not there ${within}: ${last.message}`,
      facts,
    );
  }
  const why = last === undefined ? 'it gave no answer.' : last.message;
  return new OllamaError('timeout', `${host.url} was not ready ${within}: ${why}`, {
    ...facts,
    hint: 'Wait longer with --timeout 5m, or see what is wrong: ollama-cli health.',
  });
}
