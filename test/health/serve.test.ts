import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closedPort, serve } from '../support/fault-server.js';
import { run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'serve-'))));
afterEach(() => {
  for (const pid of readPids()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

/** The processes of the stand-in, one a line: as many as were started. */
function readPids(): number[] {
  try {
    return readFileSync(path.join(folder, 'bin', 'pids'), 'utf8')
      .trim()
      .split('\n')
      .map(Number);
  } catch {
    return [];
  }
}

const SERVER = `#!${process.execPath}
const [host, port] = process.env.OLLAMA_HOST.replace('http://', '').split(/:(?=\\d+$)/);
require('node:fs').appendFileSync(__dirname + '/pids', process.pid + '\\n');
for (const name of ['OLLAMA_HOST', 'OLLAMA_MODELS', 'OLLAMA_KEEP_ALIVE', 'CUDA_VISIBLE_DEVICES']) console.log(name, process.env[name]);
setTimeout(() => require('node:http').createServer((request, answer) => answer.end(JSON.stringify(
  request.url === '/api/version' ? { version: '0.24.0' } : { models: [] }))).listen(Number(port), host), 200);
`;

function install(): void {
  const file = path.join(folder, 'bin', 'ollama');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, SERVER);
  chmodSync(file, 0o755);
}

const log = (): string => path.join(folder, 'ollama-cli', 'logs', 'ollama-serve.log');

async function runHere(argv: string[], host: string, more: object = {}): Promise<Ran> {
  const env = {
    ...{
      PATH: path.join(folder, 'bin'),
      XDG_STATE_HOME: folder,
      XDG_CONFIG_HOME: path.join(folder, 'config'),
    },
    ...{ OLLAMA_MODELS: '/models', OLLAMA_KEEP_ALIVE: '1h', CUDA_VISIBLE_DEVICES: '0' },
    ...more,
  };
  return await run(argv, host, { env });
}

describe('serve', () => {
  it('starts the installed program, and says how to stop it', async () => {
    install();
    const url = `http://127.0.0.1:${await closedPort()}`;
    const ran = await runHere(['serve', '--json'], url);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const told = JSON.parse(ran.stdout) as Record<string, unknown>;
    expect(schemaErrors('serve', told)).toBe('');
    const [pid] = readPids();
    expect(told).toMatchObject({ host: url, started: true, pid, version: '0.24.0', log: log() });
    expect(told['stop']).toBe(`kill ${String(pid)}`);
    expect(readFileSync(log(), 'utf8')).toBe(
      `OLLAMA_HOST ${url}\nOLLAMA_MODELS /models\nOLLAMA_KEEP_ALIVE 1h\nCUDA_VISIBLE_DEVICES 0\n`,
    );

    const again = await runHere(['serve'], url);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('runs already');
    expect(again.stdout).toContain(`stop it    kill $(lsof -t -iTCP:${new URL(url).port} -sTCP:LISTEN)\n`);
    expect(readPids()).toHaveLength(1);
  });

  it.each<[string, (port: number) => string, string[], (port: number) => string]>([
    [
      'the person’s own word for the address in use',
      (port) => `0.0.0.0:${port}`,
      [],
      (port) => `0.0.0.0:${port}`,
    ],
    [
      'the address in use where the variable means another',
      () => '0.0.0.0:1',
      ['-H', 'localhost:PORT'],
      (port) => `localhost:${port}`,
    ],
    [
      'neither a user nor a password',
      (port) => `ann:hush@127.0.0.1:${port}`,
      [],
      (port) => `127.0.0.1:${port}`,
    ],
  ])('passes on %s', async (_, said, flags, passed) => {
    install();
    const port = await closedPort();
    const argv = [...flags.map((word) => word.replace('PORT', String(port))), 'serve'];
    expect((await runHere(argv, said(port))).code).toBe(0);
    expect(readFileSync(log(), 'utf8').split('\n')[0]).toBe(`OLLAMA_HOST ${passed(port)}`);
  });

  it('says it to people', async () => {
    install();
    const url = `http://127.0.0.1:${await closedPort()}`;
    const { stdout } = await runHere(['serve'], url);
    expect(stdout).toMatch(/^Started .*ollama serve on 127\.0\.0\.1:\d+ \(0\.24\.0\), process \d+;/);
    expect(stdout).toContain(`its log    ${log()}`);
  });

  it('leaves a server that runs already alone, whatever is set', async () => {
    const server = await serve({
      headers: { 'content-type': 'application/json' },
      body: ['{"version":"1"}'],
    });
    const ran = await runHere(['serve', '--json'], server.url, { OLLAMA_CLI_AUTO_START_SERVER: 'true' });
    await server.close();
    expect(JSON.parse(ran.stdout)).toMatchObject({ started: false, version: '1' });
  });

  it.each([
    ['linux', 'curl -fsSL https://ollama.com/install.sh'],
    ['darwin', 'brew install ollama'],
    ['win32', 'winget install Ollama.Ollama'],
  ] as const)('says where to get it on %s', async (platform, words) => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const env = { PATH: '', APPDATA: folder, LOCALAPPDATA: folder, USERPROFILE: folder, HOME: folder };
    const { code, stderr } = await run(['serve'], url, { env, platform });
    expect(code).toBe(5);
    expect(stderr).toContain('https://ollama.com/download');
    expect(stderr).toContain(words);
  });

  it.each([
    ['a page', { headers: { 'content-type': 'text/html' }, body: ['<title>Grafana</title>'] }],
    ['no such route', { status: 404, headers: { 'content-type': 'text/plain' }, body: ['nothing here'] }],
  ])('names another program that has the port, and starts nothing: %s', async (_, script) => {
    const server = await serve(script);
    const ran = await runHere(['serve'], server.url);
    await server.close();
    expect(ran.code).not.toBe(0);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain('is not Ollama');
    expect(ran.stderr).toContain(`Another program has port ${server.port}`);
  });

  it('starts none on another machine', async () => {
    expect((await runHere(['serve'], 'http://box.invalid:1')).code).toBe(2);
  });
});

describe('auto_start_server', () => {
  const on = { OLLAMA_CLI_AUTO_START_SERVER: 'true' };

  it('starts a local server that a command finds refused, once, and goes on', async () => {
    install();
    const url = `http://127.0.0.1:${await closedPort()}`;
    const ran = await runHere(['list', '--json'], url, on);
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ models: [], total: 0 });
    expect(ran.stderr).toContain(`Stop it: kill ${String(readPids()[0])}`);
    const again = await runHere(['health', '--json'], url, on);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(readPids()).toHaveLength(1);
  });

  it('is off unless asked for, and no project may ask', async () => {
    install();
    const url = `http://127.0.0.1:${await closedPort()}`;
    writeFileSync(path.join(folder, '.ollamarc'), 'auto_start_server: true\n');
    const env = { PATH: path.join(folder, 'bin'), XDG_STATE_HOME: folder };
    expect((await run(['list'], url, { env, cwd: folder })).code).toBe(5);
    expect(readPids()).toEqual([]);
  });

  it('says where to get a program that is missing, with 5', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const { code, stderr } = await runHere(['list'], url, on);
    expect(code).toBe(5);
    expect(stderr).toContain('not installed here');
    expect(stderr).not.toContain('start it');
  });

  it('starts nothing for another machine, for TLS or for a path', async () => {
    install();
    const port = await closedPort();
    for (const host of [`https://127.0.0.1:${port}`, `http://127.0.0.1:${port}/ollama`]) {
      const { code, stderr } = await runHere(['list'], host, on);
      expect(code).toBe(5);
      expect(stderr).toContain('refused');
    }
    expect(readPids()).toEqual([]);
  });
});

it('is drawn for people in a terminal as well', async () => {
  const server = await serve({ headers: { 'content-type': 'application/json' }, body: ['{"version":"1"}'] });
  const { code, stdout } = await run(['serve'], server.url, TERMINAL);
  await server.close();
  expect(code).toBe(0);
  expect(stdout).toContain('nothing was started');
});
