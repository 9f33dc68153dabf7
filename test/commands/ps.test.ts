import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/main.js';
import type { RunningModel } from '../../src/core/wire.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve, type FaultServer, type Script } from '../support/fault-server.js';
import { testIo, type TestIoOptions } from '../support/io.js';
import { ESCAPES, lines, run, schemaErrors, TERMINAL } from '../support/run.js';

const NOW = Date.UTC(2026, 10, 21, 12);
const later = (seconds: number): string => new Date(NOW + seconds * 1000).toISOString();

function loaded(name: string, more: Partial<RunningModel> = {}): object {
  const sizes = { size: 1000, size_vram: 1000, context_length: 4096 };
  return {
    name,
    model: name,
    digest: 'ab'.repeat(32),
    expires_at: later(252),
    details: {},
    ...sizes,
    ...more,
  };
}

const ANSWER = { 'content-type': 'application/json' };
const list = (...models: object[]): Script => ({ headers: ANSWER, body: [JSON.stringify({ models })] });

let server: FaultServer | Sandbox;
afterEach(async () => await server.close());

const at = (options: TestIoOptions = {}): TestIoOptions => ({ now: () => NOW, ...options });
const rows = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));

describe('ps', () => {
  it('tells what the sandbox has in memory, as every server version does', async () => {
    for (const version of ['0.24.0', '0.5.13'] as const) {
      server = await startSandbox({
        installed: ['llama3.2:1b'],
        version,
        loadMs: 0,
        tokensPerSecond: Infinity,
      });
      const empty = await run(['ps', '--json'], server.url);
      expect(JSON.parse(empty.stdout)).toMatchObject({ models: [], total: 0 });
      expect((await run(['ps'], server.url, TERMINAL)).stdout).toBe(
        `No model is loaded on 127.0.0.1:${server.port}.\n`,
      );
      expect(await run(['chat', 'llama3.2:1b', 'hi'], server.url)).toMatchObject({ code: 0 });
      const { stdout } = await run(['ps', '--json'], server.url);
      const told = JSON.parse(stdout) as { models: RunningModel[]; total: number };
      expect(schemaErrors('ps', told)).toBe('');
      expect(told).toMatchObject({
        total: 1,
        models: [{ name: 'llama3.2:1b', size_vram: 0, gpu_percent: 0 }],
      });
      expect(told.models[0]?.context_length !== undefined).toBe(version === '0.24.0');
      expect((await run(['ps', '-q'], server.url)).stdout).toBe('llama3.2:1b\n');
      if (version === '0.24.0') await server.close();
    }
  });

  it.each([
    ['all in GPU memory', { size: 1000, size_vram: 1000 }, '100% GPU', 100],
    ['all in system memory', { size: 1000, size_vram: 0 }, '100% CPU', 0],
    ['in both', { size: 1000, size_vram: 620 }, '38%/62% CPU/GPU', 62],
    ['rounded as Ollama does', { size: 1000, size_vram: 665 }, '34%/66% CPU/GPU', 66],
    ['with numbers that make no sense', { size: 1000, size_vram: 1001 }, 'unknown', undefined],
    ['without a size', { size: 0, size_vram: 0 }, 'unknown', undefined],
  ])('shows a model that is %s', async (_what, sizes, words, percent) => {
    server = await serve(list(loaded('a:1', sizes)));
    const terminal = await run(['ps', '--color', 'never'], server.url, at({ ...TERMINAL, columns: 120 }));
    expect(terminal.stdout).toMatch(new RegExp(` ${words} `));
    const json = JSON.parse((await run(['ps', '--json'], server.url)).stdout) as { models: object[] };
    expect(schemaErrors('ps', json)).toBe('');
    expect((json.models[0] as { gpu_percent?: number }).gpu_percent).toBe(percent);
  });

  it.each([
    ['252 s ahead', later(252), '4m 12s'],
    ['for ever', '2318-11-21T12:00:00Z', 'forever'],
    ['already over', later(-3), 'stopping'],
  ])('says until when it stays: %s', async (_what, expires_at, words) => {
    server = await serve(list(loaded('a:1', { expires_at })));
    const { stdout } = await run(['ps', '--color', 'never'], server.url, at(TERMINAL));
    expect(stdout.split('\n')[0]).toMatch(/^NAME +ID +SIZE +PROCESSOR +CONTEXT +UNTIL$/);
    expect(stdout.split('\n')[1]).toMatch(new RegExp(`4k +${words}$`.replace('4k +', '4k {2}')));
  });

  it('prints whole numbers and times in a pipe, and the fields that are asked for', async () => {
    server = await serve(list(loaded('a:1', { size_vram: 500 }), loaded('b:2')));
    expect(rows((await run(['ps'], server.url)).stdout)).toEqual([
      ['name', 'digest', 'size', 'size_vram', 'gpu_percent', 'context_length', 'expires_at'],
      ['a:1', 'ab'.repeat(32), '1000', '500', '50', '4096', later(252)],
      ['b:2', 'ab'.repeat(32), '1000', '1000', '100', '4096', later(252)],
    ]);
    expect((await run(['ps', '--no-header', '--fields', 'gpu_percent,name'], server.url)).stdout).toBe(
      '50\ta:1\n100\tb:2\n',
    );
    const picked = await run(['ps', '--json', '--fields', 'name'], server.url);
    expect(JSON.parse(picked.stdout)).toMatchObject({ models: [{ name: 'a:1' }, { name: 'b:2' }], total: 2 });
    expect((await run(['ps', '--fields', 'nmae'], server.url)).code).toBe(2);
  });

  it('tells how fast a model last answered this program', async () => {
    const sandbox = await startSandbox({ installed: ['gemma3:1b'], loadMs: 0, tokensPerSecond: 1000 });
    server = sandbox;
    const env = { XDG_STATE_HOME: mkdtempSync(path.join(tmpdir(), 'ps-')) };
    expect((await run(['chat', 'gemma3:1b', 'hi'], sandbox.url, { env })).code).toBe(0);
    const json = JSON.parse((await run(['ps', '--json'], sandbox.url, { env })).stdout) as {
      models: object[];
    };
    expect(schemaErrors('ps', json)).toBe('');
    expect((json.models[0] as { tokens_per_second?: number }).tokens_per_second).toBeGreaterThan(0);
    rmSync(env.XDG_STATE_HOME, { recursive: true });
  });

  it('takes a glob, or the beginning of a name', async () => {
    server = await serve(list(loaded('Qwen3:8b'), loaded('gemma3:1b')));
    expect((await run(['ps', '-q', 'qwen'], server.url)).stdout).toBe('Qwen3:8b\n');
    expect((await run(['ps', '-q', '*3*b'], server.url)).stdout).toBe('Qwen3:8b\ngemma3:1b\n');
    expect(JSON.parse((await run(['ps', '--json', 'x'], server.url)).stdout)).toMatchObject({ total: 0 });
  });

  it.each([40, 80, 200])('fits a terminal of %i columns', async (columns) => {
    server = await serve(list(loaded('registry.example:5000/somebody/a-very-long-model-name:latest')));
    const { stdout } = await run(['ps', '--color', 'never'], server.url, at({ ...TERMINAL, columns }));
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(stdout).toContain('100% GPU');
  });

  it('lets no escape sequence of a name through', async () => {
    server = await serve(list(loaded('evil\u001b[2J\u202e')));
    expect((await run(['ps'], server.url)).stdout).not.toMatch(ESCAPES);
    expect((await run(['ps', '--color', 'never'], server.url, TERMINAL)).stdout).not.toMatch(ESCAPES);
  });

  it('exits 5 where nobody answers, also with --watch', async () => {
    server = await serve(list());
    const gone = `http://127.0.0.1:${await closedPort()}`;
    expect((await run(['ps'], gone)).code).toBe(5);
    expect(await run(['ps', '--watch'], gone)).toMatchObject({ code: 5, stdout: '' });
    const ran = await run(['ps', '--watch=soon'], server.url);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('--watch: "soon" is not a duration');
  });
});

