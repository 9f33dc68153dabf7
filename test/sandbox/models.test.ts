import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { writeGguf } from '../../src/sandbox/gguf.js';
import type { Lab } from './lab.js';
import { readUntil, startLab } from './lab.js';

let lab: Lab;
let folder: string | undefined;
afterEach(async () => {
  await lab.sandbox.close();
  if (folder !== undefined) await rm(folder, { recursive: true });
  folder = undefined;
});

interface Listed {
  readonly name: string;
  readonly digest: string;
  readonly size: number;
}

async function list(): Promise<Listed[]> {
  return ((await (await lab.send('GET', '/api/tags')).json()) as { models: Listed[] }).models;
}

async function show(model: string, more: object = {}): Promise<Record<string, unknown>> {
  return (await (await lab.send('POST', '/api/show', { model, ...more })).json()) as Record<string, unknown>;
}

async function upload(bytes: Buffer): Promise<string> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const response = await fetch(`${lab.sandbox.url}/api/blobs/${digest}`, {
    method: 'POST',
    body: new Uint8Array(bytes),
  });
  expect(response.status).toBe(201);
  return digest;
}

const GGUF = writeGguf({
  info: {
    'general.architecture': 'llama',
    'general.file_type': 1,
    'general.parameter_count': 1_500_000_000,
    'llama.context_length': 2048,
    'llama.embedding_length': 64,
  },
  tensors: [{ name: 'token_embd.weight', type: 'F16', shape: [64, 100] }],
});

describe('the models at the start', () => {
  test('are a few of the library, unless others are named', async () => {
    lab = await startLab({ installed: undefined });
    expect((await list()).map((model) => model.name).sort()).toEqual([
      'gemma3:1b',
      'nomic-embed-text:latest',
      'qwen3:8b',
    ]);
  });

  test('are a hundredth of the real size', async () => {
    lab = await startLab({ installed: ['llama3.2:1b'], scale: undefined });
    const size = (await list())[0]?.size ?? 0;
    expect(Math.round(size / 1e6)).toBe(13);
  });

  test('must be of the library', async () => {
    lab = await startLab();
    await expect(startLab({ installed: ['no-such'] })).rejects.toThrow('no-such');
  });

  test.each([
    ['qwen3:0.6b', ['completion', 'tools', 'thinking']],
    ['llama3.2:1b', ['completion', 'tools']],
    ['gemma3:4b', ['completion', 'vision']],
    ['qwen2.5-coder:1.5b', ['completion', 'tools', 'insert']],
    ['nomic-embed-text', ['embedding']],
  ])('%s can do %j', async (name, capabilities) => {
    lab = await startLab({ installed: [name] });
    expect((await show(name))['capabilities']).toEqual(capabilities);
  });
});

describe('copy and delete', () => {
  test('a copy has the same digest and stays when the first is removed', async () => {
    lab = await startLab({ installed: ['all-minilm'] });
    await lab.send('POST', '/api/copy', { source: 'all-minilm', destination: 'My/Copy:v1' });
    const [copy, first] = await list();
    expect([copy?.name, copy?.digest]).toEqual(['My/Copy:v1', first?.digest]);
    expect((await lab.send('DELETE', '/api/delete', { name: 'all-minilm' })).status).toBe(200);
    expect((await list()).map((model) => model.name)).toEqual(['My/Copy:v1']);
    expect((await show('my/copy:V1'))['details']).toMatchObject({ family: 'bert' });
  });

  test.each([
    ['/api/copy', { source: 'a b', destination: 'c' }, 'source "a b" is invalid'],
    ['/api/copy', { source: 'all-minilm', destination: '../c' }, 'destination "../c" is invalid'],
    ['/api/delete', { model: 'a b' }, 'name "a b" is invalid'],
  ])('%s refuses %j', async (path, body, error) => {
    lab = await startLab({ installed: ['all-minilm'] });
    const response = await lab.send(path === '/api/delete' ? 'DELETE' : 'POST', path, body);
    expect([response.status, await response.json()]).toEqual([400, { error }]);
  });
});

