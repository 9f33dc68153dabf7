import type { InstalledModel } from '../core/wire.js';

/** The weights of a model by its manifest's digest: digests of blobs; undefined where they are not known. */
export type WeightsOf = (digest: string) => readonly string[] | undefined;

/** How many bytes several models have in common. */
export interface Sharing {
  /** Bytes that the sizes count more than once; where `known` is false, the most that it can be. */
  readonly bytes: number;
  readonly known: boolean;
}

/** Models made from the same weights look the same in all of this: the server reads it from the weights. */
function lookOf({ details }: InstalledModel): string {
  return `${details.family}\n${details.parameter_size}\n${details.quantization_level}`;
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups.values()];
}

function looks(models: readonly InstalledModel[]): InstalledModel[][] {
  return groupBy(
    models.filter((model) => model.remote_host === undefined),
    lookOf,
  );
}

function isOneManifest([first, ...others]: readonly InstalledModel[]): boolean {
  return others.every(({ digest }) => digest === first?.digest && digest !== '');
}

/** The models whose weights have to be known before it can be said what is shared: those that have a double. */
export function findDoubles(models: readonly InstalledModel[]): InstalledModel[] {
  return looks(models)
    .filter((group) => !isOneManifest(group))
    .flat();
}

/** Models of the same weights; where that is not known of all, of those that may be. */
interface Kin {
  readonly models: readonly InstalledModel[];
  readonly known: boolean;
}

function findKin(models: readonly InstalledModel[], weightsOf: WeightsOf): Kin[] {
  return looks(models).flatMap((group): Kin[] => {
    if (group.length === 1) return [{ models: group, known: true }];
    const weights = new Map(group.map(({ digest }) => [digest, weightsOf(digest)]));
    const known = isOneManifest(group) || [...weights.values()].every((blobs) => blobs !== undefined);
    if (!known) return [{ models: group, known }];
    const keyOf = ({ digest }: InstalledModel): string => (weights.get(digest) ?? []).join();
    return groupBy(group, keyOf).map((same) => ({ models: same, known }));
  });
}

function sizesOf(models: readonly InstalledModel[]): number[] {
  return models.map(({ size }) => size);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/**
 * The bytes that models share. Exact for two names of one manifest; for two manifests of the same weights it is the
 * size of the smaller one, some kilobytes of template and licence too much: no server tells the size of a layer.
 */
export function measureSharing(models: readonly InstalledModel[], weightsOf: WeightsOf): Sharing {
  const kin = findKin(models, weightsOf);
  const repeated = kin.map(({ models: group, known }) => {
    const sizes = sizesOf(group);
    return known ? (sizes.length - 1) * Math.min(...sizes) : sum(sizes) - Math.max(...sizes);
  });
  return { bytes: sum(repeated), known: kin.every(({ known }) => known) };
}

/** What removing some of the models frees by what a server tells; where `known` is false, the least that it can be. */
export function leastFreed(
  models: readonly InstalledModel[],
  removed: ReadonlySet<InstalledModel>,
  weightsOf: WeightsOf,
): Sharing {
  const touched = findKin(models, weightsOf).filter((kin) => kin.models.some((model) => removed.has(model)));
  const freed = touched.map(({ models: group, known }) => {
    const kept = new Set(group.filter((model) => !removed.has(model)).map(({ digest }) => digest));
    const gone = new Map(group.filter(({ digest }) => !kept.has(digest)).map((one) => [one.digest, one]));
    if (gone.size === 0) return 0;
    const sizes = sizesOf([...gone.values()]);
    if (!known) return kept.size > 0 ? 0 : Math.max(...sizes);
    const weights = Math.min(...sizesOf(group));
    return sum(sizes.map((size) => size - weights)) + (kept.size > 0 ? 0 : weights);
  });
  return { bytes: sum(freed), known: touched.every(({ known }) => known) };
}
