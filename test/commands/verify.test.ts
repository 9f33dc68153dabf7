import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFolder } from '../../src/models/folder-read.js';
import { checkAgain, checkLibrary, planFor, type Check } from '../../src/models/verify-library.js';
import { clearTheWay } from '../../src/models/verify-repair.js';
import { openLibrary, type Library } from '../models/library.js';
import { testIo } from '../support/io.js';
import { main } from '../../src/main.js';
import { ESCAPES, schemaErrors, TERMINAL } from '../support/run.js';

interface Told {
  readonly depth: string;
  readonly models: { name: string; state: string; layers: { digest: string; state: string }[] }[];
  readonly orphans?: { digest: string; size: number }[];
  readonly notes?: string[];
  readonly repair?: {
    blobs: { digest: string; file?: string; models: string[] }[];
    pull: string[];
    replaces: string[];
    delete: string[];
    left: { name: string; reason: string }[];
  };
}

let library: Library;
beforeEach(async () => {
  library = await openLibrary();
});
afterEach(async () => await library.close());

function parse(text: string): Told {
  const told = JSON.parse(text) as Told;
  expect(schemaErrors('verify', told)).toBe('');
  return told;
}

function stateOf(told: Told, model: string): string | undefined {
  return told.models.find(({ name }) => name === model)?.state;
}

function weights(model: string): string {
  return library.blobsOf(model)[0]?.digest ?? '';
}

/** Other bytes of the same length. */
function corrupt(digest: string): void {
  const file = library.blobFile(digest);
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
}

const ORPHAN = `sha256:${'f'.repeat(64)}`;

describe('verify', () => {
  it('hashes every blob where the folder is at hand', async () => {
    const ran = await library.run(['verify', '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const told = parse(ran.stdout);
    expect(told).toMatchObject({ depth: 'hashed', folder: library.dir, orphans: [] });
    expect(told.models.map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
      'gemma3:1b ok',
      'qwen3:0.6b ok',
    ]);
    expect(told.models.flatMap(({ layers }) => layers).every(({ state }) => state === 'ok')).toBe(true);
  });

  it.each([
    ['corrupt', (digest: string) => corrupt(digest)],
    ['short', (digest: string) => truncateSync(library.blobFile(digest), 100)],
    ['corrupt', (digest: string) => appendFileSync(library.blobFile(digest), 'more')],
    ['missing', (digest: string) => rmSync(library.blobFile(digest))],
  ])('finds a blob that is %s, and exits 6', async (state, damage) => {
    damage(weights('gemma3:1b'));
    writeFileSync(library.blobFile(ORPHAN), 'nobody’s');
    const ran = await library.run(['verify', '--json']);
    expect(ran.code).toBe(6);
    const told = parse(ran.stdout);
    expect(stateOf(told, 'gemma3:1b')).toBe(state);
    expect(stateOf(told, 'qwen3:0.6b')).toBe('ok');
    expect(told.orphans).toEqual([{ digest: ORPHAN, size: Buffer.byteLength('nobody’s') }]);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'digest_mismatch', model: 'gemma3:1b' } });
    const other = await library.run(['verify', 'qwen3*', '--json']);
    expect(other.code).toBe(0);
    expect(parse(other.stdout).models).toHaveLength(1);
  });

  it('tells it in words and colours of a terminal, and as a table in a pipe', async () => {
    corrupt(weights('gemma3:1b'));
    const terminal = await library.run(['verify', '--color', 'never'], TERMINAL);
    expect(terminal.code).toBe(6);
    expect(terminal.stdout).toMatch(
      /gemma3:1b\s+corrupt\s+\d+ ok, 1 corrupt|gemma3:1b\s+corrupt\s+1 corrupt, \d+ ok/,
    );
    expect(terminal.stdout).toContain(
      `${weights('gemma3:1b').slice(0, 19)} is corrupt (815 kB, in gemma3:1b)`,
    );
    expect(terminal.stdout).toContain(`Hashed`);
    expect(terminal.stderr).toContain('1 of 2 models is not whole: gemma3:1b.');
    expect(terminal.stderr).toContain('verify --repair');
    expect(terminal.stderr).not.toContain('ollama-cli pull');
    const pipe = await library.run(['verify']);
    expect(pipe.stdout).toMatch(/^name\tstate\tlayers\n/);
    expect(pipe.stdout).toMatch(/qwen3:0.6b\tok\t\d+ ok\n/);
    expect(pipe.stderr).toMatch(/^hashing \d+ blobs, /);
    expect(pipe.stdout + pipe.stderr).not.toMatch(ESCAPES);
    const picked = await library.run(['verify', '--fields', 'reason,name']);
    expect(picked.stdout).toMatch(/^reason\tname\n\t(?:gemma3:1b|qwen3:0\.6b)\n/);
    const quiet = await library.run(['verify', '-q']);
    expect(quiet.stdout).toBe('');
    expect((await library.run(['verify', '-q', 'qwen3:0.6b'])).stderr).toBe('');
  });

  it('only looks whether the layers are there without the folder, and says which of the two it did', async () => {
    const away = { env: { OLLAMA_MODELS: undefined } };
    corrupt(weights('gemma3:1b'));
    const ran = await library.run(['verify', '--json'], away);
    expect(ran.code).toBe(0);
    const told = parse(ran.stdout);
    expect(told.depth).toBe('presence');
    expect(told.models.map(({ state }) => state)).toEqual(['present', 'present']);
    expect(told.models[0]?.layers.length).toBeGreaterThan(2);
    expect(told).not.toHaveProperty('orphans');
    expect((await library.run(['verify'], away)).stderr).toContain('Not hashed, only looked whether');
    rmSync(library.blobFile(weights('gemma3:1b')));
    const gone = await library.run(['verify', '--json'], away);
    expect(gone.code).toBe(6);
    expect(stateOf(parse(gone.stdout), 'gemma3:1b')).toBe('missing');
  });

  it('knows the weights alone of a model that no registry has', async () => {
    const away = { env: { OLLAMA_MODELS: undefined } };
    await library.lab.events('/api/create', { model: 'mine', from: 'gemma3:1b', system: 'Be brief.' });
    const told = parse((await library.run(['verify', 'mine', '--json'], away)).stdout);
    expect(told.models).toMatchObject([
      { name: 'mine:latest', state: 'present', layers: [{ digest: weights('gemma3:1b') }] },
    ]);
    expect(told.models[0]).toHaveProperty('reason', 'only its weights are known');
  });

  it('exits 3 for a model that is not there, 2 for a name that is none and for --dry-run alone', async () => {
    expect((await library.run(['verify', 'absent'])).code).toBe(3);
    expect((await library.run(['verify', 'none*'])).code).toBe(3);
    expect((await library.run(['verify', 'a@b'])).code).toBe(2);
    expect((await library.run(['verify', '--dry-run'])).code).toBe(2);
    expect((await library.run(['verify', '--fields', 'nope'])).code).toBe(2);
  });

  it('takes the folder that --models-dir names', async () => {
    const away = { env: { OLLAMA_MODELS: undefined } };
    const ran = await library.run(['verify', '--json', '--models-dir', library.dir], away);
    expect(parse(ran.stdout)).toMatchObject({ depth: 'hashed', folder: library.dir });
    const wrong = parse((await library.run(['verify', '--json', '--models-dir', library.home])).stdout);
    expect(wrong.depth).toBe('presence');
    expect(wrong.notes?.join()).toContain(library.home);
  });
});

