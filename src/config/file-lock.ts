import { mkdir, open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';

/** In milliseconds. */
const AGAIN_AFTER = 20;
/** A change takes a few milliseconds: who holds a lock for so long was killed with it. In milliseconds. */
const FORSAKEN_AFTER = 5_000;
const TRIES = 1_000;

/**
 * Does what changes a file while nobody else who asks here does: a change that reads, and then writes, would undo
 * another's between the two. Throws `config` where it is never free, the file system's errors, and what `work` throws.
 */
export async function whileLocked<Value>(file: string, work: () => Promise<Value>): Promise<Value> {
  const lock = `${file}.lock`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  for (let tries = TRIES; !(await takeLock(lock)); tries--) {
    if (tries === 0) {
      throw new OllamaError('config', `${cleanLine(file)} is being changed by another program.`, {
        hint: `Where that is not so, remove ${cleanLine(lock)}.`,
      });
    }
    await sleep(AGAIN_AFTER);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function takeLock(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  // One that is gone meanwhile is free.
  const held = await stat(lock).catch(() => undefined);
  if (held !== undefined && Date.now() - held.mtimeMs > FORSAKEN_AFTER) await rm(lock, { force: true });
  return false;
}
