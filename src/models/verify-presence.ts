import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { parseModelName } from '../core/model-name.js';
import { createPool } from '../core/pool.js';
import { allBlobs } from '../core/registry.js';
import { timeLimit } from '../core/time-limit.js';
import type { InstalledModel } from '../core/wire.js';
import { findRegistry, type FindRegistryOptions } from '../registry.js';
import { findDetails } from './details.js';
import { unknownModel, worstState, type CheckedLayer, type CheckedModel, type Integrity } from './verify.js';

/** How many questions are on their way to the server at once. */
const HEADS = 8;
/** All questions to the registry together; what it has not told by then is not known. */
const REGISTRY_MS = 15_000;

interface NamedLayer {
  readonly digest: string;
  readonly size?: number;
}

/**
 * Asks the server which layers of these models it has; that is all it tells. Which layers there are, the registry knows
 * where it still has the same manifest; of others only the weights are known. Throws what the server fails with.
 */
export async function checkPresence(
  context: Context,
  models: readonly InstalledModel[],
  options: FindRegistryOptions = {},
): Promise<Integrity> {
  const { io, client } = context;
  const local = models.filter((model) => model.remote_host === undefined);
  const listed = await listLayers(context, local, options);
  const heads = createPool(HEADS);
  const asked = new Map<string, Promise<boolean>>();
  const has = async (digest: string): Promise<boolean> => {
    const answer = asked.get(digest) ?? heads(() => client.hasBlob(digest, { signal: io.signal }));
    asked.set(digest, answer);
    return await answer;
  };
  const check = async (model: InstalledModel): Promise<CheckedModel> => {
    if (model.remote_host !== undefined) return unknownModel(model.name, 'it runs elsewhere');
    const { layers = [], whole = false } = listed.get(model) ?? {};
    if (layers.length === 0) {
      return unknownModel(model.name, 'neither the registry nor the server tells its layers');
    }
    const checked = await Promise.all(
      layers.map(async (layer): Promise<CheckedLayer> => {
        return { ...layer, state: (await has(layer.digest)) ? 'present' : 'missing' };
      }),
    );
    const state = worstState(checked);
    return {
      name: model.name,
      state,
      layers: checked,
      ...(whole ? {} : { reason: 'only its weights are known' }),
    };
  };
  return { depth: 'presence', models: await Promise.all(models.map(check)), hashed: 0 };
}

async function listLayers(
  context: Context,
  models: readonly InstalledModel[],
  options: FindRegistryOptions,
): Promise<Map<InstalledModel, { layers: NamedLayer[]; whole: boolean }>> {
  const found = new Map<InstalledModel, { layers: NamedLayer[]; whole: boolean }>();
  const limit = timeLimit(
    context.io.signal,
    REGISTRY_MS,
    () => new OllamaError('timeout', 'The time is out.'),
  );
  try {
    const registry = await findRegistry(context, options);
    const ask = async (model: InstalledModel): Promise<void> => {
      const name = parseModelName(model.name);
      if (name === undefined) return;
      const manifest = await registry.manifest(name, { signal: limit.signal });
      if (manifest.digest !== `sha256:${model.digest.replace(/^sha256:/, '')}`) return;
      const layers = allBlobs(manifest).map(({ digest, size }) => ({ digest, size }));
      found.set(model, { layers, whole: true });
    };
    // A registry that does not answer, or does not have it, leaves what the server tells.
    await Promise.allSettled(models.map(ask));
  } finally {
    limit.stop();
  }
  context.io.signal.throwIfAborted();
  const rest = models.filter((model) => !found.has(model));
  const details = await findDetails(context, rest);
  for (const model of rest) {
    const weights = details.get(model.digest)?.weights ?? [];
    found.set(model, { layers: weights.map((digest) => ({ digest })), whole: false });
  }
  return found;
}
