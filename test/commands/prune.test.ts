import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { recordUse } from '../../src/models/usage.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { testIo, type TestIoOptions } from '../support/io.js';
import { openLibrary } from '../models/library.js';
import { ESCAPES, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

const DAY = 86_400_000;
const INSTALLED_AT = Date.UTC(2026, 0, 1);
const NOW = INSTALLED_AT + 150 * DAY;

let sandbox: Sandbox;
let home: string;
let clock: number;
beforeEach(async () => {
  clock = INSTALLED_AT;
  home = mkdtempSync(path.join(tmpdir(), 'prune-'));
  sandbox = await startSandbox({
    installed: ['qwen3:8b', 'gemma3:1b', 'tinyllama:1.1b'],
    now: () => clock,
    loadMs: 0,
    tokensPerSecond: Infinity,
  });
  clock = NOW;
});
afterEach(async () => {
  await sandbox.close();
  rmSync(home, { recursive: true, force: true });
});

const options = (more: TestIoOptions = {}): TestIoOptions => ({
  now: () => NOW,
  ...more,
  env: { XDG_STATE_HOME: home, XDG_CACHE_HOME: home, ...more.env },
});
const prune = async (argv: readonly string[], more?: TestIoOptions): Promise<Ran> =>
  await run(['prune', ...argv], sandbox.url, options(more));

async function use(model: string, daysAgo: number): Promise<void> {
  const io = { env: { XDG_STATE_HOME: home }, platform: 'linux' as const };
  await recordUse(io, { history: true }, { host: sandbox.url, model, at: NOW - daysAgo * DAY });
}

async function post(route: string, body: object): Promise<void> {
  await (await fetch(sandbox.url + route, { method: 'POST', body: JSON.stringify(body) })).text();
}

interface Pruned {
  candidates: { name: string; size: number; last_used?: string; reason: string }[];
  removed: { name: string }[];
  freed_bytes: number;
}

async function plan(...argv: string[]): Promise<Pruned> {
  const { code, stdout, stderr } = await prune([...argv, '--dry-run', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(schemaErrors('prune', JSON.parse(stdout))).toBe('');
  return JSON.parse(stdout) as Pruned;
}

const installed = async (): Promise<string[]> =>
  (await run(['list', '-q', '--sort', 'name'], sandbox.url)).stdout.trim().split('\n');
const deletions = (): number => sandbox.requests.filter(({ method }) => method === 'DELETE').length;

describe('prune', () => {
  it('plans by its own record of use, and by age what it never used', async () => {
    await use('qwen3:8b', 3);
    await use('Gemma3:1b', 100);
    const { candidates } = await plan();
    expect(candidates.map(({ name }) => name)).toEqual(['tinyllama:1.1b', 'gemma3:1b']);
    expect(candidates[0]).toMatchObject({ reason: 'not used through ollama-cli; installed 5 months ago' });
    expect(candidates[0]).not.toHaveProperty('last_used');
    expect(candidates[1]).toMatchObject({
      reason: 'last used 3 months ago',
      last_used: new Date(NOW - 100 * DAY).toISOString(),
    });
    expect(deletions()).toBe(0);
  });

  it.each([
    ['151d', []],
    ['21w', ['gemma3:1b', 'qwen3:8b', 'tinyllama:1.1b']],
    ['12h', ['gemma3:1b', 'qwen3:8b', 'tinyllama:1.1b']],
  ])('takes --older-than %s', async (age, names) => {
    const { candidates } = await plan('--older-than', age);
    expect(candidates.map(({ name }) => name).sort()).toEqual(names);
  });

  it('keeps what is named by --keep, is loaded, or is the default model', async () => {
    expect((await plan('--keep', 'qwen*', '--keep', 'tinyllama:1.1b')).candidates).toMatchObject([
      { name: 'gemma3:1b' },
    ]);
    await post('/api/generate', { model: 'qwen3:8b' });
    const { stdout } = await prune(['-n', '--json'], { env: { OLLAMA_CLI_DEFAULT_MODEL: 'gemma3:1b' } });
    expect(JSON.parse(stdout)).toMatchObject({ candidates: [{ name: 'tinyllama:1.1b' }] });
  });

  it('counts what a chat through this program used', async () => {
    const ran = await run(['chat', 'qwen3:8b', 'hi'], sandbox.url, options());
    expect(ran.code).toBe(0);
    await post('/api/generate', { model: 'qwen3:8b', keep_alive: 0 });
    expect((await plan()).candidates.map(({ name }) => name)).not.toContain('qwen3:8b');
    await run(['chat', 'gemma3:1b', 'hi', '--no-history'], sandbox.url, options());
    await run(['chat', 'absent', 'hi', '--no-input'], sandbox.url, options());
    expect(readFileSync(path.join(home, 'ollama-cli', 'usage.jsonl'), 'utf8')).not.toMatch(/gemma|absent/);
  });

  it('says what is freed, weights that stay in use left out', async () => {
    clock = NOW - DAY;
    await post('/api/create', { model: 'terse', from: 'gemma3:1b', system: 'Be terse.' });
    await post('/api/copy', { source: 'qwen3:8b', destination: 'alias' });
    clock = NOW;
    const { candidates, freed_bytes } = await plan();
    expect(readdirSync(home)).toEqual([]);
    expect(candidates.map(({ name }) => name).sort()).toEqual(['gemma3:1b', 'qwen3:8b', 'tinyllama:1.1b']);
    const tiny = candidates.find(({ name }) => name.startsWith('tiny'))?.size ?? 0;
    expect(freed_bytes).toBeGreaterThanOrEqual(tiny);
    expect(freed_bytes).toBeLessThan(tiny + 10_000);
  });

  it('says to the byte what is freed where the models folder is at hand', async () => {
    const library = await openLibrary();
    try {
      await library.lab.events('/api/create', { model: 'mine', from: 'gemma3:1b', system: 'Be brief.' });
      const kept = new Set(['gemma3:1b', 'qwen3:0.6b'].flatMap(library.blobsOf).map(({ digest }) => digest));
      const own = library.blobsOf('mine').filter(({ digest }) => !kept.has(digest));
      const later = { now: () => Date.now() + 100 * DAY };
      const ran = await library.run(['prune', '--keep', '*3:*', '--yes', '--json'], later);
      expect(JSON.parse(ran.stdout)).toMatchObject({
        removed: [{ name: 'mine:latest' }],
        freed_bytes: own.reduce((sum, { size }) => sum + size, 0),
      });
    } finally {
      await library.close();
    }
  });

  it('removes with --yes or --force, and tells what went', async () => {
    const ran = await prune(['--keep', 'qwen*', '--keep', 'gemma*', '--yes']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/^NAME .*\ntinyllama:1\.1b .* not used through ollama-cli; .*\n$/);
    expect(ran.stdout).toBe('removed tinyllama:1.1b, 6.4 MB\n6.4 MB freed\n');
    const json = await prune(['--keep', 'qwen*', '-f', '--json']);
    expect(schemaErrors('prune', JSON.parse(json.stdout))).toBe('');
    const pruned = JSON.parse(json.stdout) as Pruned;
    expect(pruned.removed).toMatchObject([{ name: 'gemma3:1b' }]);
    expect(pruned.freed_bytes).toBe(pruned.candidates[0]?.size);
    expect(await installed()).toEqual(['qwen3:8b']);
  });

  it('removes nothing without a terminal and without a yes', async () => {
    for (const argv of [[], ['--json'], ['--no-input']]) {
      const ran = await prune(argv, {
        stdin: 'y\n',
        ...(argv.length > 0 ? { ...TERMINAL, stdinTty: true } : {}),
      });
      expect(ran.code).toBe(7);
      expect(ran.stderr).toContain('--yes');
      expect(ran.stdout).toBe('');
    }
    expect(deletions()).toBe(0);
  });

  it.each([
    ['y\n', 0],
    ['n\n', 7],
    ['\n', 7],
  ])('shows the plan in a terminal, asks, and takes %j', async (answer, code) => {
    const ran = await prune(['--color', 'never'], { ...TERMINAL, stdinTty: true, stdin: answer });
    expect(ran.code).toBe(code);
    expect(ran.stderr).toMatch(/^NAME +SIZE +WHY\n/);
    expect(ran.stderr).toMatch(/qwen3:8b +52 MB +not used through ollama-cli; installed 5 months ago/);
    expect(ran.stderr).toContain('[y/N]');
    expect(await installed()).toHaveLength(code === 0 ? 1 : 3);
    expect(deletions()).toBe(code === 0 ? 3 : 0);
  });

  it('says that there is nothing to prune, and writes nothing with --dry-run', async () => {
    const none = await prune(['--older-than', '200d']);
    expect(none).toMatchObject({ code: 0, stderr: '' });
    expect(none.stdout).toContain('Nothing to prune on 127.0.0.1');
    expect(await prune(['--older-than', '200d', '-q'])).toEqual({ code: 0, stdout: '', stderr: '' });
    const before = readdirSync(home);
    const dry = await prune(['--dry-run']);
    expect(dry.stdout.split('\n')[0]).toBe('name\tsize\tlast_used\treason');
    expect(dry.stdout.trimEnd().split('\n')).toHaveLength(4);
    const terminal = await prune(['--dry-run', '--color', 'never'], TERMINAL);
    expect(terminal.stdout).toMatch(/67 MB would be freed\.\n$/);
    expect(readdirSync(home)).toEqual(before);
    expect(deletions()).toBe(0);
  });

  it('says that uses are not recorded where history is off', async () => {
    const ran = await prune(['-n'], { env: { OLLAMA_NOHISTORY: '1' } });
    expect(ran.stderr).toContain('History is off');
  });

  it.each([[['--older-than', 'soon']], [['--older-than', '5']], [['--fields', 'nmae']]])(
    'refuses %j as a mistake, before anything is asked',
    async (argv) => {
      expect((await prune(argv)).code).toBe(2);
      expect(sandbox.requests).toEqual([]);
    },
  );
});

describe('prune on a server that fails', () => {
  const old = new Date(INSTALLED_AT).toISOString();
  const list = ['a:1', 'b:1', 'c\u001b[31m:1'].map((name, n) => ({
    name,
    size: 5,
    digest: String(n),
    modified_at: old,
    details: { family: String(n) },
  }));
  const headers = { 'content-type': 'application/json' };
  let server: FaultServer;
  afterEach(async () => await server.close());

  it('tells what went, what did not, and exits 8', async () => {
    server = await serve((request) => {
      if (request.url === '/api/tags') return { headers, body: [JSON.stringify({ models: list })] };
      if (request.url === '/api/ps') return { headers, body: ['{"models":[]}'] };
      if (request.body.includes('a:1')) return { status: 500, headers, body: ['{"error":"disk on fire"}'] };
      return request.body.includes('b:1')
        ? { status: 404, headers, body: ['{"error":"model not found"}'] }
        : { headers: {} };
    });
    const ran = await run(['prune', '--yes', '--json'], server.url, options());
    expect(ran.code).toBe(8);
    expect(schemaErrors('prune', JSON.parse(ran.stdout))).toBe('');
    expect(JSON.parse(ran.stdout)).toMatchObject({
      removed: [{ size: 5 }],
      failed: [{ name: 'a:1', error: { code: 'server_error' } }],
      freed_bytes: 5,
    });
    expect((await run(['prune', '--yes'], server.url, options())).stdout).not.toMatch(ESCAPES);
  });

  it('tells what is gone when it is stopped between two, and removes none that was loaded meanwhile', async () => {
    let looks = 0;
    server = await serve((request) => {
      if (request.url === '/api/tags') return { headers, body: [JSON.stringify({ models: list })] };
      if (request.url === '/api/ps')
        return { headers, body: [JSON.stringify({ models: ++looks === 1 ? [] : [{ name: 'a:1' }] })] };
      if (request.body.includes('b:1')) return { headers: {} };
      test.abort();
      return { headers: {}, then: 'stall' };
    });
    const test = testIo(options({ env: { OLLAMA_HOST: server.url } }));
    expect(await main(['prune', '--yes', '--json'], test.io)).toBe(130);
    expect(JSON.parse(test.stdout())).toMatchObject({ removed: [{ name: 'b:1' }] });
    expect(server.requests.filter(({ body }) => body.includes('a:1'))).toEqual([]);
    looks = 0;
    const words = testIo(options({ env: { OLLAMA_HOST: server.url } }));
    await main(['prune', '--yes', '--keep', 'b*', '--keep', 'c*'], words.io);
    expect(words.stderr()).toContain('kept a:1: it is loaded by now\n');
  });
});