describe('create', () => {
  test('from another model keeps its layers and puts parameters over its own', async () => {
    lab = await startLab({ installed: ['gemma3:1b'] });
    const events = await lab.events('/api/create', {
      model: 'me/mine',
      from: 'gemma3:1b',
      system: 'Be brief.',
      parameters: { temperature: 0.5 },
      messages: [{ role: 'user', content: 'hi' }],
    });
    expect(events.at(-1)).toEqual({ status: 'success' });
    const shown = await show('me/mine');
    expect(shown).toMatchObject({ system: 'Be brief.', messages: [{ role: 'user', content: 'hi' }] });
    expect(shown['parameters']).toMatch(/temperature +0\.5/);
    expect(shown['parameters']).toMatch(/top_k +64/);
    expect(shown['details']).toMatchObject({ parent_model: 'gemma3:1b' });
  });

  test('pulls a base that is missing', async () => {
    lab = await startLab();
    const events = await lab.events('/api/create', { model: 'mine', from: 'all-minilm' });
    expect(events[0]).toEqual({ status: 'pulling manifest' });
    expect((await list()).map((model) => model.name)).toEqual(['mine:latest', 'all-minilm:latest']);
  });

  test('from an uploaded GGUF reads what it says, and quantizes it', async () => {
    lab = await startLab();
    const digest = await upload(GGUF);
    expect((await lab.send('HEAD', `/api/blobs/${digest}`)).status).toBe(200);
    expect((await lab.send('POST', `/api/blobs/${digest}`, 'again')).status).toBe(200);
    const files = { 'model.gguf': digest };
    await lab.events('/api/create', { model: 'plain', files });
    expect((await show('plain'))['details']).toMatchObject({
      family: 'llama',
      parameter_size: '1.5B',
      quantization_level: 'F16',
    });
    const events = await lab.events('/api/create', { model: 'small', files, quantize: 'q4_K_M' });
    const quantizing = events.filter((event) => event['status'] === 'quantizing F16 model to Q4_K_M');
    expect(quantizing.at(-1)).toMatchObject({
      digest: '0000000000000000000',
      total: GGUF.length,
      completed: GGUF.length,
    });
    expect((await show('small'))['details']).toMatchObject({ quantization_level: 'Q4_K_M' });
  });

  test.each([
    [{ files: { '../x.gguf': 'sha256:1' } }, 'file path must be relative'],
    [{ files: { '/x.gguf': 'sha256:1' } }, 'file path must be relative'],
    [
      { from: 'all-minilm', quantize: 'q9' },
      'unsupported quantization type Q9 - supported types are F32, F16, Q4_K_S, Q4_K_M, Q8_0',
    ],
    [{ from: 'gemma3:1b', quantize: 'q8_0' }, 'quantization is only supported for F16, BF16 and F32 models'],
  ])('refuses %j', async (body, error) => {
    lab = await startLab({ installed: ['all-minilm', 'gemma3:1b'] });
    const response = await lab.send('POST', '/api/create', { model: 'mine', stream: false, ...body });
    expect([response.status, await response.json()]).toEqual([400, { error }]);
  });

  test('refuses bytes that are no model', async () => {
    lab = await startLab();
    const digest = await upload(Buffer.from('hello'));
    const events = await lab.events('/api/create', { model: 'mine', files: { a: digest } });
    expect(events).toEqual([{ error: 'unknown type' }]);
  });
});

describe('a folder for models', () => {
  test('keeps them between runs, in files that only their owner reads', async () => {
    folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
    const modelsDir = join(folder, 'models');
    lab = await startLab({ modelsDir, installed: ['all-minilm'] });
    await lab.events('/api/pull', { model: 'registry.example:5000/acme/tiny', insecure: true });
    await lab.send('POST', '/api/copy', { source: 'all-minilm', destination: 'mine' });
    const before = await list();
    expect(before.length).toBe(3);
    await lab.sandbox.close();
    lab = await startLab({ modelsDir, installed: ['gemma3:1b'] });
    expect(await list()).toEqual(before);
    expect((await show('registry.example:5000/acme/tiny'))['system']).toBe('You are a small test model.');
    const files = await readdir(modelsDir, { recursive: true, withFileTypes: true });
    expect(files.filter((file) => /\.tmp|-partial/.test(file.name))).toEqual([]);
    if (process.platform !== 'win32') {
      for (const file of files) {
        const { mode } = await stat(join(file.parentPath, file.name));
        expect(mode & 0o777).toBe(file.isDirectory() ? 0o700 : 0o600);
      }
    }
  });

  test('keeps what a broken pull had, for the next run', async () => {
    folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
    const options = { modelsDir: folder, rate: 1_000_000, scale: 0.01 };
    lab = await startLab(options);
    const pull = { model: 'all-minilm' };
    const events = await readUntil(lab, '/api/pull', pull, (event) => Number(event['completed']) > 150_000);
    await lab.sandbox.close();
    lab = await startLab(options);
    const again = await lab.events('/api/pull', pull);
    expect(Number(again[1]?.['completed'])).toBeGreaterThanOrEqual(Number(events.at(-1)?.['completed']));
    expect(again.at(-1)).toEqual({ status: 'success' });
  });

  test('removes the files of a removed model and of a corrupt layer', async () => {
    folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
    lab = await startLab({ modelsDir: folder });
    const blobs = async (): Promise<number> => (await readdir(join(folder ?? '', 'blobs'))).length;
    lab.fault('corrupt:times=1');
    const bad = await lab.events('/api/pull', { model: 'all-minilm' });
    const left = await blobs();
    expect(String(bad.at(-1)?.['error'])).toContain('digest mismatch');
    await lab.events('/api/pull', { model: 'all-minilm' });
    expect(await blobs()).toBe(left + 1);
    await lab.send('DELETE', '/api/delete', { model: 'all-minilm' });
    expect(await blobs()).toBe(0);
  });
});
