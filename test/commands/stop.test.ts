import { afterEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve, type FaultServer, type SeenRequest, type Script } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

let server: FaultServer | Sandbox;
afterEach(async () => await server.close());

async function startLoaded(version: '0.24.0' | '0.5.13' = '0.24.0'): Promise<Sandbox> {
  const sandbox = await startSandbox({
    installed: ['llama3.2:1b', 'llama3.1:8b', 'gemma3:1b', 'nomic-embed-text'],
    version,
    loadMs: 0,
    tokensPerSecond: Infinity,
  });
  server = sandbox;
  for (const model of ['llama3.2:1b', 'llama3.1:8b']) await post(sandbox, '/api/generate', { model });
  return sandbox;
}

async function post({ url }: { url: string }, route: string, body: object): Promise<void> {
  await (await fetch(url + route, { method: 'POST', body: JSON.stringify(body) })).text();
}

const loaded = async (): Promise<string[]> =>
  (await run(['ps', '-q'], server.url)).stdout
    .split('\n')
    .filter((name) => name !== '')
    .sort();

async function stopJson(...argv: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(['stop', '--json', ...argv], server.url);
  expect(schemaErrors('stop', JSON.parse(stdout))).toBe('');
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('stop', () => {
  it.each(['0.24.0', '0.5.13'] as const)('unloads what is named, on a server %s', async (version) => {
    await startLoaded(version);
    const ran = await run(['stop', 'LLAMA3.2:1B'], server.url);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^unloaded llama3.2:1b, \d+ MB\n$/);
    expect(await loaded()).toEqual(['llama3.1:8b']);
  });

  it('unloads several, globs, and all', async () => {
    await startLoaded();
    const told = await stopJson('llama*');
    expect(told).toMatchObject({ not_loaded: [], missing: [], failed: [] });
    expect((told['stopped'] as object[]).length).toBe(2);
    expect(await loaded()).toEqual([]);
    for (const model of ['llama3.2:1b', 'gemma3:1b']) await post(server, '/api/generate', { model });
    expect((await run(['stop', '--all'], server.url, TERMINAL)).stdout).toMatch(
      /unloaded .*\nunloaded .*\n$/,
    );
    expect(await loaded()).toEqual([]);
    expect(await run(['stop', '--all'], server.url)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('No model is loaded on 127.0.0.1') as string,
    });
  });

  it('unloads a model that only embeds', async () => {
    await startLoaded();
    await post(server, '/api/embed', { model: 'nomic-embed-text', input: 'a' });
    expect(await loaded()).toContain('nomic-embed-text:latest');
    expect((await run(['stop', 'nomic-embed-text', '-q'], server.url)).stdout).toBe('');
    expect(await loaded()).not.toContain('nomic-embed-text:latest');
  });

  it('says of a model that is not loaded that it is not, which is no failure', async () => {
    await startLoaded();
    const ran = await run(['stop', 'gemma3:1b'], server.url);
    expect(ran).toMatchObject({ code: 0, stdout: 'gemma3:1b is not loaded\n' });
    expect(await stopJson('gemma3:1b', 'none*')).toMatchObject({
      stopped: [],
      not_loaded: ['gemma3:1b', 'none*'],
    });
  });

  it('exits 3 for a model that the server does not have, 8 where others were unloaded', async () => {
    await startLoaded();
    const none = await run(['stop', 'absent'], server.url);
    expect(none.code).toBe(3);
    expect(none.stderr).toContain('ollama-cli list');
    expect(none.stderr).not.toContain('pull');
    const some = await run(['stop', 'absent', 'llama3.2:1b', '--json'], server.url);
    expect(some.code).toBe(8);
    expect(JSON.parse(some.stdout)).toMatchObject({
      stopped: [{ name: 'llama3.2:1b' }],
      missing: ['absent'],
    });
    expect(JSON.parse(some.stderr)).toMatchObject({ error: { code: 'partial' } });
  });

  it('unloads nothing with --dry-run', async () => {
    await startLoaded();
    expect(await stopJson('llama3.2:1b', '--dry-run')).toMatchObject({
      dry_run: true,
      stopped: [{ name: 'llama3.2:1b' }],
    });
    expect((await run(['stop', '--all', '-n'], server.url)).stdout).toContain('would unload llama3.2:1b');
    expect(await loaded()).toEqual(['llama3.1:8b', 'llama3.2:1b']);
  });

  it.each([[[]], [['--all', 'llama3.2:1b']], [['a@b']], [['llama3.2:1b', '--fields', 'nmae']]])(
    'refuses %j as a mistake, before anything is asked',
    async (argv) => {
      const sandbox = await startSandbox({ installed: [] });
      server = sandbox;
      expect((await run(['stop', ...argv], sandbox.url)).code).toBe(2);
      expect(sandbox.requests).toEqual([]);
    },
  );
});

const ANSWER = { 'content-type': 'application/json' };
const models = (...names: string[]): Script => ({
  headers: ANSWER,
  body: [JSON.stringify({ models: names.map((name) => ({ name, size: 1000 })) })],
});
const UNLOADED: Script = {
  headers: ANSWER,
  body: ['{"model":"a","response":"","done":true,"done_reason":"unload"}\n'],
};

describe('stop on a server that takes its time', () => {
  it('waits until the model is out of memory', async () => {
    let looks = 0;
    const handle = ({ url }: SeenRequest): Script =>
      url === '/api/ps' ? models(...(++looks < 5 ? ['a:1'] : [])) : UNLOADED;
    server = await serve(handle);
    expect((await run(['stop', 'a:1'], server.url)).stdout).toBe('unloaded a:1, 1.0 kB\n');
    expect(looks).toBe(5);
  });

  it('says of one that stays that it is still in use', async () => {
    let now = 0;
    server = await serve(({ url }) => (url === '/api/ps' ? models('a:1') : UNLOADED));
    const test = { now: () => (now += 1000) };
    const ran = await run(['stop', 'a:1'], server.url, test);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('a:1: it is still in use');
    const json = await run(['stop', 'a:1', '--json'], server.url, test);
    expect(schemaErrors('stop', JSON.parse(json.stdout))).toBe('');
    expect(JSON.parse(json.stdout)).toMatchObject({ stopped: [{ name: 'a:1', still_loaded: true }] });
  });

  it('tells a failure of the server, cleaned', async () => {
    const failure = { status: 500, headers: ANSWER, body: ['{"error":"no \\u001b[31mway"}'] };
    server = await serve(({ url }) => (url === '/api/ps' ? models('a:1') : failure));
    const ran = await run(['stop', 'a:1'], server.url);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('no ');
    expect(ran.stderr).not.toMatch(ESCAPES);
  });

  it('tells what it has unloaded when it is stopped in the midst of it', async () => {
    server = await serve(({ url, body }) => {
      if (url === '/api/ps') return models('a:1', 'b:1');
      if (body.includes('a:1')) return UNLOADED;
      test.abort();
      return { headers: ANSWER, then: 'stall' };
    });
    const test = testIo({ env: { OLLAMA_HOST: server.url } });
    expect(await main(['stop', '--all', '--json'], test.io)).toBe(130);
    expect(JSON.parse(test.stdout())).toMatchObject({ stopped: [{ name: 'a:1' }] });
  });
});
