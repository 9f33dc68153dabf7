import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { until } from '../gateway/raw-socket.js';
import { testIo, type TestIo, type TestIoOptions } from '../support/io.js';
import { ESCAPES, run, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['gemma3:1b'] });
});
afterEach(async () => await sandbox.close());

interface Running extends TestIo {
  readonly url: string;
  /** Ends it, and resolves to its exit code. */
  end(): Promise<number>;
}

/** Runs the command until it is ended. */
async function start(argv: readonly string[], options: TestIoOptions = {}): Promise<Running> {
  const test = testIo({ ...options, env: { OLLAMA_HOST: sandbox.url, ...options.env } });
  const code = main(['gateway', '--listen', '0', ...argv], test.io);
  await until(
    () => test.stderr(),
    (text) => text.includes('Try: '),
  );
  return {
    ...test,
    url: test.stdout().trim(),
    end: async () => {
      test.abort();
      return await code;
    },
  };
}

async function ask(url: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return (await fetch(`${url}/ready`, { headers })).status;
}

describe('gateway', () => {
  it.each([
    ['plain', [], {}],
    ['terminal', [], TERMINAL],
    ['json', ['--json'], {}],
  ])('says its address alone on stdout, in %s mode', async (_mode, flags, options: TestIoOptions) => {
    const running = await start(flags, options);
    expect(running.stdout()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/);
    expect(running.stderr()).not.toMatch(ESCAPES);
    const token = /^Token: (\S+)$/m.exec(running.stderr())?.[1];
    expect(await ask(running.url)).toBe(401);
    expect(await ask(running.url, token)).toBe(200);
    expect(await running.end()).toBe(0);
    await expect(ask(running.url, token)).rejects.toThrow();
  });

  it('takes the token of a variable, and never says it', async () => {
    const running = await start(['--token-env', 'MY_TOKEN', '--debug'], { env: { MY_TOKEN: 'very-secret' } });
    expect(await ask(running.url, 'very-secret')).toBe(200);
    expect(await ask(running.url, 'other')).toBe(401);
    await running.end();
    expect(running.stderr()).toContain('debug: GET /ready: 401');
    expect(running.stdout() + running.stderr()).not.toContain('very-secret');
  });

  it('tells the routes that were asked for, and nothing that a caller has put into a path', async () => {
    const running = await start(['--token-env', 'MY_TOKEN', '--debug'], { env: { MY_TOKEN: 'very-secret' } });
    const headers = { authorization: 'Bearer very-secret' };
    const name = '/api/providers/ollama/models/very-secret';
    for (const path of ['/api/jobs/very-secret?x=very-secret', '/very-secret', '/api/jobs', name]) {
      await fetch(running.url + path, { headers });
    }
    // Also what is refused before a route is looked for.
    await fetch(`${running.url}/api/jobs/very-secret`);
    await running.end();
    expect(running.stderr().match(/(?<=^debug: GET )[/(].*(?=, \d+ ms$)/gm)).toEqual([
      '/api/jobs/:id: 404',
      '(no route): 404',
      '/api/jobs: 200',
      '/api/providers/ollama/models/:name: 404',
      '/api/jobs/:id: 401',
    ]);
    expect(running.stderr()).not.toContain('very-secret');
  });

  it('takes the token of a file that only its owner can read', async () => {
    const { io } = testIo();
    const file = path.join(io.cwd, 'gateway-token');
    writeFileSync(file, 'from-a-file\n');
    chmodSync(file, 0o600);
    const running = await start(['--token-file', file]);
    expect(await ask(running.url, 'from-a-file')).toBe(200);
    await running.end();
    expect(running.stderr()).not.toContain('from-a-file');
    chmodSync(file, 0o644);
    const refused = await run(['gateway', '--listen', '0', '--token-file', file], sandbox.url);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('chmod 600');
  });

  it('answers without a token where that was said', async () => {
    const running = await start(['--no-token']);
    expect(running.stderr()).not.toContain('Token:');
    expect(await ask(running.url)).toBe(200);
    await running.end();
  });

  it.each([
    [['--no-token', '--listen', '0.0.0.0:0'], 'this machine only'],
    [['--no-token', '--token-env', 'X'], 'one of --token-env'],
    [['--token-env', 'NOT_SET'], 'is not set'],
    [['--token-env', 'EMPTY'], 'it is empty'],
    [['--token-env', 'ODD'], 'no header can carry'],
    [['--token-file', '/nowhere/token'], 'no such file'],
    [['--listen', '99999'], '[ADDRESS:]PORT'],
    [['--listen', 'x'], '[ADDRESS:]PORT'],
    [['--cors', '*'], 'one origin'],
    [['--cors', 'http://a.example/path'], 'one origin'],
    [['--cors', 'file:///x'], 'one origin'],
    [['--allow-host', 'http://a.example'], 'without a scheme'],
    [['--allow-host', 'a.example:80'], 'without a scheme'],
    [['--caller-timeout', 'soon'], '--caller-timeout'],
    [['--caller-timeout', '0'], '--caller-timeout'],
  ])('refuses %j before it listens', async (flags, words) => {
    const env = { EMPTY: ' ', ODD: 'a b' };
    const ran = await run(['gateway', ...flags], sandbox.url, { env });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain(words);
    expect(sandbox.requests).toEqual([]);
  });

  it('refuses a token that can be guessed where others can reach it, and warns of it elsewhere', async () => {
    const env = { SHORT: 'fifteen-letters', LONG: 'sixteen-letters!' };
    const refused = await run(['gateway', '--listen', '0.0.0.0:0', '--token-env', 'SHORT'], sandbox.url, {
      env,
    });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('openssl rand -base64 32');
    expect(refused.stderr).not.toContain('fifteen-letters');
    const running = await start(['--token-env', 'SHORT'], { env });
    expect(running.stderr()).toMatch(/^warning: The token has 15 characters.*openssl rand -base64 32$/m);
    await running.end();
    const long = await start(['--listen', '0.0.0.0:0', '--token-env', 'LONG'], { env });
    await long.end();
    expect(long.stderr()).not.toContain('characters');
  });

  it("does not start with a name in fallback that is nobody's, and says where it stands", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gateway-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(path.join(folder, '.config', 'ollama-cli'), { recursive: true });
    const file = path.join(folder, '.config', 'ollama-cli', 'config.yaml');
    writeFileSync(file, '# mine\nfallback: [ollama, zzz]\n', { mode: 0o600 });
    const ran = await run(['gateway', '--listen', '0'], sandbox.url, { env: { HOME: folder } });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain(`${file}:2: fallback names "zzz"`);
  });

  it('warns where others can reach it, and wants the token there', async () => {
    const running = await start(['--listen', '0.0.0.0:0']);
    await until(
      () => running.stderr(),
      (text) => text.includes('no TLS'),
    );
    expect(await ask(running.url.replace('0.0.0.0', '127.0.0.1'))).toBe(401);
    await running.end();
  });

  it('warns when the server is down, and goes on', async () => {
    const running = await start(['--no-token', '-H', 'http://127.0.0.1:1']);
    await until(
      () => running.stderr(),
      (text) => text.includes('warning: '),
    );
    expect(await ask(running.url)).toBe(503);
    await running.end();
  });

  it('says that a port is taken', async () => {
    const running = await start(['--no-token']);
    const taken = await run(['gateway', '--listen', new URL(running.url).port], sandbox.url);
    expect(taken).toMatchObject({ code: 2, stdout: '' });
    expect(taken.stderr).toContain('another program listens there');
    await running.end();
  });
});

