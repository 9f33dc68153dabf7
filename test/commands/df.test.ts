import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLibrary, type Library } from '../models/library.js';
import { ESCAPES, schemaErrors, TERMINAL } from '../support/run.js';

interface Told {
  readonly models: { name: string; size: number; unique_size: number }[];
  readonly total_size: number;
  readonly partials?: { digest: string; size: number }[];
  readonly orphans?: { digest: string; size: number }[];
  readonly complete: boolean;
  readonly free_bytes?: number;
  readonly notes?: string[];
}

let library: Library;
beforeEach(async () => {
  library = await openLibrary();
});
afterEach(async () => await library.close());

function parse(text: string): Told {
  const told = JSON.parse(text) as Told;
  expect(schemaErrors('df', told)).toBe('');
  return told;
}

const STRAY = `sha256:${'e'.repeat(64)}`;
const AWAY = { env: { OLLAMA_MODELS: undefined } };

async function derive(): Promise<number> {
  await library.lab.events('/api/create', { model: 'mine', from: 'gemma3:1b', system: 'Be brief.' });
  return library.blobsOf('gemma3:1b')[0]?.size ?? 0;
}

describe('df', () => {
  it('counts shared layers once, and tells what removing each would free', async () => {
    const weights = await derive();
    const told = parse((await library.run(['df', '--json'])).stdout);
    expect(told.complete).toBe(true);
    expect(told.models.map(({ name }) => name).sort()).toEqual(['gemma3:1b', 'mine:latest', 'qwen3:0.6b']);
    const sum = told.models.reduce((bytes, { size }) => bytes + size, 0);
    expect(sum - told.total_size).toBeGreaterThanOrEqual(weights);
    const qwen = told.models.find(({ name }) => name.startsWith('qwen'));
    expect(qwen?.unique_size).toBe(qwen?.size);
    for (const { name, unique_size } of told.models.filter((model) => !model.name.startsWith('qwen'))) {
      expect(unique_size).toBeLessThan(weights);
      const rm = JSON.parse((await library.run(['rm', name, '-n', '--json'])).stdout) as {
        freed_bytes: number;
      };
      expect(rm.freed_bytes).toBe(unique_size);
    }
    expect(told.free_bytes).toBeGreaterThan(0);
  });

  it('tells unfinished downloads and blobs of no model', async () => {
    writeFileSync(`${library.blobFile(STRAY)}-partial`, Buffer.alloc(100_000, 1));
    writeFileSync(library.blobFile(`sha256:${'d'.repeat(64)}`), Buffer.alloc(2_000));
    const told = parse((await library.run(['df', '--json'])).stdout);
    expect(told.partials).toMatchObject([{ digest: STRAY }]);
    expect(told.partials?.[0]?.size).toBeGreaterThanOrEqual(100_000);
    expect(told.orphans).toEqual([{ digest: `sha256:${'d'.repeat(64)}`, size: 2_000 }]);
    const words = await library.run(['df', '--color', 'never'], TERMINAL);
    expect(words.stdout).toContain('1 unfinished download takes');
    expect(words.stdout).toContain('1 blob of no model takes 2.0 kB');
    expect(words.stdout).toMatch(/NAME\s+SIZE\s+ITS OWN/);
    expect(words.stdout).toContain('are free there.');
  });

  it('says that it is not complete where the folder is not at hand', async () => {
    const weights = await derive();
    const told = parse((await library.run(['df', '--json'], AWAY)).stdout);
    expect(told.complete).toBe(false);
    expect(told).not.toHaveProperty('partials');
    expect(told).not.toHaveProperty('orphans');
    expect(told).not.toHaveProperty('free_bytes');
    const sum = told.models.reduce((bytes, { size }) => bytes + size, 0);
    expect(sum - told.total_size).toBeGreaterThanOrEqual(weights);
    const pipe = await library.run(['df'], AWAY);
    expect(pipe.stdout).toMatch(/^name\tsize\tunique_size\n/);
    expect(pipe.stderr).toContain('The models folder is not at hand');
    expect(pipe.stdout + pipe.stderr).not.toMatch(ESCAPES);
  });

  it('counts no orphans where a manifest can’t be read, and says so', async () => {
    writeFileSync(library.blobFile(STRAY), 'x');
    const bad = path.join(
      library.dir,
      'manifests',
      'registry.ollama.ai',
      'library',
      'gemma3',
      'bad\u001b[31m',
    );
    writeFileSync(bad, 'x');
    const told = parse((await library.run(['df', '--json'])).stdout);
    expect(told).toMatchObject({ complete: false, orphans: [] });
    const pipe = await library.run(['df']);
    expect(pipe.stderr).toContain('it is not known which blobs belong to no model');
    expect(pipe.stderr).not.toMatch(ESCAPES);
  });

  it('counts what is really there of a layer that is gone', async () => {
    const weights = library.blobsOf('gemma3:1b')[0];
    const before = parse((await library.run(['df', '--json'])).stdout);
    rmSync(library.blobFile(weights?.digest ?? ''));
    const after = parse((await library.run(['df', '--json'])).stdout);
    expect(before.total_size - after.total_size).toBe(weights?.size);
  });

  it('gives names alone with --quiet, and the fields that are asked for', async () => {
    const quiet = await library.run(['df', '-q']);
    expect(quiet.stdout.trim().split('\n').sort()).toEqual(['gemma3:1b', 'qwen3:0.6b']);
    expect(quiet.stderr).toBe('');
    const picked = JSON.parse((await library.run(['df', '--json', '--fields', 'name'])).stdout) as Told;
    expect(Object.keys(picked.models[0] ?? {})).toEqual(['name']);
    const pipe = await library.run(['df', '--fields', 'unique_size,name', '--no-header']);
    expect(pipe.stdout).toMatch(/^\d+\t\S+\n\d+\t\S+\n$/);
    expect((await library.run(['df', '--fields', 'nope'])).code).toBe(2);
  });

  it('writes nothing', async () => {
    await derive();
    const before = library.state();
    await library.run(['df'], AWAY);
    await library.run(['rm', '*', '--dry-run'], AWAY);
    await library.run(['df']);
    await library.run(['verify']);
    await library.run(['rm', '*', '--dry-run']);
    expect(library.state()).toEqual(before);
  });

  it('is no failure on a server without models', async () => {
    const empty = await openLibrary({ installed: [] });
    const ran = await empty.run(['df'], TERMINAL);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('0 models take 0 B');
    await empty.close();
  });
});
