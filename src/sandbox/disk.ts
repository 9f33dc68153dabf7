import { createReadStream, statSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobStore, Partial } from './blobs.js';
import type { ByteSource } from './bytes.js';
import type { ModelName } from './names.js';
import { parseName } from './names.js';

const PARTIAL = '-partial';

/** A model as it lies on disk. */
export interface StoredManifest {
  readonly name: ModelName;
  readonly bytes: Buffer;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** Keeps blobs as files under `dir/blobs`, named as Ollama names them; files are 0600, written whole or not at all. */
export async function diskBlobs(dir: string): Promise<BlobStore> {
  const folder = join(dir, 'blobs');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const sizes = new Map<string, number>();
  for (const file of await readdir(folder)) {
    if (!/^sha256-[0-9a-f]{64}$/.test(file)) continue;
    sizes.set(file.replace('-', ':'), (await stat(join(folder, file))).size);
  }
  const fileOf = (digest: string): string => join(folder, digest.replace(':', '-'));
  return {
    get: (digest) => {
      if (!sizes.has(digest)) return undefined;
      // As Ollama does: a file that someone took away meanwhile is not there.
      try {
        return fileSource(fileOf(digest), statSync(fileOf(digest)).size);
      } catch {
        return undefined;
      }
    },
    put: async (digest, bytes) => {
      await writeWhole(fileOf(digest), bytes);
      sizes.set(digest, bytes.length);
    },
    openPartial: (digest) => openPartialFile(fileOf(digest) + PARTIAL),
    dropPartial: async (digest) => {
      const file = fileOf(digest) + PARTIAL;
      const wasThere = await stat(file).then(
        () => true,
        () => false,
      );
      await rm(file, { force: true });
      return wasThere;
    },
    commit: async (digest) => {
      const file = fileOf(digest);
      await rename(file + PARTIAL, file);
      sizes.set(digest, (await stat(file)).size);
    },
    remove: async (digest) => {
      sizes.delete(digest);
      await rm(fileOf(digest), { force: true });
    },
    digests: () => [...sizes.keys()],
  };
}

function fileSource(file: string, size: number): ByteSource {
  return {
    size,
    read: (start, end) => (end <= start ? [] : createReadStream(file, { start, end: end - 1 })),
  };
}

async function openPartialFile(file: string): Promise<Partial> {
  const handle = await open(file, 'a', 0o600);
  let completed = (await handle.stat()).size;
  return {
    get completed() {
      return completed;
    },
    append: async (chunk) => {
      await handle.appendFile(chunk);
      completed += chunk.length;
    },
    truncate: async (size) => {
      completed = Math.min(size, completed);
      await handle.truncate(completed);
    },
    close: async () => {
      await handle.sync();
      await handle.close();
    },
  };
}

async function writeWhole(file: string, bytes: Buffer): Promise<void> {
  const draft = `${file}.tmp`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}

// A colon is no part of a file's name on Windows.
function manifestFile(dir: string, name: ModelName): string {
  return join(dir, 'manifests', name.host.replace(':', '%3A'), name.namespace, name.model, name.tag);
}

/** Writes a manifest under `dir/manifests/host/namespace/model/tag`, dated by its `modifiedAt`. */
export async function writeManifest(dir: string, { name, bytes, modifiedAt }: StoredManifest): Promise<void> {
  const file = manifestFile(dir, name);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeWhole(file, bytes);
  // Half a microsecond more, since the system rounds down.
  const seconds = (modifiedAt + 0.0005) / 1000;
  await utimes(file, seconds, seconds);
}

/** Removes a manifest's file. */
export async function removeManifest(dir: string, name: ModelName): Promise<void> {
  await rm(manifestFile(dir, name), { force: true });
}

/** All manifests under `dir`; undefined where there never were any. */
export async function readManifests(dir: string): Promise<StoredManifest[] | undefined> {
  const root = join(dir, 'manifests');
  let files: string[];
  try {
    files = await readdir(root, { recursive: true });
  } catch {
    return undefined;
  }
  const found: StoredManifest[] = [];
  for (const file of files) {
    const parts = file.replace('%3A', ':').split(/[/\\]/);
    const name = parseName(`${parts.slice(0, 3).join('/')}:${parts[3] ?? ''}`);
    if (parts.length !== 4 || name === undefined) continue;
    const path = join(root, file);
    found.push({
      name,
      bytes: await readFile(path),
      modifiedAt: Math.round((await stat(path)).mtimeMs * 1000) / 1000,
    });
  }
  return found;
}
