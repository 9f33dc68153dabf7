import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/**
 * Replaces a file in one step by what `fill` writes; `mode` is that of the new one, without it the person's own default.
 * A reader sees the old text or the new, never a part; on failure the old file stays. Throws the file system's errors,
 * and what `fill` throws.
 */
export async function replaceFile(
  file: string,
  mode: number | undefined,
  fill: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      // What was asked for, whatever the process takes away of a new file's mode.
      if (mode !== undefined) await handle.chmod(mode);
      await fill(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The same with a whole text for a file of ours, readable by its owner alone; missing folders are made for the owner alone. */
export async function writeFileAtomic(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await replaceFile(file, 0o600, async (handle) => await handle.writeFile(text));
}