describe('ps --watch without a terminal', () => {
  let script: Script;
  beforeEach(async () => {
    script = list(loaded('a:1'));
    server = await serve(() => script);
  });

  async function watch(
    argv: readonly string[],
    steps: (stdout: () => string, stderr: () => string) => Promise<void>,
  ) {
    const test = testIo({ env: { OLLAMA_HOST: server.url } });
    const ended = main(['ps', '--watch=100ms', ...argv], test.io);
    await steps(test.stdout, test.stderr);
    test.abort();
    return { code: await ended, stdout: test.stdout(), stderr: test.stderr() };
  }

  it('tells each change on a line of JSON, and ends with 130', async () => {
    const requests = (): number => (server as FaultServer).requests.length;
    const ran = await watch(['--json'], async (stdout) => {
      await vi.waitFor(() => expect(requests()).toBeGreaterThan(3), 5000);
      expect(lines(stdout())).toHaveLength(1);
      script = list(loaded('a:1'), loaded('b:2'));
      await vi.waitFor(() => expect(lines(stdout())).toHaveLength(2), 5000);
      script = list();
      await vi.waitFor(() => expect(lines(stdout())).toHaveLength(3), 5000);
    });
    expect(ran.code).toBe(130);
    for (const line of lines(ran.stdout)) expect(schemaErrors('ps', line)).toBe('');
    expect(lines(ran.stdout).map(({ total }) => total)).toEqual([1, 2, 0]);
    expect(lines(ran.stderr)).toMatchObject([{ error: { code: 'interrupted' } }]);
  });

  it('prints a block of rows for each change', async () => {
    const ran = await watch(['--fields', 'name,size'], async (stdout) => {
      await vi.waitFor(() => expect(stdout()).toContain('a:1'), 5000);
      script = list(loaded('b:2'));
      await vi.waitFor(() => expect(stdout()).toContain('b:2'), 5000);
    });
    expect(ran.stdout).toBe('name\tsize\na:1\t1000\n\nname\tsize\nb:2\t1000\n');
  });

  it('says once that the server has gone, and goes on when it is back', async () => {
    const ran = await watch(['--json'], async (stdout, stderr) => {
      await vi.waitFor(() => expect(lines(stdout())).toHaveLength(1), 5000);
      script = { status: 500, headers: ANSWER, body: ['{"error":"out of \\u001b[31morder"}'] };
      const asked = (server as FaultServer).requests.length;
      await vi.waitFor(() => expect(stderr()).toContain('out of'), 5000);
      await vi.waitFor(
        () => expect((server as FaultServer).requests.length).toBeGreaterThan(asked + 3),
        5000,
      );
      script = list(loaded('a:1'));
      await vi.waitFor(() => expect(lines(stdout())).toHaveLength(2), 5000);
    });
    expect(ran.code).toBe(130);
    expect(lines(ran.stderr)).toMatchObject([
      { error: { code: 'server_error' } },
      { error: { code: 'interrupted' } },
    ]);
    expect(ran.stderr).not.toMatch(ESCAPES);
  });
});
