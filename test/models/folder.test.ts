import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findModelsFolder, freeBytes, seeModelsFolder } from '../../src/models/folder.js';
import { openLibrary, type Library } from './library.js';

let library: Library;
beforeEach(async () => {
  library = await openLibrary();
});
afterEach(async () => await library.close());

function manifestFile(...parts: string[]): string {
  return path.join(library.dir, 'manifests', ...parts);
}

const GEMMA = ['registry.ollama.ai', 'library', 'gemma3', '1b'] as const;

describe('the models folder', () => {
  it('is found where OLLAMA_MODELS says, with the server’s models and their blobs', async () => {
    const folder = await findModelsFolder(await library.context());
    expect(folder?.path).toBe(library.dir);
    expect(folder?.confirmed).toBe(true);
    expect(folder?.writable).toBe(true);
    expect(folder?.notes).toEqual([]);
    expect(folder?.manifests.map(({ name }) => name).sort()).toEqual(['gemma3:1b', 'qwen3:0.6b']);
    const gemma = folder?.manifests.find(({ name }) => name === 'gemma3:1b');
    const bytes = readFileSync(manifestFile(...GEMMA));
    expect(gemma?.digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    for (const { digest, size } of gemma?.blobs ?? []) expect(folder?.blobs.get(digest)?.size).toBe(size);
    const { bavail, bsize } = statfsSync(library.dir);
    const free = await freeBytes({ path: library.dir });
    // Others write to this disk meanwhile.
    expect(Math.abs(free - bavail * bsize)).toBeLessThan(1e9);
  });

  it('is found in the home folder, and by the flag', async () => {
    const home = path.join(library.home, '.ollama');
    mkdirSync(home, { recursive: true });
    symlinkSync(library.dir, path.join(home, 'models'));
    const env = { OLLAMA_MODELS: undefined };
    expect((await findModelsFolder(await library.context({}, { env })))?.path).toBe(
      path.join(home, 'models'),
    );
    const flagged = await seeModelsFolder(await library.context({}, { env }), { dir: library.dir });
    expect(flagged.folder?.path).toBe(library.dir);
    const elsewhere = await seeModelsFolder(await library.context(), { dir: path.join(library.dir, 'none') });
    expect(elsewhere.why).toContain("can't be read (ENOENT)");
  });

  it('is not looked for where the server is another machine', async () => {
    const context = await library.context({}, { env: { OLLAMA_HOST: 'http://192.0.2.1:11434' } });
    expect((await seeModelsFolder(context)).why).toContain('is another machine');
  });

  it('is read with a port in the registry’s name, as it is and as %3A', async () => {
    const name = 'registry.example:5000/acme/tiny';
    await library.lab.events('/api/pull', { model: name, insecure: true });
    const folder = await findModelsFolder(await library.context());
    expect(folder?.manifests.map((one) => one.name)).toContain(`${name}:latest`);
    const from = manifestFile('registry.example%3A5000');
    renameSync(from, manifestFile('registry.example:5000'));
    const again = await findModelsFolder(await library.context());
    expect(again?.manifests.map((one) => one.name)).toContain(`${name}:latest`);
  });

  it.each([
    [
      'a model that the server does not have',
      () => {
        mkdirSync(manifestFile('registry.ollama.ai', 'library', 'other'), { recursive: true });
        writeFileSync(
          manifestFile('registry.ollama.ai', 'library', 'other', '1'),
          readFileSync(manifestFile(...GEMMA)),
        );
      },
    ],
    ['no manifest of one that it has', () => rmSync(manifestFile(...GEMMA))],
    [
      'another manifest under the name',
      () => {
        const file = manifestFile(...GEMMA);
        writeFileSync(file, `${readFileSync(file, 'utf8')} `);
      },
    ],
    [
      'the same models, written at another time',
      () => utimesSync(manifestFile(...GEMMA), 1_000_000_000, 1_000_000_000.5),
    ],
  ])('is not the server’s with %s', async (_, change) => {
    change();
    const { folder, why } = await seeModelsFolder(await library.context());
    expect(folder).toBeUndefined();
    expect(why).toContain(`the models in ${library.dir} are not those of`);
  });

  it('is the server’s all the same with a model whose config is gone, which no server lists', async () => {
    const lost = JSON.stringify({
      schemaVersion: 2,
      config: { digest: `sha256:${'0'.repeat(64)}`, size: 5, mediaType: 'x' },
      layers: [],
    });
    mkdirSync(manifestFile('registry.ollama.ai', 'library', 'lost'), { recursive: true });
    writeFileSync(manifestFile('registry.ollama.ai', 'library', 'lost', '1'), lost);
    const folder = await findModelsFolder(await library.context());
    expect(folder?.manifests.map(({ name }) => name)).toContain('lost:1');
  });

  it('passes over what is hostile, and says so', async () => {
    const base = manifestFile('registry.ollama.ai', 'library');
    mkdirSync(path.join(base, 'deep', 'deeper', 'deepest'), { recursive: true });
    writeFileSync(path.join(base, 'stray'), '{}');
    mkdirSync(path.join(base, 'bad'), { recursive: true });
    writeFileSync(path.join(base, 'bad', 'garbage'), 'no json');
    writeFileSync(path.join(base, 'bad', 'null'), 'null');
    writeFileSync(path.join(base, 'bad', 'huge'), Buffer.alloc(5_000_000, '['));
    writeFileSync(path.join(base, 'bad', 'escape\u001b[31m'), '{}');
    symlinkSync('/dev/zero', path.join(base, 'bad', 'zero'));
    symlinkSync('/dev/zero', library.blobFile(`sha256:${'1'.repeat(64)}`));
    mkdirSync(library.blobFile(`sha256:${'2'.repeat(64)}`));
    writeFileSync(path.join(library.dir, 'blobs', 'notes.txt'), 'mine');
    const folder = await findModelsFolder(await library.context());
    expect(folder?.manifests.map(({ name }) => name).sort()).toEqual(['gemma3:1b', 'qwen3:0.6b']);
    expect(folder?.blobs.has(`sha256:${'1'.repeat(64)}`)).toBe(false);
    const notes = folder?.notes.join('\n') ?? '';
    for (const name of [
      'deeper',
      'stray',
      'garbage',
      'null',
      'huge',
      'escape',
      'zero',
      '1111',
      '2222',
      'notes.txt',
    ]) {
      expect(notes).toContain(name);
    }
  });

  it('counts what is kept of a broken download by what it takes of the disk', async () => {
    const digest = `sha256:${'3'.repeat(64)}`;
    writeFileSync(`${library.blobFile(digest)}-partial`, Buffer.alloc(10_000));
    writeFileSync(`${library.blobFile(digest)}-partial-0`, '{}');
    truncateSync(`${library.blobFile(digest)}-partial`, 50_000_000);
    const folder = await findModelsFolder(await library.context());
    expect(folder?.partials).toHaveLength(1);
    expect(folder?.partials[0]).toMatchObject({ digest });
    expect(folder?.partials[0]?.files).toHaveLength(2);
    expect(folder?.partials[0]?.size).toBeGreaterThan(10_000);
    expect(folder?.partials[0]?.size).toBeLessThan(100_000);
  });

  it('that can’t be read is not at hand, and why is said', async () => {
    const dir = path.join(library.home, 'broken');
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, 'blobs'), 'a file in its place');
    const { folder, why } = await seeModelsFolder(await library.context(), { dir });
    expect(folder).toBeUndefined();
    expect(why).toContain("can't be read (ENOTDIR)");
  });

  it.skipIf(process.getuid?.() === 0)('of another user is not at hand', async () => {
    chmodSync(library.dir, 0);
    const { why } = await seeModelsFolder(await library.context());
    chmodSync(library.dir, 0o700);
    expect(why).toContain('EACCES');
  });

  it('without a model is not confirmed', async () => {
    const empty = await openLibrary({ installed: [] });
    mkdirSync(path.join(empty.dir, 'blobs'), { recursive: true });
    expect((await findModelsFolder(await empty.context()))?.confirmed).toBe(false);
    await empty.close();
  });
});
