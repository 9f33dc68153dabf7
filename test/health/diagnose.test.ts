import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { closedPort, serve, type Script } from '../support/fault-server.js';
import { startProxy } from '../support/proxy.js';
import { run, schemaErrors } from '../support/run.js';
import type { TestIoOptions } from '../support/io.js';
import { certificateFile, serveRaw, serveTls, type Faulty } from './faults.js';

interface Check {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
  readonly hint?: string;
  readonly reason?: string;
}
interface Health {
  readonly code: number;
  readonly status: string;
  readonly checks: readonly Check[];
  readonly server: Check;
}

async function health(host: string, argv: string[] = [], options: TestIoOptions = {}): Promise<Health> {
  const { code, stdout } = await run(['health', '--json', ...argv], host, options);
  const document = JSON.parse(stdout) as Omit<Health, 'code' | 'server'>;
  expect(schemaErrors('health', document)).toBe('');
  const server = document.checks.find(({ name }) => name === 'server');
  expect(server).toBeDefined();
  return { ...document, code, server: server ?? { name: '', status: '', detail: '' } };
}

const TEXT = { 'content-type': 'text/plain' };
const JSON_TYPE = { 'content-type': 'application/json' };

describe('health names what stands in the way', () => {
  const scripts: readonly (readonly [what: string, script: Script, reason: string, detail: RegExp])[] = [
    [
      'a missing token',
      { status: 401, headers: JSON_TYPE, body: ['{"error":"no"}'] },
      'unauthorized',
      /\(401\)/,
    ],
    ["Ollama's own guard of the Host header", { status: 403, headers: {} }, 'host_header', /403/],
    [
      'a token that may not do this',
      { status: 403, headers: TEXT, body: ['RBAC: access denied'] },
      'forbidden',
      /RBAC: access denied/,
    ],
    [
      'another program, by its Server header',
      { status: 404, headers: { ...TEXT, server: 'Werkzeug/3.0' }, body: ['nothing here'] },
      'not_ollama',
      /404.*Werkzeug\/3\.0/,
    ],
    [
      'the page of a proxy, by its title',
      {
        status: 502,
        headers: { 'content-type': 'text/html', server: 'nginx/1.24' },
        body: ['<title>502 Bad Gateway</title>'],
      },
      'html',
      /502 Bad Gateway.*nginx\/1\.24/,
    ],
    [
      'a page with a status of 200',
      { headers: { 'content-type': 'text/html' }, body: ['<!doctype html><title>Sign in</title>'] },
      'html',
      /Sign in/,
    ],
    [
      'JSON of something else',
      { headers: JSON_TYPE, body: ['{"hello":"world"}'] },
      'not_ollama',
      /not Ollama/,
    ],
    [
      'a redirect',
      { status: 302, headers: { location: 'https://login.example/' } },
      'redirect',
      /https:\/\/login\.example/,
    ],
    [
      'plain HTTP on a port of TLS, as Go says it',
      { status: 400, headers: TEXT, body: ['Client sent an HTTP request to an HTTPS server.\n'] },
      'tls_needed',
      /speaks TLS/,
    ],
    [
      'plain HTTP on a port of TLS, as nginx says it',
      {
        status: 400,
        headers: { 'content-type': 'text/html' },
        body: ['<html><title>400 The plain HTTP request was sent to HTTPS port</title>'],
      },
      'tls_needed',
      /speaks TLS/,
    ],
  ];
  it.each(scripts)('%s', async (_what, script, reason, detail) => {
    const server = await serve(script);
    try {
      const told = await health(server.url);
      expect(told).toMatchObject({ code: 5, server: { status: 'fail', reason } });
      expect(told.status).not.toBe('healthy');
      expect(told.server.detail).toMatch(detail);
      expect(told.server.hint).toMatch(/\S/);
    } finally {
      await server.close();
    }
  });

  it('says of a server of the other API that it is one', async () => {
    const server = await serve(({ url }) =>
      url === '/v1/models'
        ? { headers: JSON_TYPE, body: ['{"object":"list","data":[]}'] }
        : { status: 404, headers: TEXT, body: ['not found'] },
    );
    const { server: check } = await health(server.url);
    await server.close();
    expect(check.detail).toContain("speaks OpenAI's API");
    expect(check.hint).toContain(`base_url ${server.url}/v1`);
  });

  const greetings: readonly (readonly [string, (faulty: string) => string, string, RegExp])[] = [
    ['an SSH server', () => 'SSH-2.0-OpenSSH_9.6\r\n', 'not_http', /SSH-2\.0-OpenSSH_9\.6/],
    [
      'a Redis',
      () => "-ERR wrong number of arguments for 'get' command\r\n",
      'not_http',
      /-ERR wrong number/,
    ],
    [
      'a head with a byte that HTTP does not allow',
      () => 'HTTP/1.1 302 Found\r\nLocation: /\u0001x\r\n\r\n',
      'not_http',
      /its answer is not valid HTTP: it begins with "HTTP\/1\.1 302 Found"\.$/,
    ],
    ['bytes that are no text', () => '\u0000\u0001\u0002\u0003', 'not_http', /does not speak HTTP\.$/],
    ['an alert of TLS', () => '\u0015\u0003\u0003\u0000\u0002\u0002\u0046', 'tls_needed', /speaks TLS/],
  ];
  it.each(greetings)('%s', async (_what, greeting, reason, detail) => {
    const server = await serveRaw((socket) =>
      socket.once('data', () => socket.end(Buffer.from(greeting(''), 'latin1'))),
    );
    const told = await health(`http://127.0.0.1:${server.port}`);
    await server.close();
    expect(told).toMatchObject({ code: 5, server: { status: 'fail', reason } });
    expect(told.server.detail).toMatch(detail);
  });

  it('a server that takes the connection and closes it', async () => {
    const server = await serveRaw((socket) => socket.destroy());
    const told = await health(`http://127.0.0.1:${server.port}`);
    await server.close();
    expect(told).toMatchObject({ code: 5, status: 'unreachable', server: { reason: 'cut' } });
    expect(told.server.detail).toContain('closes it without a word');
    expect(told.server.hint).toContain(`ss -ltnp "sport = :${server.port}"`);
  });

  it('a server that takes the connection and says nothing', async () => {
    const server = await serveRaw(() => undefined);
    const told = await health(`http://127.0.0.1:${server.port}`, ['--timeout', '300ms']);
    await server.close();
    expect(told).toMatchObject({ code: 5, status: 'unreachable', server: { reason: 'silent' } });
  });

  it('a connection that never stands', async () => {
    // A handshake that never ends is a part of connecting.
    const server = await serveRaw(() => undefined);
    const told = await health(`https://127.0.0.1:${server.port}`, [], {
      env: { OLLAMA_CLI_TIMEOUTS__CONNECT: '100ms' },
    });
    await server.close();
    expect(told).toMatchObject({ code: 5, status: 'unreachable', server: { reason: 'connect_timeout' } });
    expect(told.server.hint).toContain(`nc -vz 127.0.0.1 ${server.port}`);
  });

  it('a name that nobody knows', async () => {
    const told = await health('http://no-such-host.invalid:11434');
    expect(told).toMatchObject({ code: 5, status: 'unreachable' });
    expect(['no_such_name', 'name_lookup']).toContain(told.server.reason);
    expect(told.server.hint).toContain('getent hosts no-such-host.invalid');
  });
});

