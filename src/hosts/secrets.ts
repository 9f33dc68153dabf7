import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../config/atomic-write.js';
import type { Headers } from './headers.js';

/** The folder, beside the person's own file of settings, of what was typed at a hidden prompt. */
const FOLDER = 'credentials';

/** Where the secrets of a host are kept: a file of headers of its own, which the settings name by `header_file`. */
export function secretsFile(userFile: string, name: string): { file: string; written: string } {
  const written = path.posix.join(FOLDER, name);
  return { file: path.join(path.dirname(userFile), FOLDER, name), written };
}

/**
 * Keeps the headers of a host, readable by its owner alone. Resolves to what puts back what was there before. Throws the
 * file system's errors.
 */
export async function keepSecrets(
  file: string,
  name: string,
  headers: Headers,
): Promise<() => Promise<void>> {
  const before = await readFile(file, 'utf8').catch(() => undefined);
  const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}\n`);
  await writeFileAtomic(file, `# What is sent to the host ${name}, and to no other.\n${lines.join('')}`);
  return async () => await (before === undefined ? forgetSecrets(file) : writeFileAtomic(file, before));
}

/** Forgets them; one that is not there is forgotten already. */
export async function forgetSecrets(file: string): Promise<void> {
  await rm(file, { force: true });
}
