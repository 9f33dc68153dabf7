import { mkdir, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/**
 * Opens a file of ours, made for its owner alone, as are missing folders; they are looked for only where the file can't
 * be opened without them. Throws the file system's errors.
 */
export async function openOwn(file: string, flags: 'a' | 'wx'): Promise<FileHandle> {
  try {
    return await open(file, flags, 0o600);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  return await open(file, flags, 0o600);
}