describe('health reads certificates', () => {
  const trusting = { env: { NODE_EXTRA_CA_CERTS: '', OLLAMA_CLI_CA_FILE: certificateFile('ca') } };
  const certificates = [
    ['expired', 'tls_expired', 'openssl x509 -noout -dates', trusting],
    ['other-host', 'tls_wrong_host', 'subjectAltName', trusting],
    ['good', 'tls_unknown', '--ca-file FILE', {}],
  ] as const;
  it.each(certificates)('%s: %s', async (name, reason, hint, options) => {
    const server: Faulty = await serveTls(name);
    const told = await health(`https://127.0.0.1:${server.port}`, [], options);
    await server.close();
    expect(told).toMatchObject({ code: 5, status: 'unreachable', server: { reason } });
    expect(told.server.hint).toContain(hint);
  });

  it('finds nothing wrong with a good one that is trusted', async () => {
    const server = await serveTls('good');
    const told = await health(`https://127.0.0.1:${server.port}`, [], trusting);
    await server.close();
    expect(told).toMatchObject({ code: 0, status: 'healthy' });
  });

  it('are not taken from a file that holds none', async () => {
    const file = fileURLToPath(import.meta.url);
    const ran = await run(['list'], 'https://127.0.0.1:1', { env: { OLLAMA_CLI_CA_FILE: file } });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(`ca_file: ${file} holds no certificate in PEM.`);
  });

  it('tells TLS where there is none, and none where there is TLS', async () => {
    const plain = await serve({ headers: JSON_TYPE, body: ['{}'] });
    const wanted = await health(`https://127.0.0.1:${plain.port}`);
    await plain.close();
    expect(wanted.server.reason).toBe('tls_not_spoken');
    expect(wanted.server.hint).toBe(`ollama-cli -H http://127.0.0.1:${plain.port} health`);
    const tls = await serveTls('good');
    const unwanted = await health(`http://127.0.0.1:${tls.port}`);
    await tls.close();
    expect(unwanted.server.reason).toBe('tls_needed');
    expect(unwanted.server.hint).toBe(`ollama-cli -H https://127.0.0.1:${tls.port} health`);
  });
});

