import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';

/** The layer of all-minilm that matters, at the scale of this test. */
const WEIGHTS = 4_590_000;

let folder: string;
let running: ChildProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-killed-'));
  const program = `
    import { startSandbox } from './src/sandbox/server.js';
    const [, , modelsDir, rate] = process.argv;
    const sandbox = await startSandbox({ modelsDir, installed: [], scale: 0.1, rate: Number(rate) });
    console.log(sandbox.url);`;
  await build({
    stdin: { contents: program, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: join(folder, 'sandbox.mjs'),
    logLevel: 'error',
  });
});
afterAll(async () => {
  running?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function start(rate: number): Promise<OllamaClient> {
  const child = spawn(process.execPath, [join(folder, 'sandbox.mjs'), join(folder, 'models'), String(rate)]);
  running = child;
  child.stderr.pipe(process.stderr);
  const [url] = (await once(child.stdout, 'data')) as [Buffer];
  return new OllamaClient(url.toString().trim(), {
    env: {},
    retry: { attempts: 3, delay: 1, max_delay: 1 },
  });
}

async function kill(): Promise<void> {
  const child = running;
  if (child === undefined) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const completedOf = (event: OllamaPullEvent): number =>
  event.type === 'ChunkProgress' ? (event.completed ?? 0) : 0;

test('a sandbox that was killed goes on with what it had, and the pull ends with the right digests', async () => {
  const first = await start(3_000_000);
  let seen = 0;
  const events: OllamaPullEvent[] = [];
  for await (const event of first.pullModelStream('all-minilm:22m')) {
    events.push(event);
    seen = Math.max(seen, completedOf(event));
    if (seen > WEIGHTS / 2 && running?.killed === false) await kill();
  }
  expect(events.at(-1)).toMatchObject({ type: 'Error', error: { code: 'stream_cut' } });
  expect((await readdir(join(folder, 'models', 'blobs'))).some((file) => file.endsWith('-partial'))).toBe(
    true,
  );

  const second = await start(50_000_000);
  const again: OllamaPullEvent[] = [];
  for await (const event of second.pullModelStream('all-minilm:22m')) again.push(event);
  const resumed = again.map(completedOf).find((bytes) => bytes > 0) ?? 0;
  expect(resumed).toBeGreaterThanOrEqual(seen);
  // The server hashes what it fetched: a success is the digest's.
  expect(again.at(-1)).toEqual({ type: 'Success' });
  expect((await readdir(join(folder, 'models', 'blobs'))).some((file) => file.endsWith('-partial'))).toBe(
    false,
  );

  await kill();
  const third = await start(1);
  expect(await third.fetchModels()).toEqual(['all-minilm:22m']);
});
