import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Io } from '../io.js';
import { writeFileAtomic } from './atomic-write.js';
import { stateDir } from './paths.js';

/** A host that a project file chose. Another address in the same file is another choice, and is asked for again. */
export interface ProjectHost {
  readonly file: string;
  readonly url: string;
}

type Place = Pick<Io, 'env' | 'platform'>;

function memoryFile(io: Place): string {
  return path.join(stateDir(io.env, io.platform), 'trusted-hosts.json');
}

function isProjectHost(value: unknown): value is ProjectHost {
  if (typeof value !== 'object' || value === null) return false;
  const { file, url } = value as Record<string, unknown>;
  return typeof file === 'string' && typeof url === 'string';
}

/** What cannot be read is not trusted. */
async function readTrusted(io: Place): Promise<readonly ProjectHost[]> {
  try {
    const value: unknown = JSON.parse(await readFile(memoryFile(io), 'utf8'));
    const list = typeof value === 'object' && value !== null && 'trusted' in value ? value.trusted : [];
    return Array.isArray(list) ? list.filter(isProjectHost) : [];
  } catch {
    return [];
  }
}

/** Whether the person has agreed to this address from this file before. Never throws. */
export async function isTrusted(io: Place, host: ProjectHost): Promise<boolean> {
  return (await readTrusted(io)).some(({ file, url }) => file === host.file && url === host.url);
}

/** Remembers that the person agreed; throws the file system's errors where it cannot be written. */
export async function trust(io: Place, { file, url }: ProjectHost): Promise<void> {
  const others = (await readTrusted(io)).filter((known) => known.file !== file || known.url !== url);
  await writeFileAtomic(
    memoryFile(io),
    `${JSON.stringify({ trusted: [...others, { file, url }] }, null, 2)}\n`,
  );
}
