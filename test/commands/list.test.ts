import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { serve } from '../support/fault-server.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ installed: ['qwen3:8b', 'gemma3:1b', 'nomic-embed-text', 'llama3.2:1b'] });
});
afterAll(async () => await sandbox.close());

interface Listed {
  models: {
    name: string;
    size: number;
    digest: string;
    capabilities?: string[];
    context_length?: number;
  }[];
  total: number;
  total_size: number;
  shared_size?: number;
  unique_total_size?: number;
}

async function listJson(...argv: string[]): Promise<Listed> {
  const { code, stdout, stderr } = await run(['list', '--json', ...argv], sandbox.url);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(schemaErrors('list', JSON.parse(stdout))).toBe('');
  return JSON.parse(stdout) as Listed;
}

describe('list', () => {
  it('prints one document of all models with their sum as JSON', async () => {
    const listed = await listJson();
    expect(listed.models.map(({ name }) => name).sort()).toEqual([
      'gemma3:1b',
      'llama3.2:1b',
      'nomic-embed-text:latest',
      'qwen3:8b',
    ]);
    expect(listed.total).toBe(4);
    expect(listed.total_size).toBe(listed.models.reduce((sum, { size }) => sum + size, 0));
  });

  it('prints tab-separated rows with whole digests and bytes in a pipe', async () => {
    const { models } = await listJson();
    const { stdout } = await run(['list'], sandbox.url);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows[0]?.slice(0, 3)).toEqual(['name', 'digest', 'size']);
    expect(rows.slice(1).map((row) => row.slice(0, 3))).toEqual(
      models.map(({ name, digest, size }) => [name, digest, String(size)]),
    );
    const bare = await run(['list', '--no-header'], sandbox.url);
    expect(bare.stdout).toBe(
      `${rows
        .slice(1)
        .map((row) => row.join('\t'))
        .join('\n')}\n`,
    );
  });

  it.each([40, 80, 200])('fits a terminal of %i columns, with a total', async (columns) => {
    const { stdout, code } = await run(['list', '--color', 'never'], sandbox.url, { ...TERMINAL, columns });
    expect(code).toBe(0);
    const rows = stdout.trimEnd().split('\n');
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(columns);
    expect(rows[0]).toMatch(/^NAME +.*SIZE/);
    expect(rows.at(-1)).toBe('4 models, 76 MB');
    expect(stdout).toContain('qwen3:8b');
  });

  it('takes a glob that crosses slash and colon, or the beginning of a name', async () => {
    expect((await listJson('*3*')).models.map(({ name }) => name).sort()).toEqual([
      'gemma3:1b',
      'llama3.2:1b',
      'qwen3:8b',
    ]);
    expect((await listJson('Qwen')).models.map(({ name }) => name)).toEqual(['qwen3:8b']);
    expect((await listJson('nothing*')).total).toBe(0);
  });

  it('sorts by name, size and age, and the other way round', async () => {
    const names = async (...argv: string[]): Promise<string[]> =>
      (await listJson(...argv)).models.map(({ name }) => name);
    expect(await names('--sort', 'name')).toEqual([
      'gemma3:1b',
      'llama3.2:1b',
      'nomic-embed-text:latest',
      'qwen3:8b',
    ]);
    expect((await names('--sort', 'size'))[0]).toBe('qwen3:8b');
    expect((await names('--sort', 'size', '--reverse')).at(-1)).toBe('qwen3:8b');
    const wrong = await run(['list', '--sort', 'colour'], sandbox.url);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('name, size, modified');
  });

  it('prints only names with --quiet, and chosen columns in their order', async () => {
    const quiet = await run(['list', '-q', '--sort', 'name'], sandbox.url);
    expect(quiet.stdout).toBe('gemma3:1b\nllama3.2:1b\nnomic-embed-text:latest\nqwen3:8b\n');
    const columns = await run(['list', '--columns', 'size,name', 'gemma*'], sandbox.url);
    expect(columns.stdout).toMatch(/^size\tname\n\d+\tgemma3:1b\n$/);
    expect((await run(['list', '--columns', 'nope'], sandbox.url)).code).toBe(2);
  });

  it('picks fields of each model and names the valid ones for a wrong one', async () => {
    const { stdout } = await run(['list', '--json', '--fields', 'name,size', 'gemma*'], sandbox.url);
    const { models, total } = JSON.parse(stdout) as Listed;
    expect(Object.keys(models[0] ?? {})).toEqual(['name', 'size']);
    expect(total).toBe(1);
    const wrong = await run(['list', '--json', '--fields', 'nmae'], sandbox.url);
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.stderr)).toMatchObject({ error: { code: 'usage' } });
    expect(wrong.stderr).toContain('modified_at');
  });

  it('tells the length of the context also where the server has it among the details', async () => {
    const server = await serve({
      headers: { 'content-type': 'application/json' },
      body: ['{"models":[{"name":"a:b","details":{"context_length":4096},"x_new":{"k":[1]}}]}'],
    });
    const { stdout } = await run(['list', '--json'], server.url);
    expect(JSON.parse(stdout)).toMatchObject({ models: [{ context_length: 4096, x_new: { k: [1] } }] });
    await server.close();
  });

  it('says which server has no models', async () => {
    const empty = await startSandbox({ installed: [] });
    try {
      const { stdout, code } = await run(['list'], empty.url, TERMINAL);
      expect(code).toBe(0);
      expect(stdout).toContain(`No models on 127.0.0.1:${empty.port}`);
      expect(stdout).toContain('OLLAMA_MODELS');
      const piped = await run(['list'], empty.url);
      expect(piped.stdout).toMatch(/^name\t[^\n]*\n$/);
      expect(piped.stderr).toContain(`No models on 127.0.0.1:${empty.port}`);
      const elsewhere = await run(['list', '-H', empty.url]);
      expect(elsewhere.stderr).toContain(`Get one: ollama-cli -H ${empty.url} pull llama3.2:1b\n`);
      expect(await run(['list', '-q'], empty.url)).toEqual({ code: 0, stdout: '', stderr: '' });
      const json = await run(['list', '--json'], empty.url);
      expect(json.stderr).toBe('');
      expect(JSON.parse(json.stdout)).toMatchObject({ models: [], total: 0, total_size: 0, shared_size: 0 });
    } finally {
      await empty.close();
    }
  });

  it('lets no escape sequence of a name through, on a terminal or in a pipe', async () => {
    sandbox.setFaults([parseFault('escape-names')]);
    try {
      const plain = await run(['list'], sandbox.url);
      expect(plain.stdout).toContain('evil');
      expect(plain.stdout).not.toMatch(ESCAPES);
      const terminal = await run(['list', '--color', 'never'], sandbox.url, TERMINAL);
      expect(terminal.stdout).toContain('evil');
      expect(terminal.stdout).not.toMatch(ESCAPES);
      const json = await run(['list', '--json'], sandbox.url, TERMINAL);
      expect(json.stdout).not.toMatch(ESCAPES);
      expect(json.stdout).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    } finally {
      sandbox.setFaults([]);
    }
  });

  it('lives with null lists, and tells what is not Ollama', async () => {
    const answers = (body: string, headers = {}): ReturnType<typeof serve> =>
      serve({ headers: { 'content-type': 'application/json', ...headers }, body: [body] });
    const cases = [
      ['{"models":null}', 0],
      ['{"models":[{"name":"a:b"}]}', 0],
      ['{"data":[]}', 1],
      ['[]', 1],
      ['<html><title>Login</title></html>', 1],
      ['', 1],
    ] as const;
    for (const [body, code] of cases) {
      const server = await answers(body);
      const ran = await run(['list', '--json'], server.url);
      expect([body, ran.code]).toEqual([body, code]);
      if (code === 1) expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'protocol' } });
      await server.close();
    }
  });
});

