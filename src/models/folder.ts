import { access, constants, readFile, statfs } from 'node:fs/promises';
import path from 'node:path';
import { homeDir } from '../config/paths.js';
import type { Context } from '../context.js';
import { isLoopback } from '../core/url.js';
import type { InstalledModel } from '../core/wire.js';
import type { Io } from '../io.js';
import { readFolder, type FolderContent, type FolderManifest } from './folder-read.js';

/** The server's models folder, on this machine and readable. */
export interface ModelsFolder extends FolderContent {
  readonly path: string;
  /** Whether its blobs may be removed. */
  readonly writable: boolean;
  /** False where neither the server nor the folder has a model: then nothing proves that it is the server's. */
  readonly confirmed: boolean;
}

/** How to look for the folder. */
export interface FolderOptions {
  /** Only this one, as `--models-dir` names it; the server may then be anywhere. */
  readonly dir?: string | undefined;
}

/** The folder, or in one sentence why it is not at hand. */
export type FolderSight =
  | { readonly folder: ModelsFolder; readonly why?: undefined }
  | { readonly folder?: undefined; readonly why: string };

/** The server's models folder where it is at hand; see `seeModelsFolder`. Throws what the server's list throws. */
export async function findModelsFolder(
  context: Context,
  options: FolderOptions = {},
): Promise<ModelsFolder | undefined> {
  return (await seeModelsFolder(context, options)).folder;
}

/**
 * Looks where Ollama keeps models: the folder that is named, else OLLAMA_MODELS and the places of Ollama's installers.
 * Only for a server at a loopback address, and never on the address's word alone, which may lead into a container or a
 * tunnel: the folder's manifests have to be the server's models, by digest and by time.
 */
export async function seeModelsFolder(
  { io, client }: Context,
  { dir }: FolderOptions = {},
): Promise<FolderSight> {
  if (dir === undefined && !isLoopback(client.host.hostname)) {
    return { why: `${client.host.display} is another machine` };
  }
  const models = await client.list({ signal: io.signal });
  const reasons: string[] = [];
  for (const place of dir === undefined ? usualPlaces(io) : [path.resolve(io.cwd, dir)]) {
    try {
      const content = await readFolder(place);
      const agreement = await compare(content, models);
      if (agreement !== 'differs') {
        const writable = await isWritable(path.join(place, 'blobs'));
        return { folder: { ...content, path: place, writable, confirmed: agreement === 'agrees' } };
      }
      const [note] = content.notes;
      const seen = note === undefined ? '' : ` (${note})`;
      reasons.push(`the models in ${place} are not those of ${client.host.display}${seen}`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      if (code !== 'ENOENT' || dir !== undefined) reasons.push(`${place} can't be read (${code})`);
    }
  }
  return { why: reasons.length > 0 ? reasons.join('; ') : 'it was not found on this machine' };
}

/** The bytes that are free for the server's user on the disk of the folder; a server of root may use some more. */
export async function freeBytes(folder: Pick<ModelsFolder, 'path'>): Promise<number> {
  const { bavail, bsize } = await statfs(folder.path);
  return bavail * bsize;
}

function usualPlaces({ env, cwd, platform }: Io): string[] {
  const named = env['OLLAMA_MODELS']?.trim().replace(/^["']+|["']+$/g, '');
  const own = path.join(homeDir(env, platform), '.ollama', 'models');
  const service = platform === 'linux' ? ['/usr/share/ollama/.ollama/models', '/var/lib/ollama/models'] : [];
  const places = [
    ...(named ? [path.resolve(cwd, named)] : []),
    own,
    ...service,
    '/var/lib/ollama/.ollama/models',
  ];
  return [...new Set(platform === 'linux' ? places : places.slice(0, -1))];
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether these are the server's models: each of its own is here, and each of these is its own. */
async function compare(
  content: FolderContent,
  models: readonly InstalledModel[],
): Promise<'agrees' | 'differs' | 'empty'> {
  const here = new Map(content.manifests.map((manifest) => [manifest.name.toLowerCase(), manifest]));
  for (const model of models) {
    const manifest = here.get(model.name.toLowerCase());
    if (manifest === undefined || !isSame(manifest, model)) return 'differs';
    here.delete(model.name.toLowerCase());
  }
  for (const manifest of here.values()) {
    if (await isListable(manifest, content)) return 'differs';
  }
  return models.length === 0 ? 'empty' : 'agrees';
}

/** Two machines may have the same model; that both wrote it in the same instant can't be. */
function isSame({ digest, modifiedAt }: FolderManifest, model: InstalledModel): boolean {
  if (digest.slice('sha256:'.length) !== model.digest.replace(/^sha256:/, '')) return false;
  const told = Date.parse(model.modified_at);
  // Some file systems keep whole seconds, or every second one.
  const slack = Number.isInteger(modifiedAt / 1000) ? 2_000 : 2;
  return Math.abs(told - modifiedAt) < slack;
}

/** Ollama leaves a model out of its list whose config it can't read. */
async function isListable({ config }: FolderManifest, content: FolderContent): Promise<boolean> {
  if (config === undefined) return true;
  const blob = content.blobs.get(config);
  if (blob === undefined || blob.size > LARGEST_CONFIG) return false;
  try {
    JSON.parse(await readFile(blob.file, 'utf8'));
    return true;
  } catch {
    return false;
  }
}

const LARGEST_CONFIG = 4_000_000;
