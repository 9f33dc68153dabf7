import { stat } from 'node:fs/promises';
import path from 'node:path';
import { homeDir } from '../config/paths.js';
import type { Io } from '../io.js';

/** Where names of files are meant from. */
export type Place = Pick<Io, 'cwd' | 'env' | 'platform'>;

/** Where a name that a person wrote leads: as it stands, or, as terminals write a dropped file, quoted or escaped. */
export async function locateFile(io: Place, name: string): Promise<string> {
  const quoted = /^(["'])(.+)\1$/s.exec(name)?.[2];
  const escaped = io.platform === 'win32' ? name : name.replace(/\\(.)/gs, '$1');
  for (const candidate of new Set([name, quoted ?? name, escaped])) {
    const file = resolvePath(io, candidate);
    if (await exists(file)) return file;
  }
  return resolvePath(io, name);
}

/** The absolute path of a name: from the working directory, `~` the home folder. */
export function resolvePath(io: Place, name: string): string {
  const home = /^~(?=$|[/\\])/.test(name) ? homeDir(io.env, io.platform) + name.slice(1) : name;
  return path.resolve(io.cwd, home);
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}
