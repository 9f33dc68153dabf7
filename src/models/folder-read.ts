import { createHash } from 'node:crypto';
import { lstat, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isOllamaError, OllamaError } from '../core/errors.js';
import { displayName, parseModelName } from '../core/model-name.js';
import { createPool } from '../core/pool.js';
import { decodeManifest } from '../core/registry-decode.js';
import { allBlobs, type RegistryBlob } from '../core/registry.js';

/** A model as its manifest in the folder describes it. */
export interface FolderManifest {
  /** As Ollama shows it. */
  readonly name: string;
  readonly file: string;
  /** `sha256:…` of the file's bytes, which is what the server calls the model's digest. */
  readonly digest: string;
  readonly bytes: Buffer;
  /** Each digest once, the config last. */
  readonly blobs: readonly RegistryBlob[];
  /** The digest of the config, where there is one. */
  readonly config: string | undefined;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** A file under `blobs`. */
export interface FolderBlob {
  readonly digest: string;
  readonly file: string;
  readonly size: number;
}

/** What is kept of a download that was broken off. */
export interface FolderPartial {
  readonly digest: string;
  /** The bytes that it takes of the disk: a file with holes takes less than its length. */
  readonly size: number;
  readonly files: readonly string[];
}

/** What a models folder holds. */
export interface FolderContent {
  readonly manifests: readonly FolderManifest[];
  readonly blobs: ReadonlyMap<string, FolderBlob>;
  readonly partials: readonly FolderPartial[];
  /** What stands where a blob should and is no file, such as a folder: its path by the digest. */
  readonly obstacles: ReadonlyMap<string, string>;
  /** What was passed over, and why; file names in it are others' text. */
  readonly notes: readonly string[];
}

/** A manifest of Ollama has a few kilobytes; what is larger is none. */
const LARGEST_MANIFEST = 4_000_000;
/** How many files are read or looked at side by side. */
const AT_ONCE = 32;
const BLOCK = 512;

/** Reads what a models folder holds; what does not belong is noted and passed over. Throws where it can't be read. */
export async function readFolder(folder: string): Promise<FolderContent> {
  const notes: string[] = [];
  // The one that says whether this is a models folder at all, and whether it may be read.
  const content = await readBlobs(path.join(folder, 'blobs'), notes);
  const manifests = await readManifests(path.join(folder, 'manifests'), notes);
  return { manifests, ...content, notes };
}

async function readManifests(root: string, notes: string[]): Promise<FolderManifest[]> {
  const files = await listFiles(root, 4, notes, true);
  const places = createPool(AT_ONCE);
  const read = await Promise.all(files.map((file) => places(() => readManifest(root, file, notes))));
  return read.filter((manifest) => manifest !== undefined);
}

/** The files exactly `depth` folders down; symbolic links and all that lies elsewhere are noted. */
async function listFiles(folder: string, depth: number, notes: string[], mayMiss = false): Promise<string[]> {
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (mayMiss && (error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    if (mayMiss) throw error;
    notes.push(`${folder} can't be read (${codeOf(error)})`);
    return [];
  }
  const found: string[] = [];
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (depth > 1 && entry.isDirectory()) found.push(...(await listFiles(file, depth - 1, notes)));
    else if (depth === 1 && entry.isFile()) found.push(file);
    else if (!entry.name.startsWith('.')) notes.push(`${file} is no manifest`);
  }
  return found;
}

async function readManifest(
  root: string,
  file: string,
  notes: string[],
): Promise<FolderManifest | undefined> {
  const [host = '', namespace = '', model = '', tag = ''] = path.relative(root, file).split(path.sep);
  // Where a file's name can't have a colon, a registry's port is written with %3A.
  const name = parseModelName(`${host.replace(/%3A/i, ':')}/${namespace}/${model}:${tag}`);
  if (name === undefined) {
    if (!tag.startsWith('.')) notes.push(`${file} has no model's name`);
    return undefined;
  }
  try {
    const handle = await open(file);
    try {
      const { size, mtimeMs } = await handle.stat();
      if (size > LARGEST_MANIFEST) throw new OllamaError('protocol', 'too large');
      const bytes = await handle.readFile();
      const shown = displayName(name);
      const manifest = decodeManifest({ body: bytes, url: file, whole: true }, shown);
      return {
        name: shown,
        file,
        digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
        bytes,
        blobs: allBlobs(manifest),
        config: manifest.config?.digest,
        modifiedAt: mtimeMs,
      };
    } finally {
      await handle.close();
    }
  } catch (error) {
    notes.push(`${file} can't be used as a manifest (${codeOf(error)})`);
    return undefined;
  }
}

const BLOB = /^sha256-([0-9a-f]{64})(-partial.*)?$/;

async function readBlobs(
  folder: string,
  notes: string[],
): Promise<Pick<FolderContent, 'blobs' | 'partials' | 'obstacles'>> {
  const names = (await readdir(folder)).sort();
  const blobs = new Map<string, FolderBlob>();
  const obstacles = new Map<string, string>();
  const partials = new Map<string, { digest: string; size: number; files: string[] }>();
  const places = createPool(AT_ONCE);
  const look = async (name: string): Promise<void> => {
    const file = path.join(folder, name);
    const [, hex, partial] = BLOB.exec(name) ?? [];
    if (hex === undefined) {
      if (!name.startsWith('.')) notes.push(`${file} is no blob`);
      return;
    }
    const digest = `sha256:${hex}`;
    // A blob may lie on another disk, behind a link; what is no file in the end is none.
    const found = await (partial === undefined ? stat(file) : lstat(file)).catch(() => undefined);
    if (found?.isFile() !== true) {
      notes.push(`${file} is no file`);
      if (partial === undefined && found !== undefined) obstacles.set(digest, file);
    } else if (partial === undefined) {
      blobs.set(digest, { digest, file, size: found.size });
    } else {
      const known = partials.get(digest) ?? { digest, size: 0, files: [] };
      known.size += Math.min(found.size, found.blocks * BLOCK);
      known.files.push(file);
      partials.set(digest, known);
    }
  };
  await Promise.all(names.map((name) => places(() => look(name))));
  return { blobs, partials: [...partials.values()], obstacles };
}

function codeOf(error: unknown): string {
  return isOllamaError(error)
    ? 'it is no manifest of a model'
    : ((error as NodeJS.ErrnoException).code ?? String(error));
}
