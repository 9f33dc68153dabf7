import type { Context } from '../context.js';
import type { InstalledModel } from '../core/wire.js';
import { freeBytes, type FolderOptions } from './folder.js';
import { knownLayers, measureDisk } from './layers.js';
import { findOrphans } from './verify.js';

/** A file that belongs to no model; size in bytes. */
export interface StrayFile {
  readonly digest: string;
  readonly size: number;
}

/** What an Ollama server's models take of its disk. Sizes are bytes. */
export interface DiskReport {
  readonly models: readonly {
    readonly name: string;
    readonly size: number;
    /** What removing it frees. */
    readonly uniqueSize: number;
  }[];
  /** Shared layers once. */
  readonly totalSize: number;
  /** Known of a folder that is at hand alone. */
  readonly partials?: readonly StrayFile[];
  readonly orphans?: readonly StrayFile[];
  readonly folder?: string;
  readonly freeBytes?: number;
  /** True where all of it was seen in the folder. */
  readonly complete: boolean;
  /** What is not known, and why; file names in it are others' text. */
  readonly notes: readonly string[];
}

/** Measures what the models take. Throws what the server's list throws, and `interrupted`. */
export async function measureFolder(
  context: Context,
  models: readonly InstalledModel[],
  options: FolderOptions,
): Promise<DiskReport> {
  const { folder, parts, known, why } = await knownLayers(context, models, options);
  const { total, unique } = measureDisk(parts);
  const local = models.filter((model) => model.remote_host === undefined);
  const listed = folder
    ? folder.manifests.map(({ name, blobs }) => ({
        name,
        size: blobs.reduce((sum, { size }) => sum + size, 0),
      }))
    : local.map(({ name, size }) => ({ name, size }));
  const rows = listed
    .map(({ name, size }) => ({ name, size, uniqueSize: unique.get(name.toLowerCase()) ?? 0 }))
    .sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1));
  if (!folder) {
    const notes = [
      `The models folder is not at hand (${why ?? 'not found'}): unfinished downloads and blobs without a model are not counted.`,
      ...(known
        ? []
        : ['Which models share layers is not known of all: the sum is the most that it can be.']),
    ];
    return { models: rows, totalSize: total, complete: false, notes };
  }
  // A manifest that could not be read may be the one that a blob belongs to.
  const whole = folder.notes.length === 0;
  return {
    models: rows,
    totalSize: total,
    partials: folder.partials.map(({ digest, size }) => ({ digest, size })),
    orphans: whole ? findOrphans(folder) : [],
    folder: folder.path,
    freeBytes: await freeBytes(folder),
    complete: whole,
    notes: whole
      ? []
      : [...folder.notes, 'So it is not known which blobs belong to no model: they are not counted.'],
  };
}
