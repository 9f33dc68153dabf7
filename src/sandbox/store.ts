import type { BlobStore } from './blobs.js';
import { memoryBlobs } from './blobs.js';
import type { ByteSource } from './bytes.js';
import { digestOfBytes } from './bytes.js';
import type { Layer, Manifest } from './definition.js';
import { parseManifest } from './definition.js';
import type { StoredManifest } from './disk.js';
import { diskBlobs, readManifests, removeManifest, writeManifest } from './disk.js';
import type { ModelName } from './names.js';
import { nameKey } from './names.js';

/** A model that the server has. */
export interface Installed extends StoredManifest {
  readonly manifest: Manifest;
  /** 64 hexadecimal digits: the SHA-256 of the manifest's bytes. */
  readonly digest: string;
  /** Bytes of all layers and the config. */
  readonly size: number;
}

/** What the server has: its models and their layers. */
export interface Store {
  readonly blobs: BlobStore;
  /** True where a folder of an earlier run was found. */
  readonly hadState: boolean;
  find(name: ModelName): Installed | undefined;
  /** All models, the latest change first. */
  list(): readonly Installed[];
  install(name: ModelName, bytes: Buffer): Promise<void>;
  /** Forgets the model and removes the layers that no other one has. */
  remove(name: ModelName): Promise<void>;
  /** Layers that no model has any more are removed; returns how many. */
  prune(candidates: readonly Layer[]): Promise<number>;
  putBytes(bytes: Buffer): Promise<string>;
  read(digest: string): ByteSource | undefined;
}

/** Opens the store: in `dir`, or in memory without one. `now` in milliseconds since the epoch. */
export async function openStore(dir: string | undefined, now: () => number): Promise<Store> {
  const blobs = dir === undefined ? memoryBlobs() : await diskBlobs(dir);
  const earlier = dir === undefined ? undefined : await readManifests(dir);
  const models = new Map<string, Installed>();
  for (const stored of earlier ?? []) models.set(nameKey(stored.name), describe(stored));

  const prune = async (candidates: readonly Layer[]): Promise<number> => {
    const used = new Set(
      [...models.values()].flatMap((model) => allLayers(model.manifest).map((layer) => layer.digest)),
    );
    const unused = candidates.filter(
      (layer) => !used.has(layer.digest) && blobs.get(layer.digest) !== undefined,
    );
    for (const layer of unused) await blobs.remove(layer.digest);
    return unused.length;
  };

  return {
    blobs,
    hadState: earlier !== undefined,
    find: (name) => models.get(nameKey(name)),
    list: () => [...models.values()].sort((a, b) => b.modifiedAt - a.modifiedAt),
    install: async (name, bytes) => {
      // Two changes in one millisecond still have an order.
      const last = Math.max(0, ...[...models.values()].map((model) => model.modifiedAt));
      const stored = { name, bytes, modifiedAt: Math.max(now(), Math.round(last * 1000 + 1) / 1000) };
      if (dir !== undefined) await writeManifest(dir, stored);
      models.set(nameKey(name), describe(stored));
    },
    remove: async (name) => {
      const model = models.get(nameKey(name));
      if (model === undefined) return;
      models.delete(nameKey(name));
      if (dir !== undefined) await removeManifest(dir, model.name);
      await prune(allLayers(model.manifest));
    },
    prune,
    putBytes: async (bytes) => {
      const digest = digestOfBytes(bytes);
      if (blobs.get(digest) === undefined) await blobs.put(digest, bytes);
      return digest;
    },
    read: (digest) => blobs.get(digest),
  };
}

/** The layers of a manifest and its config, in the order in which they are pulled. */
export function allLayers(manifest: Manifest): readonly Layer[] {
  return [...manifest.layers, manifest.config];
}

function describe(stored: StoredManifest): Installed {
  const manifest = parseManifest(stored.bytes);
  const size = allLayers(manifest).reduce((sum, layer) => sum + layer.size, 0);
  return { ...stored, manifest, digest: digestOfBytes(stored.bytes).slice('sha256:'.length), size };
}
