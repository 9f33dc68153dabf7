import type { Context } from '../context.js';
import { sumLayers } from './plan.js';
import type { LookUps } from './look-up.js';

/** The disk of the server's models, in bytes. */
export interface Disk {
  readonly folder: string;
  readonly free: number;
  /** What the models lack, less what an earlier try has left. */
  readonly missing: number;
  /** Whether the folder is certainly the server's. */
  readonly sure: boolean;
}

/** The disk for these models; undefined where the server's folder or a manifest is not at hand. Never rejects. */
export async function seeDisk(
  context: Context,
  models: readonly string[],
  lookUps: LookUps,
): Promise<Disk | undefined> {
  try {
    const { findModelsFolder, freeBytes } = await import('../models/folder.js');
    const [folder, plans] = await Promise.all([
      findModelsFolder(context),
      Promise.all(models.map((model) => lookUps.plan(model))),
    ]);
    if (folder === undefined) return undefined;
    const layers = plans.flatMap((plan) => plan?.layers ?? []);
    const absent = new Set(layers.filter(({ present }) => !present).map(({ digest }) => digest));
    const kept = folder.partials.reduce((sum, { digest, size }) => sum + (absent.has(digest) ? size : 0), 0);
    return {
      folder: folder.path,
      free: await freeBytes(folder),
      missing: Math.max(0, sumLayers(layers).bytesToFetch - kept),
      sure: folder.confirmed,
    };
  } catch {
    // A folder that can't be read says nothing against a pull.
    return undefined;
  }
}

/** A model that this memory does not hold; bytes. */
export interface Misfit {
  readonly model: string;
  /** An estimate. */
  readonly needed: number;
  readonly available: number;
}

/** Those of these models that have something to be fetched and could not be loaded then. Never rejects. */
export async function seeMisfits(
  context: Context,
  models: readonly string[],
  lookUps: LookUps,
  signal: AbortSignal,
): Promise<Misfit[]> {
  const seen = await Promise.all(
    models.map(async (model) => {
      try {
        const plan = await lookUps.plan(model);
        if (plan === undefined || plan.bytesToFetch === 0) return [];
        const { fitModel } = await import('../models/fit.js');
        const fit = await fitModel(context, model, { manifest: plan.manifest, signal });
        const { ram = 0, vram = 0 } = fit.available;
        const available = fit.unified === true ? ram : ram + vram;
        return fit.verdict === 'no' ? [{ model, needed: fit.total_bytes, available }] : [];
      } catch {
        // What can't be estimated is no reason against it.
        return [];
      }
    }),
  );
  return seen.flat();
}
