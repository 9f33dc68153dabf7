import type { Context } from '../context.js';
import { isOllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';

/**
 * Asks once what is loaded, and gives a function that takes a model out of memory where it is. A server that removes a
 * model keeps it there; Ollama's own program unloads it first as well (cmd.go). Both throw `interrupted` alone.
 */
export async function openUnloading({
  client,
  io,
}: Pick<Context, 'client' | 'io'>): Promise<(model: string) => Promise<void>> {
  const loaded = await findLoaded(client, io.signal);
  return async (model) => {
    if (!loaded.some((name) => sameModel(name, model))) return;
    for await (const event of client.generate({ model, keep_alive: 0 }, { signal: io.signal })) {
      if (event.type === 'error' && event.error.code === 'interrupted') throw event.error;
    }
  };
}

async function findLoaded(client: Context['client'], signal: AbortSignal): Promise<string[]> {
  try {
    return (await client.running({ signal })).map(({ name }) => name);
  } catch (error) {
    if (signal.aborted || !isOllamaError(error)) throw error;
    return [];
  }
}
