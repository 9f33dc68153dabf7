import { unlink } from 'node:fs/promises';
import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { parseModelName } from '../core/model-name.js';
import { allBlobs, type Registry } from '../core/registry.js';
import type { ModelsFolder } from './folder.js';
import { isBad, type CheckedModel, type LayerState } from './verify.js';

/** A blob that has to be fetched again. */
export interface BadBlob {
  readonly digest: string;
  readonly size?: number;
  readonly state: LayerState;
  /** Every model that has it, also of those that were not asked for. */
  readonly models: readonly string[];
  /** The file that goes first: a server takes what is there for right, and would not fetch it. */
  readonly file?: string | undefined;
}

/** What a repair would do. Models are named as the server does. */
export interface RepairPlan {
  readonly blobs: readonly BadBlob[];
  /** Fetched again; what of them is right is not fetched. */
  readonly pull: readonly string[];
  /** Those of them whose registry has another version by now, or whose name is one made here: what comes takes their place. */
  readonly replaces: readonly string[];
  /** Removed first, over the server, where the blob's file can't be. All of them are in `pull`. */
  readonly delete: readonly string[];
  /** What can't be repaired, and why. */
  readonly left: readonly { readonly name: string; readonly reason: string }[];
}

/** An installed model: its manifest's digest, `sha256:…`, where it is known, and those of its blobs. */
export interface KnownModel {
  readonly name: string;
  readonly digest: string | undefined;
  readonly digests: readonly string[];
}

/** What the registry says of a model that has a bad blob: its manifest and the blobs that it offers, or why it has none. */
type Offer = { readonly digest: string; readonly digests: ReadonlySet<string> } | { readonly reason: string };

/**
 * Plans how the bad blobs of these models come again. `everyone` are all models whose layers are known: one that shares a
 * bad blob is broken too, and with its registry's help the other is mended as well. Removes and fetches nothing.
 */
export async function planRepair(
  registry: Registry,
  checked: readonly CheckedModel[],
  everyone: readonly KnownModel[],
  options: { readonly folder?: ModelsFolder | undefined; readonly signal: AbortSignal },
): Promise<RepairPlan> {
  const { folder, signal } = options;
  const bad = collectBad(checked, everyone, folder);
  const names = [...new Set(bad.flatMap(({ models }) => models))];
  const offers = new Map(
    await Promise.all(names.map(async (name) => [name, await askOffer(registry, name, signal)] as const)),
  );
  const pull = new Set<string>();
  const remove = new Set<string>();
  const left = new Map<string, string>();
  const manifests = new Map(everyone.map(({ name, digest }) => [name, digest]));
  const isReplaced = (name: string): boolean => {
    const offer = offers.get(name);
    return offer !== undefined && 'digest' in offer && offer.digest !== manifests.get(name);
  };
  const mended: BadBlob[] = [];
  for (const blob of bad) {
    const has = (name: string): boolean => {
      const offer = offers.get(name);
      return offer !== undefined && 'digests' in offer && offer.digests.has(blob.digest);
    };
    // One that comes as it was, rather than another version in its place.
    const source = blob.models.find((name) => has(name) && !isReplaced(name)) ?? blob.models.find(has);
    // Nothing is taken from a folder that may be another server's.
    const mayUnlink = blob.file === undefined || (folder?.writable === true && folder.confirmed);
    const others = blob.models.filter((name) => !has(name));
    const obstacle = folder?.obstacles.get(blob.digest);
    if (obstacle !== undefined) {
      // A server takes it for the blob; what it is, and whose, is not known here.
      for (const name of blob.models) left.set(name, `${obstacle} stands in the way, and is no file`);
    } else if (source !== undefined && mayUnlink) {
      pull.add(source);
      mended.push(blob);
    } else if (source !== undefined && others.length === 0) {
      for (const name of blob.models) pull.add(name);
      for (const name of blob.models) remove.add(name);
      mended.push({ ...blob, file: undefined });
    } else if (source !== undefined) {
      const reason = `${others.join(', ')} has the same layer and can't be fetched, and ${folder?.path ?? 'the folder'} is not this user's to change`;
      for (const name of blob.models) left.set(name, reason);
    } else {
      for (const name of blob.models) left.set(name, whyNot(offers.get(name)));
    }
  }
  return {
    blobs: mended,
    pull: [...pull],
    replaces: [...pull].filter(isReplaced),
    delete: [...remove],
    left: [...left].map(([name, reason]) => ({ name, reason })),
  };
}

function collectBad(
  checked: readonly CheckedModel[],
  everyone: readonly KnownModel[],
  folder: ModelsFolder | undefined,
): BadBlob[] {
  const layers = new Map(
    checked
      .flatMap((model) => model.layers.filter(({ state }) => isBad(state)))
      .map((one) => [one.digest, one]),
  );
  return [...layers.values()].map((layer) => {
    const models = everyone.filter(({ digests }) => digests.includes(layer.digest)).map(({ name }) => name);
    const file = folder?.blobs.get(layer.digest)?.file;
    return { ...layer, models, ...(file === undefined ? {} : { file }) };
  });
}

async function askOffer(registry: Registry, name: string, signal: AbortSignal): Promise<Offer> {
  const parsed = parseModelName(name);
  if (parsed === undefined) return { reason: 'it has no name that a registry knows' };
  try {
    const manifest = await registry.manifest(parsed, { signal });
    return { digest: manifest.digest, digests: new Set(allBlobs(manifest).map(({ digest }) => digest)) };
  } catch (error) {
    signal.throwIfAborted();
    if (!isOllamaError(error)) throw error;
    return {
      reason:
        error.code === 'model_not_found'
          ? "no registry has it: it was made here, and can't be fetched"
          : `its registry did not tell: ${error.message}`,
    };
  }
}

function whyNot(offer: Offer | undefined): string {
  if (offer === undefined || 'digests' in offer) {
    return 'its registry has another version by now, without this layer: a pull fetches that one';
  }
  return offer.reason;
}

/** Takes away what stands in the way of the pulls. Throws what can't be removed as `server_error`, and what the server fails with. */
export async function clearTheWay({ client, io }: Context, plan: RepairPlan): Promise<void> {
  for (const { file } of plan.blobs) {
    if (file !== undefined) await removeFile(file);
  }
  for (const name of plan.delete) await client.delete(name, { signal: io.signal });
}

async function removeFile(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new OllamaError('server_error', `${file} can't be removed (${code ?? String(cause)}).`, { cause });
  }
}
