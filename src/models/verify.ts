import type { OllamaError } from '../core/errors.js';
import type { ModelsFolder } from './folder.js';
import type { FolderManifest } from './folder-read.js';
import { hashFiles, type Hashed } from './verify-hash.js';

/**
 * What is known of a layer: hashed and right (`ok`); not there; shorter than its manifest says; with other bytes than its
 * digest says; there, but not hashed (`present`); not to be told.
 */
export type LayerState = 'ok' | 'missing' | 'short' | 'corrupt' | 'present' | 'unknown';

/** One layer of a model, checked; `size` in bytes, where it is known. */
export interface CheckedLayer {
  readonly digest: string;
  readonly size?: number;
  readonly state: LayerState;
}

/** A model, checked; its state is the worst of its layers'. */
export interface CheckedModel {
  readonly name: string;
  readonly state: LayerState;
  readonly layers: readonly CheckedLayer[];
  /** Why more is not known. */
  readonly reason?: string;
}

/** What a check found. */
export interface Integrity {
  readonly depth: 'hashed' | 'presence';
  readonly models: readonly CheckedModel[];
  /** Bytes that were hashed. */
  readonly hashed: number;
}

/** What is told while it is hashed, in bytes. */
export type HashProgress = (done: number, total: number, blobs: number) => void;

const WORST_FIRST: readonly LayerState[] = ['missing', 'corrupt', 'short', 'unknown', 'present', 'ok'];

/** The states of a layer that has to be fetched again. */
export function isBad(state: LayerState): boolean {
  return state === 'missing' || state === 'corrupt' || state === 'short';
}

/** The worst of the layers' states; of none, `unknown`. */
export function worstState(layers: readonly CheckedLayer[]): LayerState {
  return WORST_FIRST.find((state) => layers.some((layer) => layer.state === state)) ?? 'unknown';
}

/** Hashes the blobs of these models, each once, and holds them against their names. Throws the signal's reason. */
export async function checkBlobs(
  folder: Pick<ModelsFolder, 'blobs'>,
  manifests: readonly FolderManifest[],
  options: { readonly signal: AbortSignal; readonly onProgress?: HashProgress },
): Promise<Integrity> {
  const wanted = new Map(manifests.flatMap(({ blobs }) => blobs).map((blob) => [blob.digest, blob]));
  // What has another length can't have the digest: that need not be read.
  const jobs = [...wanted.values()].flatMap(({ digest, size }) => {
    const found = folder.blobs.get(digest);
    return found?.size === size ? [found] : [];
  });
  const total = jobs.reduce((sum, { size }) => sum + size, 0);
  options.onProgress?.(0, total, jobs.length);
  const hashes = await hashFiles(jobs, {
    signal: options.signal,
    onBytes: (done) => options.onProgress?.(Math.min(done, total), total, jobs.length),
  });
  const models = manifests.map(({ name, blobs }): CheckedModel => {
    const layers = blobs.map(({ digest, size }): CheckedLayer => {
      const found = folder.blobs.get(digest);
      return { digest, size, state: judge(digest, size, found?.size, found && hashes.get(found.file)) };
    });
    // A manifest without a layer has nothing that could be broken.
    return { name, state: layers.length === 0 ? 'ok' : worstState(layers), layers };
  });
  return { depth: 'hashed', models, hashed: total };
}

function judge(
  digest: string,
  size: number,
  found: number | undefined,
  hashed: Hashed | undefined,
): LayerState {
  if (found === undefined) return 'missing';
  if (found !== size) return found < size ? 'short' : 'corrupt';
  if (hashed === undefined || 'failed' in hashed) {
    return hashed !== undefined && hashed.failed === 'ENOENT' ? 'missing' : 'unknown';
  }
  return hashed.digest === digest ? 'ok' : 'corrupt';
}

/** The blobs that no manifest names. Only true of a folder whose every manifest could be read. */
export function findOrphans({
  manifests,
  blobs,
}: Pick<ModelsFolder, 'manifests' | 'blobs'>): { digest: string; size: number }[] {
  const used = new Set(manifests.flatMap((manifest) => manifest.blobs.map(({ digest }) => digest)));
  return [...blobs.values()]
    .filter(({ digest }) => !used.has(digest))
    .map(({ digest, size }) => ({ digest, size }));
}

/** Where a check could not tell: the model is there, the error is why. */
export function unknownModel(name: string, error: OllamaError | string): CheckedModel {
  return { name, state: 'unknown', layers: [], reason: typeof error === 'string' ? error : error.message };
}
