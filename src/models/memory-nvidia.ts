import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import type { Io } from '../io.js';
import { addUp, type CardMemory } from './memory-linux.js';

const QUESTION = ['--query-gpu=memory.total,memory.free', '--format=csv,noheader,nounits'];

/**
 * What NVIDIA's own program tells of its cards; undefined where it is not on the PATH, fails, or takes longer than
 * `limitMs` milliseconds. It is run by its whole path, never through a shell.
 */
export async function askNvidia(
  { env, platform, signal }: Pick<Io, 'env' | 'platform' | 'signal'>,
  limitMs: number,
): Promise<CardMemory | undefined> {
  const program = await findProgram(env, platform);
  if (program === undefined) return undefined;
  const output = await new Promise<string>((resolve) => {
    const limits = { maxBuffer: 64 * 1024, windowsHide: true } as const;
    const child = execFile(program, QUESTION, { ...limits, env: { ...env }, signal }, (error, stdout) => {
      clearTimeout(timer);
      resolve(error ? '' : stdout);
    });
    const timer = setTimeout(() => {
      resolve('');
      // One that hangs inside a broken driver can't be ended, and must not be waited for.
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.kill('SIGKILL');
      child.unref();
    }, limitMs);
  });
  return parseNvidia(output);
}

/** The cards in the lines `total, free` of nvidia-smi, in MiB; undefined where no line tells one. */
export function parseNvidia(output: string): CardMemory | undefined {
  const cards = output.split('\n').flatMap((line): CardMemory[] => {
    const match = /^\s*(\d{1,9})\s*,\s*(\d{1,9})\s*$/.exec(line);
    if (!match) return [];
    const total = Number(match[1]) * 2 ** 20;
    return [{ total, free: Math.min(total, Number(match[2]) * 2 ** 20) }];
  });
  return cards.length === 0 ? undefined : addUp(cards);
}

/** Only folders that are named whole: a checkout's own folder must not bring a program. */
async function findProgram(env: Io['env'], platform: Io['platform']): Promise<string | undefined> {
  const windows = platform === 'win32';
  const rules = windows ? path.win32 : path.posix;
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(windows ? ';' : ':');
  for (const folder of folders.filter((name) => rules.isAbsolute(name))) {
    const file = rules.join(folder, windows ? 'nvidia-smi.exe' : 'nvidia-smi');
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // Not there; the next folder may have it.
    }
  }
  return undefined;
}