describe('health gives the command of this system', () => {
  it.each([
    ['linux', 'sudo systemctl start ollama', 'journalctl -u ollama'],
    ['darwin', 'open -a Ollama', '~/.ollama/logs/server.log'],
    ['win32', 'Start menu', '%LOCALAPPDATA%\\Ollama\\server.log'],
  ] as const)('on %s', async (platform, start, log) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'health-'));
    const env = { APPDATA: folder, LOCALAPPDATA: folder, USERPROFILE: folder };
    const { server } = await health(`http://127.0.0.1:${await closedPort()}`, [], { platform, env });
    rmSync(folder, { recursive: true });
    expect(server.hint).toContain(start);
    expect(server.hint).toContain(log);
    expect(server.hint).toContain('ollama serve');
  });
});

describe('a proxy variable', () => {
  it('that eats the address of a server that answers without it fails a check of its own', async () => {
    const own = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.internal === false && address.family === 'IPv4')?.address;
    if (own === undefined) return;
    const server = createServer((_, answer) => answer.end('{"version":"0.24.0","models":[]}'));
    await new Promise<void>((resolve) => server.listen(0, own, resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const proxy = await startProxy({ refuse: 503 });
    const env = { HTTP_PROXY: proxy.url, OLLAMA_CLI_RETRY__ATTEMPTS: '1' };
    const told = await health(`http://${own}:${port}`, [], { env });
    await proxy.close();
    server.closeAllConnections();
    server.close();
    expect(told.code).toBe(5);
    const check = told.checks.find(({ name }) => name === 'proxy');
    expect(check).toMatchObject({ status: 'fail', hint: `export NO_PROXY=${own}` });
    expect(check?.detail).toContain('HTTP_PROXY sends requests');
    expect(told.server.hint).toBe(`export NO_PROXY=${own}`);
  });

  it('through which the server answers is a warning, and changes nothing', async () => {
    const server = await serve(({ url }) => ({
      headers: JSON_TYPE,
      body: [url.includes('version') ? '{"version":"0.24.0"}' : '{"models":[]}'],
    }));
    const proxy = await startProxy();
    const told = await health(`http://box.invalid:${server.port}`, [], {
      env: { http_proxy: proxy.url, no_proxy: 'a.example' },
    });
    await proxy.close();
    await server.close();
    expect(told).toMatchObject({ code: 0, status: 'healthy' });
    expect(told.checks.find(({ name }) => name === 'proxy')).toMatchObject({
      status: 'warn',
      hint: 'export NO_PROXY=a.example,box.invalid',
    });
  });
});
