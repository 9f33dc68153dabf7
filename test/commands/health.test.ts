import { describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

interface Health {
  status: string;
  checks: { name: string; status: string; detail: string; hint?: string }[];
}

async function healthJson(
  url: string,
  argv: string[] = [],
  env: Record<string, string> = {},
): Promise<Health & { code: number }> {
  const { code, stdout } = await run(['health', '--json', ...argv], url, { env });
  const document = JSON.parse(stdout) as Health;
  expect(schemaErrors('health', document)).toBe('');
  return { ...document, code };
}

const json = { headers: { 'content-type': 'application/json' } };

describe('health', () => {
  it('breaks what it says between words on a narrow terminal, under itself', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const { stdout } = await run(['health', '--color', 'never'], url, { ...TERMINAL, columns: 50 });
    const [first = '', ...rest] = stdout.split('\n\n')[0]?.split('\n') ?? [];
    expect(first).toMatch(/^ ✗ server {5}No Ollama server at$/);
    for (const row of rest) expect(row).toMatch(/^ {14}\S/);
    for (const row of stdout.split('\n')) expect(row.length <= 50 || !row.trim().includes(' ')).toBe(true);
  });

  it('calls a sandbox healthy, and says that it is one', async () => {
    const sandbox = await startSandbox();
    try {
      const report = await healthJson(sandbox.url);
      expect(report).toMatchObject({
        code: 0,
        status: 'healthy',
        models: 3,
        running: 0,
        version: '0.24.0-sandbox',
      });
      expect(report.checks.find(({ name }) => name === 'version')?.detail).toContain('sandbox');
      const terminal = await run(['health', '--color', 'never'], sandbox.url, TERMINAL);
      expect(terminal.stdout).toMatch(/^ ✓ server +http:\/\/127\.0\.0\.1:\d+ answers in \d+ ms\n/);
      expect(terminal.stdout).toMatch(/\n healthy\n$/);
      expect(terminal.stdout).not.toMatch(ESCAPES);
      const pipe = await run(['health'], sandbox.url);
      expect(pipe.stdout).toMatch(/^name\tstatus\tdetail\thint\nserver\tpass\t/);
      expect((await run(['health', '-q'], sandbox.url)).stdout).toBe('');
    } finally {
      await sandbox.close();
    }
  });

  it('exits 3 for --model that is absent, 0 for one that is there', async () => {
    const sandbox = await startSandbox();
    try {
      expect(await healthJson(sandbox.url, ['--model', 'gemma3:1b'])).toMatchObject({
        code: 0,
        model_available: true,
      });
      const absent = await healthJson(sandbox.url, ['--model', 'absent']);
      expect(absent).toMatchObject({ code: 3, model_available: false });
      expect(absent.checks.find(({ name }) => name === 'model')?.hint).toBe('ollama-cli pull absent');
    } finally {
      await sandbox.close();
    }
  });

  it('calls a closed port unreachable, with how to start a server', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const report = await healthJson(url);
    expect(report).toMatchObject({ code: 5, status: 'unreachable' });
    expect(report.checks[0]).toMatchObject({ name: 'server', status: 'fail' });
    expect(report.checks[0]?.hint).toContain('ollama serve');
    const terminal = await run(['health'], url, TERMINAL);
    expect(terminal.code).toBe(5);
    expect(terminal.stdout).toContain('ollama-cli sandbox');
  });

  it.each([
    ['linux', 'ollama serve', 'sudo systemctl start ollama'],
    ['darwin', 'open -a Ollama', 'cat ~/.ollama/logs/server.log'],
  ] as const)(
    'has one list of steps for people on %s, with what the system knows',
    async (platform, ...words) => {
      const url = `http://127.0.0.1:${await closedPort()}`;
      const { stdout } = await run(['health', '--color', 'never'], url, {
        ...TERMINAL,
        columns: 120,
        platform,
      });
      expect(stdout).not.toContain('try:');
      const steps = stdout.split('\n\n')[1] ?? '';
      const labels = steps.split('\n').map((row) => row.slice(3, 19).trim());
      expect(labels.filter((label) => label !== '')).toEqual([
        'start it',
        'get it',
        'another address',
        'just looking',
      ]);
      for (const word of words) expect(stdout.split(word)).toHaveLength(2);
    },
  );

  it.each([
    ['/api/version', 'server'],
    ['/api/tags', 'models'],
  ])('says where and with which status %s failed', async (route, name) => {
    const server = await serve(({ url }) =>
      url === route
        ? { status: 500, ...json, body: ['{"error":"the disk is odd"}'] }
        : { ...json, body: ['{"version":"0.24.0","models":[]}'] },
    );
    const report = await healthJson(server.url);
    await server.close();
    expect(report.checks.find((check) => check.name === name)?.detail).toContain(
      `${server.url} answers 500: the disk is odd`,
    );
  });

  it('tells another program, a refusal and a failing list apart', async () => {
    const page = await serve({
      status: 502,
      headers: { 'content-type': 'text/html' },
      body: ['<title>Bad</title>'],
    });
    expect(await healthJson(page.url)).toMatchObject({ code: 5, status: 'degraded' });
    await page.close();
    const closed = await serve({ status: 401, ...json, body: ['{"error":"unauthorized"}'] });
    expect(await healthJson(closed.url)).toMatchObject({ code: 5, status: 'degraded' });
    await closed.close();
    const broken = await serve(({ url }) =>
      url === '/api/tags'
        ? { status: 500, ...json, body: ['{"error":"disk"}'] }
        : { ...json, body: [url === '/api/version' ? '{"version":"0.24.0"}' : '{"models":null}'] },
    );
    const report = await healthJson(broken.url);
    expect(report).toMatchObject({ code: 5, status: 'degraded' });
    expect(report.checks.find(({ name }) => name === 'models')?.status).toBe('fail');
    await broken.close();
  });

  it('lives with a server that is too old to know its version or what is loaded', async () => {
    const old = await serve(({ url }) =>
      url === '/api/tags'
        ? { ...json, body: ['{"models":[{"name":"a:b","size":1}]}'] }
        : { status: 404, headers: { 'content-type': 'text/plain' }, body: ['404 page not found'] },
    );
    const report = await healthJson(old.url);
    expect(report).toMatchObject({ code: 0, status: 'healthy', models: 1 });
    expect(report).not.toHaveProperty('system.vram_used_bytes');
    const ps = await run(['ps'], old.url);
    expect(ps.stderr).toContain('what is loaded: Ollama 0.1.38 and later');
    await old.close();
  });

  it.each([
    ['0.5.13', 'warn', 'too old for: what a model can do'],
    ['0.24.0', 'pass', '0.24.0'],
    ['99.0.0', 'warn', 'newer than this client has been tried with'],
    ['0.0.0', 'pass', '0.0.0'],
  ])('says of version %s: %s', async (version, status, words) => {
    const server = await serve(({ url }) => ({
      ...json,
      body: [url === '/api/version' ? JSON.stringify({ version }) : '{"models":[]}'],
    }));
    const report = await healthJson(server.url);
    await server.close();
    expect(report).toMatchObject({ code: 0, status: 'healthy' });
    const check = report.checks.find(({ name }) => name === 'version');
    expect(check?.status).toBe(status);
    expect(check?.detail).toContain(words);
  });

  it('warns of a model that is split between memories, without changing the verdict', async () => {
    const loaded = [{ name: 'big:1', size: 100, size_vram: 38, expires_at: '2026-11-21T10:00:00Z' }];
    const server = await serve(({ url }) => ({
      ...json,
      body: [url === '/api/version' ? '{"version":"0.24.0"}' : JSON.stringify({ models: loaded })],
    }));
    const report = await healthJson(server.url);
    expect(report).toMatchObject({ code: 0, status: 'healthy' });
    expect(report.checks.find(({ name }) => name === 'gpu')).toMatchObject({ status: 'warn' });
    expect(report.checks.find(({ name }) => name === 'gpu')?.detail).toContain('62%');
    await server.close();
  });

  it('tells what is wrong as an error too, for those who asked for JSON or for quiet', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const ran = await run(['health', '--json'], url);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'unreachable', host: url } });
    expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'unreachable' });
    expect(ran.stderr).toContain('sudo systemctl start ollama');
    const quiet = await run(['health', '--quiet'], url);
    expect(quiet).toMatchObject({ code: 5, stdout: '' });
    expect(quiet.stderr).toContain('refused');
    const sandbox = await startSandbox();
    const absent = await run(['health', '--json', '--model', 'absent:1b'], sandbox.url);
    expect(absent.code).toBe(3);
    expect(JSON.parse(absent.stderr)).toMatchObject({
      error: { code: 'model_not_found', model: 'absent:1b' },
    });
    expect(await run(['health', '--quiet'], sandbox.url)).toEqual({ code: 0, stdout: '', stderr: '' });
    await sandbox.close();
  });

  it('refuses a model name outside the grammar before anything is asked', async () => {
    const ran = await run(['health', '--model', 'a@b'], `127.0.0.1:${await closedPort()}`);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('a@b');
  });

  it('never blames a proxy variable for a loopback address', async () => {
    const sandbox = await startSandbox();
    const report = await healthJson(sandbox.url, [], { HTTP_PROXY: 'http://127.0.0.1:1' });
    expect(report.code).toBe(0);
    expect(report.checks.some(({ name }) => name === 'proxy')).toBe(false);
    await sandbox.close();
  });
});
