import type { Context } from '../context.js';
import type { InstalledModel } from '../core/wire.js';
import { findDetails } from './details.js';
import { seeModelsFolder, type FolderOptions, type ModelsFolder } from './folder.js';
import { findDoubles, type WeightsOf } from './shared.js';

/** A part of a model that several may have: a layer, or what stands for those that are not told. Size in bytes. */
export interface Part {
  readonly key: string;
  readonly size: number;
}

/** What is known of the layers of all installed models. */
export interface KnownLayers {
  /** By the model's name in lower case. */
  readonly parts: ReadonlyMap<string, readonly Part[]>;
  /** True where the parts are the layers themselves, from the folder; else a model is its weights and the rest. */
  readonly exact: boolean;
  /** False where some models may share layers, and the server did not tell. */
  readonly known: boolean;
  /** What the server told of the models' weights, where the parts are not exact. */
  readonly weightsOf?: WeightsOf;
  readonly folder?: ModelsFolder;
  /** Why the folder is not at hand. */
  readonly why?: string;
}

/**
 * The layers of the installed models: from the models folder where it is at hand, else as far as the server tells which
 * models were made from the same weights. Throws what the server's list throws, and `interrupted`.
 */
export async function knownLayers(
  context: Context,
  models: readonly InstalledModel[],
  options: FolderOptions = {},
): Promise<KnownLayers> {
  const { folder, why } = await seeModelsFolder(context, options);
  if (folder) {
    // What a file really takes: it may be missing, or cut short.
    const sizeOf = (digest: string): number => folder.blobs.get(digest)?.size ?? 0;
    const parts = folder.manifests.map(({ name, blobs }): [string, Part[]] => {
      return [name.toLowerCase(), blobs.map(({ digest }) => ({ key: digest, size: sizeOf(digest) }))];
    });
    return { parts: new Map(parts), exact: true, known: true, folder };
  }
  const doubles = findDoubles(models);
  const details = await findDetails(context, doubles);
  const weightsOf: WeightsOf = (digest) => details.get(digest)?.weights;
  return {
    parts: splitByWeights(models, ({ digest }) => weightsOf(digest)?.join()),
    exact: false,
    known: doubles.every(({ digest }) => weightsOf(digest) !== undefined),
    weightsOf,
    ...(why === undefined ? {} : { why }),
  };
}

/**
 * Each model as its weights and the rest of it. No server tells the size of weights: it is taken as that of the smallest
 * model made from them, some kilobytes of template and licence too much.
 */
export function splitByWeights(
  models: readonly InstalledModel[],
  weightsOf: (model: InstalledModel) => string | undefined,
): Map<string, Part[]> {
  const smallest = new Map<string, number>();
  for (const model of models) {
    const weights = weightsOf(model);
    if (weights !== undefined) smallest.set(weights, Math.min(model.size, smallest.get(weights) ?? Infinity));
  }
  return new Map(
    models.map((model): [string, Part[]] => {
      const weights = weightsOf(model);
      const shared = weights === undefined ? 0 : (smallest.get(weights) ?? 0);
      // Two names of one manifest share all of it.
      const rest = { key: `manifest ${model.digest || model.name}`, size: model.size - shared };
      const parts = weights === undefined ? [rest] : [{ key: weights, size: shared }, rest];
      return [model.name.toLowerCase(), parts];
    }),
  );
}

/** What goes with some models, and what of them stays since others have it too. In bytes. */
export interface Freed {
  readonly bytes: number;
  readonly kept: number;
  /** The models that keep it, in lower case; one that has a hundredth of it or less, such as a licence, is left out. */
  readonly keptBy: readonly string[];
}

const LITTLE = 0.01;

/** What removing these models frees; names that are not known free nothing. */
export function freedBy(parts: KnownLayers['parts'], removed: readonly string[]): Freed {
  const gone = new Set(removed.map((name) => name.toLowerCase()));
  const holders = new Map<string, string[]>();
  for (const [name, own] of parts) {
    if (gone.has(name)) continue;
    for (const { key } of own) {
      const known = holders.get(key);
      if (known) known.push(name);
      else holders.set(key, [name]);
    }
  }
  const once = new Map([...gone].flatMap((name) => parts.get(name) ?? []).map((part) => [part.key, part]));
  const keptBy = new Map<string, number>();
  let bytes = 0;
  let kept = 0;
  for (const { key, size } of once.values()) {
    const held = holders.get(key) ?? [];
    if (held.length === 0) bytes += size;
    else if (size > 0) {
      kept += size;
      for (const name of held) keptBy.set(name, (keptBy.get(name) ?? 0) + size);
    }
  }
  const isMuch = ([, size]: readonly [string, number]): boolean => size > kept * LITTLE;
  return { bytes, kept, keptBy: [...keptBy].filter(isMuch).map(([name]) => name) };
}

/** What models take of the disk, in bytes. */
export interface DiskUse {
  /** All of them, shared parts once. */
  readonly total: number;
  /** By the model's name in lower case: what no other model has, which is what removing it frees. */
  readonly unique: ReadonlyMap<string, number>;
}

/** What models take together, and each by itself. */
export function measureDisk(parts: KnownLayers['parts']): DiskUse {
  const counts = new Map<string, number>();
  const sizes = new Map<string, number>();
  for (const own of parts.values()) {
    for (const { key, size } of own) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      sizes.set(key, size);
    }
  }
  const unique = new Map(
    [...parts].map(([name, own]): [string, number] => [
      name,
      own.reduce((sum, { key, size }) => sum + (counts.get(key) === 1 ? size : 0), 0),
    ]),
  );
  return { total: [...sizes.values()].reduce((sum, size) => sum + size, 0), unique };
}
