import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contextForHost, createContext, type Context } from '../../src/context.js';
import type { GlobalFlags } from '../../src/flags.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { startProxy } from '../support/proxy.js';
import { run } from '../support/run.js';

const VERSION = { headers: { 'content-type': 'application/json' }, body: ['{"version":"0.24.0"}'] };

let home: string;
let a: FaultServer;
let b: FaultServer;
beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'context-'));
  mkdirSync(path.join(home, '.config', 'ollama-cli'), { recursive: true });
  [a, b] = [await serve(VERSION), await serve(VERSION)];
});
afterEach(async () => {
  await a.close();
  await b.close();
  rmSync(home, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  writeFileSync(path.join(home, name), text);
  chmodSync(path.join(home, name), 0o600);
}

async function open(
  config: string,
  flags: GlobalFlags = {},
  env: Record<string, string> = {},
): Promise<{ context: Context; stderr: () => string }> {
  write('.config/ollama-cli/config.yaml', config);
  const test = testIo({ cwd: home, env: { HOME: home, ...env } });
  return { context: await createContext(test.io, flags), stderr: test.stderr };
}

describe('another host', () => {
  it('gets its own credentials, and none of the host in force', async () => {
    const { context } = await open(
      `host: a\nheaders: {x-all: top}\nhosts:\n  a: {url: '${a.url}', token_env: A}\n  b: {url: '${b.url}', token_env: B, headers: {x-b: b}}\n`,
      {},
      { A: 'for-a', B: 'for-b' },
    );
    const other = await contextForHost(context, 'b');
    await context.client.version();
    await other.client.version();
    expect(a.requests[0]?.headers).toMatchObject({ authorization: 'Bearer for-a', 'x-all': 'top' });
    expect(b.requests[0]?.headers).toMatchObject({ authorization: 'Bearer for-b', 'x-b': 'b' });
    expect(b.requests[0]?.headers).not.toHaveProperty('x-all');
    expect(other).toMatchObject({ flags: context.flags, mode: context.mode, config: { hostName: 'b' } });
  });

  it('by its address gets nothing, and by the same one what is typed', async () => {
    write('typed', 'x-typed: t\n');
    const { context } = await open(
      `host: ${a.url}\nheaders: {x-key: k}\nhosts: {b: {url: '${b.url}', headers: {x-b: b}}}\n`,
      {
        header: ['@typed'],
      },
    );
    await (await contextForHost(context, b.url)).client.version();
    await (await contextForHost(context, 'b')).client.version();
    await (await contextForHost(context, a.url)).client.version();
    expect(b.requests[0]?.headers).not.toHaveProperty('x-b');
    expect(b.requests[1]?.headers).toMatchObject({ 'x-b': 'b' });
    for (const { headers } of b.requests) {
      expect(headers).not.toHaveProperty('x-key');
      expect(headers).not.toHaveProperty('x-typed');
    }
    expect(a.requests[0]?.headers).toMatchObject({ 'x-key': 'k', 'x-typed': 't' });
  });

  it('is resolved from what was read at the start, and says nothing twice', async () => {
    write('.ollamarc', 'host: elsewhere.example:1\nsystem: hi\n');
    const { context, stderr } = await open(`hosts: {b: {url: '${b.url}'}}\n`);
    expect(stderr()).toMatch(/^warning: host elsewhere\.example:1 comes from .*\n$/);
    const before = stderr();
    rmSync(path.join(home, '.config'), { recursive: true });
    rmSync(path.join(home, '.ollamarc'));
    const other = await contextForHost(context, 'b');
    expect(other.settings.system).toBe('hi');
    expect(other.config.projectHost).toBeUndefined();
    expect(stderr()).toBe(before);
  });

  it.each([
    ['bb', 'Did you mean b?'],
    ['nothing-like-it', 'ollama-cli hosts list, or write an address such as http://HOST:11434'],
    ['8080', 'ollama-cli hosts list, or write an address such as http://HOST:11434'],
  ])('%s is neither a name nor an address', async (name, hint) => {
    const { context } = await open(`hosts: {b: {url: '${b.url}'}}\n`);
    await expect(contextForHost(context, name)).rejects.toMatchObject({ code: 'host_not_found', hint });
  });

  it.each(['localhost', 'box.lan', 'box:1', 'http://box', '::1'])('%s is an address', async (name) => {
    const { context } = await open('');
    expect((await contextForHost(context, name)).settings.host).toBe(name);
  });

  it('whose variable is missing is an error by itself, and so is the host in force only when it is asked', async () => {
    const { context } = await open(
      `host: a\nhosts: {a: {url: '${a.url}', token_env: A}, b: {url: '${b.url}'}, c: {url: '${b.url}', token_env: C}}\n`,
    );
    await (await contextForHost(context, 'b')).client.version();
    await expect(contextForHost(context, 'c')).rejects.toMatchObject({
      code: 'config',
      message: 'hosts.c.token_env: the variable C is not set.',
    });
    expect(() => context.client).toThrow('hosts.a.token_env: the variable A is not set.');
  });
});

describe('a host whose certificate is not checked', () => {
  const fixture = (name: string): string =>
    readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');

  it('is asked all the same, which is said once; no other host is', async () => {
    const server = createServer(
      { key: fixture('server-key.pem'), cert: fixture('server.pem') },
      (_, response) => response.end('{"version":"1.2.3","models":[]}'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    try {
      write(
        '.config/ollama-cli/config.yaml',
        `hosts: {a: {url: '${url}', insecure: true}, b: {url: '${url}/b'}}\n`,
      );
      const options = { cwd: home, env: { HOME: home } };
      const trusted = await run(['list', '-H', 'a', '--json'], undefined, options);
      expect(trusted).toMatchObject({
        code: 0,
        stderr: `warning: the certificate of ${url} is not checked (insecure)\n`,
      });
      for (const host of ['b', url]) {
        const refused = await run(['list', '-H', host, '--json'], undefined, options);
        expect(refused.code).toBe(5);
        expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'tls' } });
      }
      const several = await run(['list', '--on', 'a,b', '--json'], undefined, options);
      expect(several.code).toBe(8);
      expect(several.stderr.match(/is not checked/g)).toHaveLength(1);
      // Through a tunnel too; what stands before it is no one's business.
      const proxy = await startProxy();
      const named = url.replace('127.0.0.1', 'ollama.test');
      write(
        '.config/ollama-cli/config.yaml',
        `hosts: {a: {url: '${named}', insecure: true}, b: {url: '${named}/b'}}\n`,
      );
      const env = { ...options.env, HTTPS_PROXY: proxy.url };
      expect((await run(['list', '-H', 'a'], undefined, { ...options, env })).code).toBe(0);
      const other = await run(['list', '-H', 'b', '--json'], undefined, { ...options, env });
      expect(JSON.parse(other.stderr)).toMatchObject({ error: { code: 'tls' } });
      await proxy.close();
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
