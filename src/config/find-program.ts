import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Io } from '../io.js';

/**
 * The program in the folders of PATH, by its name without `.exe`; undefined where there is none. Only folders that are
 * named whole are looked into: a checkout's own folder must not bring a program.
 */
export async function findProgram(
  { env, platform }: Pick<Io, 'env' | 'platform'>,
  name: string,
): Promise<string | undefined> {
  const isWindows = platform === 'win32';
  const rules = isWindows ? path.win32 : path.posix;
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(rules.delimiter).filter(rules.isAbsolute);
  for (const folder of folders) {
    const file = rules.join(folder, isWindows ? `${name}.exe` : name);
    const isProgram = await access(file, constants.X_OK)
      .then(async () => (await stat(file)).isFile())
      .catch(() => false);
    if (isProgram) return file;
  }
  return undefined;
}