describe('verify --repair', () => {
  it('shows the plan, asks, and changes nothing without a yes', async () => {
    corrupt(weights('gemma3:1b'));
    const before = library.state();
    const dry = await library.run(['verify', '--repair', '--dry-run', '--json']);
    expect(dry.code).toBe(0);
    expect(parse(dry.stdout)).toMatchObject({
      dry_run: true,
      repair: {
        pull: ['gemma3:1b'],
        delete: [],
        left: [],
        blobs: [{ file: library.blobFile(weights('gemma3:1b')) }],
      },
    });
    const words = await library.run(['verify', '--repair', '--dry-run']);
    expect(words.stdout).toContain(
      `remove  ${library.blobFile(weights('gemma3:1b'))}  (815 kB, corrupt, in gemma3:1b)`,
    );
    expect(words.stdout).toContain('pull    gemma3:1b');
    const json = await library.run(['verify', '--repair', '--json']);
    expect(json.code).toBe(7);
    expect(stateOf(parse(json.stdout), 'gemma3:1b')).toBe('corrupt');
    expect((await library.run(['verify', '--repair'])).code).toBe(7);
    const no = await library.run(['verify', '--repair'], { ...TERMINAL, stdinTty: true, stdin: 'n\n' });
    expect(no.code).toBe(7);
    expect(no.stderr).toContain('To repair this:');
    expect(library.state()).toEqual(before);
  });

  it.each([
    ['corrupt', corrupt],
    ['short', (digest: string) => truncateSync(library.blobFile(digest), 100)],
    ['missing', (digest: string) => rmSync(library.blobFile(digest))],
  ])('fetches a blob again that is %s, and nothing else', async (_, damage) => {
    damage(weights('gemma3:1b'));
    const others = library.blobsOf('gemma3:1b').slice(1);
    const dates = others.map(({ digest }) => library.state()[library.blobFile(digest)]);
    const ran = await library.run(['verify', '--repair', '--yes', '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const told = parse(ran.stdout);
    expect(told.models.map(({ state }) => state)).toEqual(['ok', 'ok']);
    expect(told.repair?.pull).toEqual(['gemma3:1b']);
    expect(others.map(({ digest }) => library.state()[library.blobFile(digest)])).toEqual(dates);
    expect((await library.run(['verify'])).code).toBe(0);
  });

  it('mends a model made here with the layer that it shares with one of a registry', async () => {
    await library.lab.events('/api/create', { model: 'mine', from: 'gemma3:1b', system: 'Be brief.' });
    corrupt(weights('gemma3:1b'));
    const found = parse((await library.run(['verify', '--json'])).stdout);
    expect(stateOf(found, 'mine:latest')).toBe('corrupt');
    const ran = await library.run(['verify', 'mine', '--repair', '--yes'], TERMINAL);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/corrupt, in .*mine:latest/);
    const told = parse((await library.run(['verify', '--json'])).stdout);
    expect(told.models.every(({ state }) => state === 'ok')).toBe(true);
    expect(told.models).toHaveLength(3);
  });

  it('says of a model that the registry has otherwise that what comes takes its place', async () => {
    await library.lab.events('/api/create', { model: 'gemma3:1b', from: 'gemma3:1b', system: 'Be brief.' });
    corrupt(weights('gemma3:1b'));
    const dry = await library.run(['verify', '--repair', '--dry-run']);
    expect(dry.stdout).toContain(
      'pull    gemma3:1b  (its registry has another version, which takes its place)',
    );
    const told = parse((await library.run(['verify', '--repair', '--dry-run', '--json'])).stdout);
    expect(told.repair).toMatchObject({ pull: ['gemma3:1b'], replaces: ['gemma3:1b'] });
  });

  it('fetches with the one that comes as it was, where one of another version shares the layer', async () => {
    const { lab } = library;
    await lab.events('/api/pull', { model: 'all-minilm' });
    await lab.events('/api/create', { model: 'all-minilm:22m', from: 'all-minilm', system: 'Be brief.' });
    corrupt(weights('all-minilm:22m'));
    const before = library.blobsOf('all-minilm:22m');
    const told = parse((await library.run(['verify', '--repair', '--yes', '--json'])).stdout);
    expect(told.repair).toMatchObject({ pull: ['all-minilm:latest'], replaces: [] });
    expect(told.models.every(({ state }) => state === 'ok')).toBe(true);
    expect(library.blobsOf('all-minilm:22m')).toEqual(before);
  });

  it('removes nothing of a model that may not be pulled', async () => {
    corrupt(weights('gemma3:1b'));
    const before = library.state();
    const env = { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' };
    const ran = await library.run(['verify', '--repair', '--yes', '--json'], { env });
    expect(ran.code).toBe(7);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'not_allowed' } });
    expect(library.state()).toEqual(before);
  });

  it('leaves what stands in the place of a blob and is no file', async () => {
    const digest = weights('gemma3:1b');
    const file = library.blobFile(digest);
    rmSync(file);
    const context = await library.context();
    const check = await checkLibrary(context, [], { dir: undefined });
    mkdirSync(file);
    const { obstacles } = await readFolder(library.dir);
    expect([...obstacles]).toEqual([[digest, file]]);
    const { folder } = check.sight;
    if (!folder) throw new Error('the folder is not at hand');
    const plan = await planFor(context, { ...check, sight: { folder: { ...folder, obstacles } } });
    expect(plan).toMatchObject({
      ...{ blobs: [], pull: [], delete: [] },
      left: [{ name: 'gemma3:1b', reason: `${file} stands in the way, and is no file` }],
    });
  });

  it('takes away a link to a blob and not what it leads to', async () => {
    const file = library.blobFile(weights('gemma3:1b'));
    const elsewhere = path.join(library.dir, '..', 'weights.gguf');
    renameSync(file, elsewhere);
    symlinkSync(elsewhere, file);
    expect((await library.run(['verify'])).code).toBe(0);
    corrupt(weights('gemma3:1b'));
    const was = readFileSync(elsewhere);
    expect((await library.run(['verify', '--repair', '--yes'])).code).toBe(0);
    expect(lstatSync(file).isFile()).toBe(true);
    expect(readFileSync(elsewhere)).toEqual(was);
  });

  it('leaves what was made here alone, and says that it can’t be fetched', async () => {
    await library.lab.events('/api/create', { model: 'mine', from: 'gemma3:1b', system: 'Be brief.' });
    const base = new Set(library.blobsOf('gemma3:1b').map(({ digest }) => digest));
    const own = library.blobsOf('mine').filter(({ digest }) => !base.has(digest));
    const system = own[0]?.digest ?? '';
    corrupt(system);
    const before = library.state();
    const ran = await library.run(['verify', '--repair', '--yes', '--json']);
    expect(ran.code).toBe(6);
    const told = parse(ran.stdout);
    expect(told.repair).toMatchObject({ blobs: [], pull: [], delete: [] });
    expect(told.repair?.left).toEqual([
      { name: 'mine:latest', reason: "no registry has it: it was made here, and can't be fetched" },
    ]);
    expect(library.state()).toEqual(before);
    expect(existsSync(library.blobFile(system))).toBe(true);
  });

  it('removes over the server what it may not remove itself, where all that share it come again', async () => {
    const context = await library.context();
    const options = { dir: undefined };
    const digest = weights('gemma3:1b');
    corrupt(digest);
    const check = await checkLibrary(context, [], options);
    const { folder } = check.sight;
    if (!folder) throw new Error('the folder is not at hand');
    const locked: Check = { ...check, sight: { folder: { ...folder, writable: false } } };
    const plan = await planFor(context, locked);
    expect(plan).toMatchObject({ pull: ['gemma3:1b'], delete: ['gemma3:1b'], left: [] });
    expect(plan.blobs.map(({ file }) => file)).toEqual([undefined]);
    await clearTheWay(context, plan);
    expect(existsSync(library.blobFile(digest))).toBe(false);
    await library.lab.events('/api/pull', { model: 'gemma3:1b' });
    const again = await checkAgain(context, locked, plan, options);
    expect(again.integrity.models.map(({ state }) => state)).toEqual(['ok', 'ok']);
  });

  it('leaves a layer that it may not remove and that one made here shares', async () => {
    await library.lab.events('/api/create', { model: 'mine', from: 'gemma3:1b', system: 'Be brief.' });
    const context = await library.context();
    corrupt(weights('gemma3:1b'));
    const check = await checkLibrary(context, [], { dir: undefined });
    const { folder } = check.sight;
    if (!folder) throw new Error('the folder is not at hand');
    const plan = await planFor(context, { ...check, sight: { folder: { ...folder, writable: false } } });
    expect(plan).toMatchObject({ blobs: [], pull: [], delete: [] });
    expect(plan.left.map(({ name }) => name).sort()).toEqual(['gemma3:1b', 'mine:latest']);
    expect(plan.left[0]?.reason).toContain("mine:latest has the same layer and can't be fetched");
  });

  it('has nothing to do where all is whole', async () => {
    const ran = await library.run(['verify', '--repair']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('Nothing is broken.');
  });

  it('tells a pull that failed, and that the model is not whole', async () => {
    corrupt(weights('gemma3:1b'));
    library.lab.fault('404:path=/api/pull');
    const ran = await library.run(['verify', '--repair', '--yes', '--json']);
    expect(ran.code).not.toBe(0);
    const told = parse(ran.stdout);
    expect(stateOf(told, 'gemma3:1b')).toBe('missing');
    expect(told.repair).toHaveProperty('failed');
  });

  it('tells of several pulls that some failed', async () => {
    for (const model of ['gemma3:1b', 'qwen3:0.6b']) rmSync(library.blobFile(weights(model)));
    library.lab.fault('404:times=1:path=/api/pull');
    const ran = await library.run(['verify', '--repair', '--yes', '--json']);
    expect(ran.code).toBe(8);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'partial' } });
    const told = parse(ran.stdout);
    expect(told.models.map(({ state }) => state).sort()).toEqual(['missing', 'ok']);
  });

  it('tells the plan also where it is broken off', async () => {
    corrupt(weights('gemma3:1b'));
    const options = { env: { OLLAMA_HOST: library.url, OLLAMA_MODELS: library.dir, HOME: library.home } };
    const test = testIo(options);
    library.lab.fault('slow=1kB');
    setTimeout(() => test.abort(), 1500);
    expect(await main(['verify', '--repair', '--yes', '--json'], test.io)).toBe(130);
    expect(parse(test.stdout()).repair).toMatchObject({ pull: ['gemma3:1b'] });
  });

  it('notes a manifest that can’t be read, and then counts no orphans', async () => {
    writeFileSync(library.blobFile(ORPHAN), 'x');
    writeFileSync(path.join(library.dir, 'manifests', 'registry.ollama.ai', 'library', 'gemma3', 'bad'), 'x');
    const told = parse((await library.run(['verify', '--json'])).stdout);
    expect(told.orphans).toEqual([]);
    expect(told.notes?.join()).toContain(path.join('gemma3', 'bad'));
    renameSync(library.blobFile(ORPHAN), library.blobFile(ORPHAN) + '.gone');
  });
});
