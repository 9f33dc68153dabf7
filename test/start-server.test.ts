import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OllamaClient } from '../src/core/client.js';
import { startServer, stopAny } from '../src/start-server.js';
import { closedPort, serve } from './support/fault-server.js';
import { testIo } from './support/io.js';

let folder: string;
const started: number[] = [];
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'start-server-'))));
afterEach(() => {
  for (const pid of started.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a program called `ollama` on the PATH. */
function install(script: string): void {
  const file = path.join(folder, 'bin', 'ollama');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!${process.execPath}\n${script}`);
  chmodSync(file, 0o755);
}

const SERVER = `
const [host, port] = process.env.OLLAMA_HOST.split(/:(?=\\d+$)/);
console.log('listening', process.argv.slice(2).join(' '), process.env.OLLAMA_HOST, process.env.OLLAMA_MODELS);
require('node:fs').writeFileSync(__dirname + '/pid', String(process.pid));
setTimeout(() => require('node:http')
  .createServer((_, answer) => answer.end('{"version":"0.24.0"}'))
  .listen(Number(port), host), 300);
`;

function open(url: string) {
  const bin = path.join(folder, 'bin');
  const env = { PATH: `${bin}:relative:`, XDG_STATE_HOME: folder, OLLAMA_MODELS: '/models' };
  const test = testIo({ env, cwd: folder });
  return { ...test, client: new OllamaClient(url, { env: {} }) };
}

const log = (): string => path.join(folder, 'ollama-cli', 'logs', 'ollama-serve.log');

describe('what ends a server that was found running', () => {
  it.each([
    ['linux', 'sudo systemctl stop ollama, or kill $(lsof'],
    ['darwin', `osascript -e 'quit app "Ollama"', or kill $(lsof`],
    ['win32', 'taskkill /IM "ollama app.exe"'],
  ] as const)('is the service or the app of %s at its own port alone', (platform, words) => {
    expect(stopAny(platform, 11_434)).toContain(words);
    const other = stopAny(platform, 31_001);
    expect(other).toContain(':31001');
    expect(other).not.toMatch(/systemctl|osascript|ollama/i);
  });
});

describe('starting the server', () => {
  it('runs `ollama serve` for the address in use, waits for it, and says how to stop it', async () => {
    install(SERVER);
    const port = await closedPort();
    const { io, client, stderr } = open(`http://127.0.0.1:${port}`);
    await startServer({ io, client });
    const pid = Number(readFileSync(path.join(folder, 'bin', 'pid'), 'utf8'));
    started.push(pid);
    expect(await client.version()).toBe('0.24.0');
    expect(stderr()).toContain(`ollama serve on 127.0.0.1:${port}`);
    expect(stderr()).toContain(`kill ${pid}\n`);
    expect(stderr()).toContain(log());
    expect(readFileSync(log(), 'utf8')).toBe(`listening serve 127.0.0.1:${port} /models\n`);
    expect(statSync(log()).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(log())).mode & 0o777).toBe(0o700);
  });

  it('does nothing where one answers already, even with a refusal', async () => {
    const server = await serve({ status: 403 });
    const { io, client, stderr } = open(server.url);
    await startServer({ io, client });
    expect(stderr()).toBe('');
    await server.close();
  });

  it('says where to get it where there is none, and runs none of the working folder', async () => {
    const { io, client } = open(`http://127.0.0.1:${await closedPort()}`);
    mkdirSync(path.join(folder, 'relative'));
    writeFileSync(path.join(folder, 'relative', 'ollama'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(path.join(folder, 'ollama'), '#!/bin/sh\n', { mode: 0o755 });
    await expect(startServer({ io, client })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('not installed') as string,
      hint: expect.stringContaining('https://ollama.com/download') as string,
    });
  });

  it('tells what it said where it ends at once', async () => {
    install('console.error("Error: no home\\u001b[2J"); process.exit(1);');
    const { io, client } = open(`http://127.0.0.1:${await closedPort()}`);
    const failure = await startServer({ io, client }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'unreachable', hint: expect.stringContaining(log()) as string });
    expect(String(failure)).toContain('ollama serve ended at once: Error: no home');
    expect(String(failure)).not.toContain('\u001b');
  });

  it('says why a program could not be started', async () => {
    const file = path.join(folder, 'bin', 'ollama');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '#!/no/such/interpreter\n', { mode: 0o755 });
    const { io, client } = open(`http://127.0.0.1:${await closedPort()}`);
    await expect(startServer({ io, client })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('could not be started') as string,
    });
  });

  it('ends what it started where the person stops it', async () => {
    install(
      `require('node:fs').writeFileSync(__dirname + '/pid', String(process.pid)); setInterval(() => {}, 1000);`,
    );
    const { io, client, abort } = open(`http://127.0.0.1:${await closedPort()}`);
    const starting = startServer({ io, client });
    const pid = (): number => {
      try {
        return Number(readFileSync(path.join(folder, 'bin', 'pid'), 'utf8'));
      } catch {
        return 0;
      }
    };
    await expect.poll(pid, { timeout: 10_000 }).toBeGreaterThan(0);
    started.push(pid());
    abort();
    await expect(starting).rejects.toMatchObject({ code: 'interrupted' });
    const isThere = (): boolean => {
      try {
        return process.kill(pid(), 0);
      } catch {
        return false;
      }
    };
    await expect.poll(isThere, { timeout: 5000 }).toBe(false);
  });

  it.each(['http://gpu-box:11434', 'https://127.0.0.1:11434', 'http://127.0.0.1:11434/ollama'])(
    'is none of %s',
    async (url) => {
      install(SERVER);
      const { io, client } = open(url);
      await expect(startServer({ io, client })).rejects.toMatchObject({ code: 'usage' });
    },
  );
});
