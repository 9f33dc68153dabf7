import { matchGlob } from '../config/glob.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { sameModel } from '../core/model-name.js';
import { findRegistry } from '../registry.js';
import { seeModelsFolder, type FolderOptions, type FolderSight } from './folder.js';
import { checkBlobs, findOrphans, type HashProgress, type Integrity } from './verify.js';
import { checkPresence } from './verify-presence.js';
import { planRepair, type RepairPlan } from './verify-repair.js';

/** What one check saw. */
export interface Check {
  readonly integrity: Integrity;
  readonly sight: FolderSight;
  /** Told where all models were checked, and every manifest could be read. */
  readonly orphans: readonly { readonly digest: string; readonly size: number }[];
}

/** How models are checked. */
export interface CheckOptions extends FolderOptions {
  readonly onProgress?: HashProgress | undefined;
}

/** Those of the models that are meant; all without a word. Throws `model_not_found` for a word that means none. */
function choose<Model extends { readonly name: string }>(
  { client }: Context,
  words: readonly string[],
  models: readonly Model[],
): Model[] {
  const host = client.host.url;
  const means = (word: string, name: string): boolean =>
    isGlob(word) ? matchGlob(word, name) : sameModel(word, name);
  const absent = words.find((word) => !models.some(({ name }) => means(word, name)));
  if (absent !== undefined) {
    throw isGlob(absent)
      ? new OllamaError('model_not_found', `No installed model matches "${absent}".`, { host })
      : new OllamaError('model_not_found', `"${absent}" is not installed.`, {
          model: absent,
          host,
          status: 404,
        });
  }
  return words.length === 0
    ? [...models]
    : models.filter(({ name }) => words.some((word) => means(word, name)));
}

/**
 * Checks the models that words mean, all without one: their blobs where the folder is at hand, else their presence.
 * Throws `model_not_found`, and what the server fails with.
 */
export async function checkLibrary(
  context: Context,
  words: readonly string[],
  { dir, onProgress }: CheckOptions,
): Promise<Check> {
  const { io, client } = context;
  const models = await client.list({ signal: io.signal, force: true });
  const sight = await seeModelsFolder(context, { dir });
  if (sight.folder === undefined) {
    return { integrity: await checkPresence(context, choose(context, words, models)), sight, orphans: [] };
  }
  // A manifest that can't be read may be the one that a blob belongs to.
  const orphans = words.length === 0 && sight.folder.notes.length === 0 ? findOrphans(sight.folder) : [];
  const integrity = await checkBlobs(sight.folder, choose(context, words, sight.folder.manifests), {
    signal: io.signal,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return { integrity, sight, orphans };
}

function isGlob(word: string): boolean {
  return /[*?]/.test(word);
}

/** Plans the repair of what a check found broken; see `planRepair`. */
export async function planFor(context: Context, { integrity, sight }: Check): Promise<RepairPlan> {
  const layersOf = ({ name, layers }: Integrity['models'][number]): { name: string; digests: string[] } => ({
    name,
    digests: layers.map(({ digest }) => digest),
  });
  const everyone = sight.folder
    ? sight.folder.manifests.map(({ name, blobs }) => ({ name, digests: blobs.map(({ digest }) => digest) }))
    : integrity.models.map(layersOf);
  return await planRepair(await findRegistry(context), integrity.models, everyone, {
    folder: sight.folder,
    signal: context.io.signal,
  });
}

/** Checks those again that a repair was about, and keeps what was found of the others. */
export async function checkAgain(
  context: Context,
  before: Check,
  plan: RepairPlan,
  options: CheckOptions,
): Promise<Check> {
  const touched = new Set([...plan.pull, ...plan.blobs.flatMap(({ models }) => models)]);
  const names = [...touched].sort();
  const installed = await context.client.list({ signal: context.io.signal, force: true });
  const there = names.filter((name) => installed.some((model) => sameModel(model.name, name)));
  if (there.length === 0) return before;
  const again = await checkLibrary(context, there, {
    ...options,
    dir: before.sight.folder?.path ?? options.dir,
  });
  const fresh = new Map(again.integrity.models.map((model) => [model.name, model]));
  const kept = before.integrity.models.filter(({ name }) => !touched.has(name));
  const mended = [...touched].flatMap((name) => {
    const model = fresh.get(name);
    return model === undefined ? before.integrity.models.filter((one) => one.name === name) : [model];
  });
  const models = [...mended, ...kept].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { integrity: { ...again.integrity, models }, sight: again.sight, orphans: before.orphans };
}
