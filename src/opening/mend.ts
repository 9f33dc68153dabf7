import { askAhead, type Answering } from '../chat/answering.js';
import type { Context } from '../context.js';
import { isOllamaError, type OllamaError } from '../core/errors.js';
import { isLoopback } from '../core/url.js';

/** Mends what a request failed with; resolves with whether it is worth asking again. Throws what the mending fails with. */
export type Mend = (error: OllamaError) => Promise<boolean>;

/** A missing model is pulled where that is wanted, a server that is down started where that is asked for. */
export function openMend(
  context: Context,
  model: string,
  { yes = false, start = false }: { readonly yes?: boolean; readonly start?: boolean },
): Mend {
  const { client, settings } = context;
  const starts = start || (settings.auto_start_server && isLoopback(client.host.hostname));
  return async (error) => {
    if (error.code === 'model_not_found') {
      const { pullMissing } = await import('./pull-missing.js');
      return await pullMissing(context, model, yes);
    }
    if (error.code !== 'unreachable' || !starts) return false;
    const { startServer } = await import('../start-server.js');
    await startServer(context);
    return true;
  };
}

/** Does some work, again after each failure that can be mended; throws the one that can't. */
export async function withMending<Result>(mend: Mend, work: () => Promise<Result>): Promise<Result> {
  const mended = new Set<string>();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isOllamaError(error) || mended.has(error.code) || !(await mend(error))) throw error;
      mended.add(error.code);
    }
  }
}

/** Asks for something ahead of a question. */
export type Ahead = (work: () => Promise<void>) => Promise<void>;

/** What is asked ahead is mended; where several may answer, the next one is what mends a first that fails. */
export function openAhead(mend: Mend, answering: Answering | undefined): Ahead {
  return answering === undefined
    ? async (work) => await withMending(mend, work)
    : async (work) => await askAhead(answering, work);
}
