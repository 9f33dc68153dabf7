import type { Context } from '../context.js';
import { sameModel } from '../core/model-name.js';
import { findRegistry, type FindRegistryOptions } from '../registry.js';
import { seeModelsFolder, type FolderOptions, type FolderSight } from './folder.js';
import { fullDigest } from './sync-plan.js';
import { checkBlobs, findOrphans, type HashProgress, type Integrity } from './verify.js';
import { checkPresence } from './verify-presence.js';
import { planRepair, type KnownModel, type RepairPlan } from './verify-repair.js';
import { meansModel, notInstalled } from './words.js';

/** What one check saw. */
export interface Check {
  readonly integrity: Integrity;
  readonly sight: FolderSight;
  /** Told where all models were checked, and every manifest could be read. */
  readonly orphans: readonly { readonly digest: string; readonly size: number }[];
}

/** How models are checked. */
export interface CheckOptions extends FolderOptions, FindRegistryOptions {
  readonly onProgress?: HashProgress | undefined;
}

/** Those of the models that are meant; all without a word. Throws `model_not_found` for a word that means none. */
function choose<Model extends { readonly name: string }>(
  { client }: Context,
  words: readonly string[],
  models: readonly Model[],
): Model[] {
  const absent = words.find((word) => !models.some(({ name }) => meansModel(word, name)));
  if (absent !== undefined) throw notInstalled(absent, client.host.url, 404);
  return words.length === 0
    ? [...models]
    : models.filter(({ name }) => words.some((word) => meansModel(word, name)));
}

/**
 * Checks the models that words mean, all without one: their blobs where the folder is at hand, else their presence.
 * Throws `model_not_found`, and what the server fails with.
 */
export async function checkLibrary(
  context: Context,
  words: readonly string[],
  { dir, onProgress, insecure }: CheckOptions,
): Promise<Check> {
  const { io, client } = context;
  const models = await client.list({ signal: io.signal, force: true });
  const sight = await seeModelsFolder(context, { dir });
  if (sight.folder === undefined) {
    return {
      integrity: await checkPresence(context, choose(context, words, models), { insecure }),
      sight,
      orphans: [],
    };
  }
  // A manifest that can't be read may be the one that a blob belongs to.
  const orphans = words.length === 0 && sight.folder.notes.length === 0 ? findOrphans(sight.folder) : [];
  const integrity = await checkBlobs(sight.folder, choose(context, words, sight.folder.manifests), {
    signal: io.signal,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return { integrity, sight, orphans };
}

/** Plans the repair of what a check found broken; see `planRepair`. */
export async function planFor(
  context: Context,
  { integrity, sight }: Check,
  options: FindRegistryOptions = {},
): Promise<RepairPlan> {
  const { folder } = sight;
  const everyone = folder
    ? folder.manifests.map(({ name, digest, blobs }) => ({ name, digest, digests: digestsOf(blobs) }))
    : await listed(context, integrity);
  return await planRepair(await findRegistry(context, options), integrity.models, everyone, {
    folder,
    signal: context.io.signal,
  });
}

function digestsOf(blobs: readonly { readonly digest: string }[]): string[] {
  return blobs.map(({ digest }) => digest);
}

/** The checked models with what the server's list says of them. */
async function listed({ client, io }: Context, { models }: Integrity): Promise<KnownModel[]> {
  const installed = await client.list({ signal: io.signal });
  const digests = new Map(installed.map(({ name, digest }) => [name, fullDigest(digest)]));
  return models.map(({ name, layers }) => ({ name, digest: digests.get(name), digests: digestsOf(layers) }));
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
