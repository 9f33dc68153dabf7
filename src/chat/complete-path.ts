import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { cleanLine } from '../format/clean.js';

const MOST_FOUND = 200;

/** From where paths are told: the current folder, and the person's own for `~`. */
export interface PathRoots {
  readonly cwd: string;
  readonly home: string;
}

function findNameStart(typed: string): number {
  return Math.max(typed.lastIndexOf('/'), typed.lastIndexOf(path.sep)) + 1;
}

function openFolder(written: string, { cwd, home }: PathRoots): string {
  return /^~[\\/]/.test(written) ? path.join(home, written.slice(2)) : path.resolve(cwd, written);
}

async function isFolder(entry: Dirent, folder: string): Promise<boolean | undefined> {
  const target = entry.isSymbolicLink()
    ? await stat(path.join(folder, entry.name)).catch(() => undefined)
    : entry;
  if (target?.isDirectory() === true) return true;
  return target?.isFile() === true ? false : undefined;
}

/**
 * The files and folders that what is typed of a path may mean, as they would be typed: folders end with `/`, hidden ones are
 * there only for a name that begins with a dot. None for a folder that can't be read. Names that can't be shown as they
 * are, or that `isUsable` refuses, are left out.
 */
export async function findPaths(
  typed: string,
  roots: PathRoots,
  isUsable: (name: string) => boolean = () => true,
): Promise<string[]> {
  if (typed === '~') return ['~/'];
  const written = typed.slice(0, findNameStart(typed));
  const start = typed.slice(written.length);
  const folder = openFolder(written, roots);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const usable = entries.filter(
    ({ name }) =>
      (start.startsWith('.') || !name.startsWith('.')) && cleanLine(name) === name && isUsable(name),
  );
  const exact = usable.filter(({ name }) => name.startsWith(start));
  const small = start.toLowerCase();
  const found = exact.length > 0 ? exact : usable.filter(({ name }) => name.toLowerCase().startsWith(small));
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  const options: string[] = [];
  for (const entry of found.slice(0, MOST_FOUND)) {
    const isDirectory = await isFolder(entry, folder);
    if (isDirectory !== undefined) options.push(`${written}${entry.name}${isDirectory ? '/' : ''}`);
  }
  return options;
}