describe('a gateway to a host whose credentials can not be had', () => {
  const home = (settings: object): string => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gateway-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(path.join(folder, '.config', 'ollama-cli'), { recursive: true });
    const file = path.join(folder, '.config', 'ollama-cli', 'config.json');
    writeFileSync(
      file,
      JSON.stringify({ hosts: { own: { url: sandbox.url, token_env: 'GONE' } }, ...settings }),
      { mode: 0o600 },
    );
    return folder;
  };

  it('serves the other providers, and says of that host why it is not asked', async () => {
    const cloud = { type: 'openai', enabled: true, base_url: `${sandbox.url}/v1`, model: 'gemma3:1b' };
    const running = await start(['--no-token'], {
      env: { OLLAMA_HOST: 'own', HOME: home({ providers: { cloud } }) },
    });
    await until(
      () => running.stderr(),
      (text) => text.includes('warning: hosts.own.token_env: the variable GONE is not set.'),
    );
    const chat = async (provider: string): Promise<Response> =>
      await fetch(`${running.url}/api/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ message: 'Hi', provider, model: 'gemma3:1b' }),
      });
    expect((await chat('cloud')).status).toBe(200);
    const asked = sandbox.requests.length;
    const refused = await chat('ollama');
    expect([refused.status, await refused.json()]).toMatchObject([500, { error: { code: 'config' } }]);
    expect((await fetch(`${running.url}/ready`)).status).toBe(503);
    expect(sandbox.requests).toHaveLength(asked);
    expect(await running.end()).toBe(0);
  });

  it('exits 2 where there are no others', async () => {
    const env = { HOME: home({ providers: { cloud: { base_url: `${sandbox.url}/v1` } } }) };
    const ran = await run(['gateway', '--listen', '0'], 'own', { env });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('hosts.own.token_env: the variable GONE is not set.');
  });
});