describe('what the list of a server lacks', () => {
  let cache: string;
  let server: Sandbox | undefined;
  beforeEach(() => (cache = mkdtempSync(path.join(tmpdir(), 'list-'))));
  afterEach(async () => {
    await server?.close();
    server = undefined;
    rmSync(cache, { recursive: true, force: true });
  });

  const asked = (): number => server?.requests.filter((request) => request.path === '/api/show').length ?? 0;
  const list = async (...argv: string[]) =>
    await run(['list', ...argv], server?.url, { env: { XDG_CACHE_HOME: cache } });
  const json = async (...argv: string[]): Promise<Listed> => {
    const { code, stdout, stderr } = await list('--json', ...argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(schemaErrors('list', JSON.parse(stdout))).toBe('');
    return JSON.parse(stdout) as Listed;
  };

  it('is asked for once a digest, and then known', async () => {
    server = await startSandbox({ installed: ['qwen3:8b', 'nomic-embed-text'] });
    const first = await json('--sort', 'name');
    expect(first.models).toMatchObject([
      { name: 'nomic-embed-text:latest', capabilities: ['embedding'], context_length: 2048 },
      { name: 'qwen3:8b', capabilities: ['completion', 'tools', 'thinking'], context_length: 40960 },
    ]);
    expect(asked()).toBe(2);
    expect(await json('--sort', 'name')).toEqual(first);
    const { stdout } = await list('--no-header', '--columns', 'name,capabilities,context_length', 'qwen*');
    expect(stdout).toBe('qwen3:8b\tcompletion,tools,thinking\t40960\n');
    expect(asked()).toBe(2);
  });

  it.each([
    [['-q']],
    [['--columns', 'name,size']],
    [['--json', '--fields', 'name,size']],
    [['--fields', 'name']],
    [['nothing*']],
  ])('is not asked for where %j does not tell it', async (argv) => {
    server = await startSandbox({ installed: ['qwen3:8b'] });
    expect((await list(...argv)).code).toBe(0);
    expect(asked()).toBe(0);
  });

  it('is left out where a server of early 2025 can not tell it either', async () => {
    server = await startSandbox({ installed: ['qwen3:8b'], version: '0.5.13' });
    const [model] = (await json()).models;
    expect(model?.context_length).toBe(40960);
    expect(model).not.toHaveProperty('capabilities');
    await json();
    expect(asked()).toBe(1);
  });

  it('is left out, and fails nothing, where it can not be asked for', async () => {
    server = await startSandbox({ installed: ['qwen3:8b'] });
    server.setFaults([parseFault('500:path=/api/show')]);
    const { models } = await json();
    expect(models[0]?.name).toBe('qwen3:8b');
    expect(models[0]).not.toHaveProperty('capabilities');
  });

  it('is neither asked for nor looked up where the server tells it, or the model runs elsewhere', async () => {
    const models = [
      { name: 'a:1', size: 5, digest: 'a'.repeat(64), capabilities: ['completion'], context_length: 5 },
      { name: 'b:cloud', size: 5, digest: 'b'.repeat(64), remote_host: 'https://elsewhere.example' },
    ];
    const paths: string[] = [];
    const told = await serve((request) => {
      paths.push(request.url);
      return { headers: { 'content-type': 'application/json' }, body: [JSON.stringify({ models })] };
    });
    expect((await run(['list', '--json'], told.url, { env: { XDG_CACHE_HOME: cache } })).code).toBe(0);
    expect(paths).toEqual(['/api/tags']);
    await told.close();
  });

  it('tells how many bytes are shared by names of one model, and by models of the same weights', async () => {
    server = await startSandbox({ installed: ['qwen3:8b', 'gemma3:1b'] });
    expect(await json()).toMatchObject({ shared_size: 0 });
    const post = async (route: string, body: object) =>
      await (await fetch(`${server?.url}${route}`, { method: 'POST', body: JSON.stringify(body) })).text();
    await post('/api/copy', { source: 'gemma3:1b', destination: 'alias' });
    const size = (await json()).models.find(({ name }) => name === 'alias:latest')?.size ?? 0;
    expect(size).toBeGreaterThan(8e6);
    const copied = await json();
    expect(copied.shared_size).toBe(size);
    expect(copied.unique_total_size).toBe(copied.total_size - size);
    await post('/api/create', { model: 'terse', from: 'gemma3:1b', system: 'Be terse.' });
    const shared = (await json()).shared_size ?? 0;
    expect(Math.abs(shared - 2 * size)).toBeLessThan(10_000);
    const terminal = await run(['list', '--color', 'never'], server.url, {
      ...TERMINAL,
      env: { XDG_CACHE_HOME: cache },
    });
    expect(terminal.stdout.trimEnd().split('\n').at(-1)).toBe('4 models, 77 MB (16 MB shared)');
  });
});
