import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BIN, openFolder } from './program.js';
import { readKeptModel, startSandboxProcess } from './sandbox-process.js';

const MODELS = ['all-minilm:22m', 'smollm2:135m'];
/** A second of bytes, told of about twenty times. */
const PACE = ['--scale', '0.006', '--rate', '1.8MB'];

interface Line {
  readonly type: string;
  readonly model?: string;
  readonly digest?: string;
  readonly completed?: number;
  readonly bytes_downloaded?: number;
  readonly bytes_reused?: number;
}

interface Pulled {
  readonly code: number | string | null;
  readonly lines: readonly Line[];
}

/** Pulls by the built program; `see` is told of each line, and how to kill it. */
async function pull(
  host: string,
  flags: readonly string[] = [],
  see: (count: number, kill: () => void) => void = () => undefined,
): Promise<Pulled> {
  const args = [BIN, 'pull', ...MODELS, '-j', '1', '--json', ...flags];
  const env = { PATH: process.env['PATH'], HOME: openFolder(), OLLAMA_HOST: host };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    if (line.type === 'progress') {
      see(lines.filter(({ type }) => type === 'progress').length, () => child.kill('SIGKILL'));
    }
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: code ?? signal, lines };
}

/** What was told of each layer: at first, or at most. */
function counts({ lines }: Pulled, choose: (before: number, next: number) => number): Map<string, number> {
  const found = new Map<string, number>();
  for (const { type, digest = '', completed = 0 } of lines) {
    if (type === 'progress') found.set(digest, choose(found.get(digest) ?? completed, completed));
  }
  return found;
}

/** The second pull went on where the first one was killed, and all is there. */
async function expectResumed(models: string, url: string, first: Pulled, second: Pulled): Promise<void> {
  expect(second.code).toBe(0);
  const began = counts(second, (before) => before);
  for (const [digest, bytes] of counts(first, Math.max)) {
    // A layer that was complete may go without a word.
    expect([digest, (began.get(digest) ?? bytes) >= bytes]).toEqual([digest, true]);
  }
  for (const model of MODELS) {
    const kept = await readKeptModel(models, model);
    expect([model, kept.wrong]).toEqual([model, []]);
    const asked = await fetch(`${url}/v2/library/${model.replace(':', '/manifests/')}`);
    expect(asked.headers.get('ollama-content-digest')).toBe(kept.digest);
    const result = second.lines.find((line) => line.type === 'model_result' && line.model === model);
    expect(result?.digest).toBe(kept.digest);
    expect((result?.bytes_downloaded ?? 0) + (result?.bytes_reused ?? 0)).toBe(kept.size);
    const wasDone = first.lines.some((line) => line.type === 'model_result' && line.model === model);
    if (wasDone) expect(result?.bytes_reused).toBe(kept.size);
  }
}

const SEEDS = [11, 12, 13, 14];
/** After how many lines of progress it is killed. */
const placeOf = (seed: number): number =>
  fc.sample(fc.integer({ min: 1, max: 18 }), { seed, numRuns: 1 })[0] ?? 1;

test.each(SEEDS)('a client killed in the midst (seed %i): the same command goes on', async (seed) => {
  const models = path.join(openFolder(), 'models');
  const { url } = await startSandboxProcess(models, PACE);
  const at = placeOf(seed);
  const first = await pull(url, [], (count, kill) => {
    if (count >= at) kill();
  });
  expect(first.code).toBe('SIGKILL');
  await expectResumed(models, url, first, await pull(url));
});

test.each(SEEDS)('a server killed in the midst (seed %i): the same command goes on', async (seed) => {
  const models = path.join(openFolder(), 'models');
  const server = await startSandboxProcess(models, PACE);
  const at = placeOf(seed);
  let gone: Promise<void> | undefined;
  const first = await pull(server.url, ['--retries', '0'], (count) => {
    if (count >= at) gone ??= server.end('SIGKILL');
  });
  await gone;
  // Of two the first may have come before.
  expect(first.code).toBe(first.lines.some(({ type }) => type === 'model_result') ? 8 : 6);
  const { url } = await startSandboxProcess(models, PACE, server.port);
  await expectResumed(models, url, first, await pull(url));
});

test('a server killed in the midst and started again: the pull goes on by itself', async () => {
  const models = path.join(openFolder(), 'models');
  const server = await startSandboxProcess(models, PACE);
  let again: Promise<unknown> | undefined;
  const pulled = await pull(server.url, [], (count) => {
    if (count < 8) return;
    again ??= server.end('SIGKILL').then(async () => await startSandboxProcess(models, PACE, server.port));
  });
  await again;
  expect(pulled.code).toBe(0);
  expect(pulled.lines.some(({ type }) => type === 'retry')).toBe(true);
  for (const model of MODELS) expect((await readKeptModel(models, model)).wrong).toEqual([]);
});
