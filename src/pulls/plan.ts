import type { Context } from '../context.js';
import { checkModelName } from '../core/model-name.js';
import { createPool } from '../core/pool.js';
import type { ManifestLayer } from '../core/pull-events.js';
import { allBlobs, type Registry, type RegistryManifest } from '../core/registry.js';

/** How many blobs the server is asked for at once. */
const HEADS = 8;

/** One file of a model: what it is, and whether the server has it. */
export interface PlannedLayer extends ManifestLayer {
  readonly mediaType: string;
}

/** What a pull would do: the manifest's layers with its config last, each digest once. Sizes are bytes. */
export interface PullPlan {
  readonly model: string;
  readonly layers: readonly PlannedLayer[];
  readonly bytesToFetch: number;
  readonly bytesPresent: number;
  readonly manifest: RegistryManifest;
}

/**
 * Asks the registry what a model is made of, and the server which of it it has; fetches nothing. Throws what either
 * fails with, and `invalid_name`.
 */
export async function planPull(
  { client }: Pick<Context, 'client'>,
  registry: Registry,
  model: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<PullPlan> {
  const manifest = await registry.manifest(checkModelName(model), options);
  const heads = createPool(HEADS);
  const layers = await Promise.all(
    allBlobs(manifest).map(async ({ digest, size, mediaType }) => {
      return { digest, size, mediaType, present: await heads(() => client.hasBlob(digest, options)) };
    }),
  );
  return { model, layers, manifest, ...sumLayers(layers) };
}

/** The bytes of layers that the server has and has not; a layer that several models share counts once. */
export function sumLayers(layers: readonly ManifestLayer[]): {
  readonly bytesToFetch: number;
  readonly bytesPresent: number;
} {
  const once = [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
  const sum = (present: boolean): number =>
    once.reduce((bytes, layer) => bytes + (layer.present === present ? layer.size : 0), 0);
  return { bytesToFetch: sum(false), bytesPresent: sum(true) };
}
