import { execFile } from 'node:child_process';
import { findProgram } from '../config/find-program.js';
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
  const program = await findProgram({ env, platform }, 'nvidia-smi');
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
