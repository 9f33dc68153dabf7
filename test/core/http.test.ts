import { createServer as createTlsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createHttp,
  DEFAULT_TIMEOUTS,
  type Call,
  type Http,
  type HttpEvent,
  type HttpSettings,
} from '../../src/core/http.js';
import { takeValue } from '../../src/core/ndjson.js';
import { parseHost } from '../../src/core/url.js';
import { closedPort, serve, type FaultServer, type Handler, type Script } from '../support/fault-server.js';
import { startProxy, type Proxy, type ProxyFaults } from '../support/proxy.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(answer: Script | Handler): Promise<FaultServer> {
  const server = await serve(answer);
  closing.push(() => server.close());
  return server;
}

async function startTls(listener: RequestListener): Promise<number> {
  const server = createTlsServer({ key: fixture('server-key.pem'), cert: fixture('server.pem') }, listener);
  return await listen(server, () => server.closeAllConnections());
}

async function listen(server: Server, closeAll: () => void): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        closeAll();
      }),
  );
  return (server.address() as AddressInfo).port;
}

/** A server that takes connections and says one thing, or nothing, not even a TLS greeting. */
async function startTcp(words = ''): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).resume();
    if (words !== '') socket.end(words);
  });
  return await listen(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

async function proxy(faults?: ProxyFaults): Promise<Proxy> {
  const started = await startProxy(faults);
  closing.push(() => started.close());
  return started;
}

type Overrides = Partial<Omit<HttpSettings, 'host' | 'timeouts'>> & {
  readonly timeouts?: Partial<HttpSettings['timeouts']>;
};

/** Reaches a local port the one way or the other. */
interface Way {
  readonly name: string;
  open(
    port: number,
    overrides?: Overrides & { scheme?: string; rest?: string; user?: string },
  ): Promise<Http>;
}

function settings(host: string, { timeouts, ...overrides }: Overrides): HttpSettings {
  return {
    host: parseHost(host),
    headers: {},
    timeouts: { ...DEFAULT_TIMEOUTS, ...timeouts },
    retry: { attempts: 1, delay: 1, max_delay: 10 },
    ca: undefined,
    env: {},
    onHttp: undefined,
    ...overrides,
  };
}

const WAYS: readonly Way[] = [
  {
    name: 'direct, by node:http',
    open: (port, { scheme = 'http', rest = '', user = '', ...overrides } = {}) =>
      Promise.resolve(createHttp(settings(`${scheme}://${user}127.0.0.1:${port}${rest}`, overrides))),
  },
  {
    name: 'through a proxy, by undici',
    open: async (port, { scheme = 'http', rest = '', user = '', ...overrides } = {}) => {
      const { url } = await proxy();
      const env = { HTTP_PROXY: url, HTTPS_PROXY: url };
      return createHttp(settings(`${scheme}://${user}ollama.test:${port}${rest}`, { env, ...overrides }));
    },
  },
];

const GET: Call = { method: 'GET', path: '/api/tags' };
const POST: Call = { method: 'POST', path: '/api/chat', body: { model: 'm' }, model: 'm' };
const json = (body: string, status = 200): Script => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: [body],
});
const retry = { attempts: 3, delay: 1, max_delay: 10 };

async function read(http: Http, call: Call = POST, heartbeatMs?: number): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const batch of http.stream(call, takeValue, heartbeatMs)) values.push(...batch);
  return values;
}

/** What a stream gave before it failed, and its failure. */
async function readToFailure(http: Http, call: Call = POST): Promise<{ values: unknown[]; error: unknown }> {
  const values: unknown[] = [];
  try {
    for await (const batch of http.stream(call, takeValue)) values.push(...batch);
  } catch (error) {
    return { values, error };
  }
  throw new Error('the stream ended well');
}

describe.each(WAYS)('$name', ({ open }) => {
  describe('a single answer', () => {
    test('is its value, asked for as it was said', async () => {
      const server = await start(json('{"a":[1,"é"]}'));
      const http = await open(server.port, { rest: '/pre/fix', headers: { 'X-Mine': 'yes' } });
      expect(await http.json({ ...POST, body: { text: 'ü' } })).toEqual({ a: [1, 'é'] });
      expect(server.requests).toMatchObject([
        {
          method: 'POST',
          url: '/pre/fix/api/chat',
          body: '{"text":"ü"}',
          headers: { 'content-type': 'application/json', 'content-length': '13', 'x-mine': 'yes' },
        },
      ]);
      expect(server.requests[0]?.headers.authorization).toBeUndefined();
    });

    test('may come in pieces, inside of characters too', async () => {
      const bytes = Buffer.from('{"a":"é😀"}');
      const server = await start({ body: Array.from(bytes, (byte) => Uint8Array.of(byte)) });
      expect(await (await open(server.port)).json(GET)).toEqual({ a: 'é😀' });
    });

    test('of a user and a password is asked for by basic authentication', async () => {
      const server = await start(json('{}'));
      await (await open(server.port, { user: 'me:pass@' })).json(GET);
      expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('me:pass')}`);
    });

    test('a header of the caller wins over the address, in whatever spelling', async () => {
      const server = await start(json('{}'));
      await (await open(server.port, { user: 'me:pass@', headers: { Authorization: 'Bearer x' } })).json(GET);
      expect(server.requests[0]?.headers.authorization).toBe('Bearer x');
    });

    test('of a DELETE carries its body', async () => {
      const server = await start({ body: [] });
      const http = await open(server.port);
      expect(await http.status({ method: 'DELETE', path: '/api/delete', body: { model: 'm' } }, [])).toBe(
        200,
      );
      expect(server.requests[0]).toMatchObject({ method: 'DELETE', body: '{"model":"m"}' });
    });

    test('of a HEAD is its status, also one that is expected to be an error', async () => {
      const server = await start((seen) => ({ status: seen.url === '/there' ? 200 : 404 }));
      const http = await open(server.port);
      expect(await http.status({ method: 'HEAD', path: '/there' }, [404])).toBe(200);
      expect(await http.status({ method: 'HEAD', path: '/gone' }, [404])).toBe(404);
      await expect(http.status({ method: 'HEAD', path: '/gone' }, [])).rejects.toMatchObject({ status: 404 });
    });

    test('takes an upload as it streams', async () => {
      const server = await start({ status: 201 });
      const pieces = ['a'.repeat(100_000), 'b'.repeat(100_000), 'c'];
      const call: Call = {
        method: 'POST',
        path: '/api/blobs/x',
        upload: Readable.from(pieces.map((text) => Buffer.from(text))),
      };
      expect(await (await open(server.port)).status(call, [])).toBe(201);
      expect(server.requests[0]?.body).toBe(pieces.join(''));
      expect(server.requests[0]?.headers['content-type']).toBe('application/octet-stream');
    });

    test('an upload that cannot be read to its end fails, and does not hang', async () => {
      const server = await start({ status: 201 });
      const upload = new Readable({
        read() {
          this.push('start');
          this.destroy(new Error('disk gone'));
        },
      });
      const call: Call = { method: 'POST', path: '/api/blobs/x', upload };
      await expect((await open(server.port)).status(call, [])).rejects.toMatchObject({ name: 'OllamaError' });
    });

    test.each([
      [
        'a JSON error',
        json('{"error":"model \'m\' not found"}', 404),
        'model_not_found',
        404,
        "model 'm' not found",
      ],
      ['a server’s failure', json('{"error":"boom"}', 500), 'server_error', 500, 'boom'],
      ['an empty 403', { status: 403 }, 'unauthorized', 403, '403'],
      ['a 401', json('{"error":"unauthorized"}', 401), 'unauthorized', 401, 'unauthorized'],
      [
        'plain words',
        { status: 404, headers: { 'content-type': 'text/plain' }, body: ['404 page not found'] },
        'server_error',
        404,
        'does not know',
      ],
      [
        'a page',
        { status: 502, headers: { 'content-type': 'text/html' }, body: ['<html><title>Bad gateway</title>'] },
        'protocol',
        502,
        'Bad gateway',
      ],
      [
        'a page that claims success',
        { headers: { 'content-type': 'text/html' }, body: ['<html><title>Log in</title>'] },
        'protocol',
        200,
        'Log in',
      ],
      ['words that claim success', { body: ['Ollama is running'] }, 'protocol', 200, 'Ollama is running'],
    ] satisfies [string, Script, string, number, string][])(
      'of %s is an error',
      async (_name, script, code, status, words) => {
        const server = await start(script);
        const http = await open(server.port);
        const failing = http.json({ ...GET, model: 'm' });
        await expect(failing).rejects.toMatchObject({ code, status, host: http.host.url });
        await expect(failing).rejects.toThrow(words);
      },
    );

    test('that breaks off is a cut stream', async () => {
      const server = await start({ headers: { 'content-length': '99' }, body: ['{"a"'], then: 'reset' });
      await expect((await open(server.port)).json(GET)).rejects.toMatchObject({ code: 'stream_cut' });
    });

    test('an error whose body never ends is told all the same', async () => {
      const server = await start({ status: 500, body: ['half of'], then: 'stall' });
      await expect((await open(server.port)).json(GET)).rejects.toMatchObject({ status: 500 });
    });
  });

  test.each([301, 302, 303, 307, 308, 304])('a redirect (%i) is an error, not followed', async (status) => {
    const other = await start(json('{}'));
    const server = await start({ status, headers: { location: `${other.url}/elsewhere` } });
    const http = await open(server.port, { user: 'me:secret@', retry });
    const failing = http.json({ ...GET, repeatable: true });
    await expect(failing).rejects.toMatchObject({ code: 'protocol', status });
    await expect(failing).rejects.toThrow(`${other.url}/elsewhere`);
    expect(other.requests).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  describe('a stream', () => {
    test('gives its values, however the lines are cut', async () => {
      const server = await start({
        body: ['{"a"', ':1}\n{"b":"', Uint8Array.of(0xc3), Uint8Array.of(0xa9), '"}\r\n\n{"c":3}'],
      });
      expect(await read(await open(server.port))).toEqual([{ a: 1 }, { b: 'é' }, { c: 3 }]);
    });

    test('gives each value as soon as it is there', async () => {
      const server = await start({ body: ['{"a":1}\n'], then: 'stall' });
      const stream = (await open(server.port)).stream(POST, takeValue);
      expect((await stream.next()).value).toEqual([{ a: 1 }]);
      await stream.return();
      expect(await server.requests[0]?.finished).toBe(false);
    });

    test('that is reset in the middle of a line is cut, after what came before', async () => {
      const server = await start({ body: ['{"a":1}\n{"b"', { wait: 50 }], then: 'reset' });
      const { values, error } = await readToFailure(await open(server.port));
      expect(values).toEqual([{ a: 1 }]);
      expect(error).toMatchObject({ code: 'stream_cut', model: 'm' });
    });

    test('with a line that is no JSON is an error, after what came before, and the connection is closed', async () => {
      const server = await start({ body: ['{"a":1}\n', { wait: 30 }, 'oops\n'], then: 'stall' });
      const { values, error } = await readToFailure(await open(server.port));
      expect(values).toEqual([{ a: 1 }]);
      expect(error).toMatchObject({ code: 'protocol' });
      expect((error as Error).message).toContain('"oops"');
      expect(await server.requests[0]?.finished).toBe(false);
    });

    test('that is a page is an error that names it', async () => {
      const server = await start({
        headers: { 'content-type': 'text/html' },
        body: ['<title>Log in</title>'],
      });
      const { error } = await readToFailure(await open(server.port));
      expect(error).toMatchObject({ code: 'protocol', status: 200 });
      expect((error as Error).message).toContain('Log in');
    });

    test('that is refused has the error of the refusal', async () => {
      const server = await start(json('{"error":"model \'m\' not found"}', 404));
      const { error } = await readToFailure(await open(server.port));
      expect(error).toMatchObject({ code: 'model_not_found', status: 404, model: 'm' });
    });

    test('may be silent for longer than any limit of a single answer', async () => {
      const server = await start({ body: ['1\n', { wait: 1_200 }, '2\n'] });
      const http = await open(server.port, { timeouts: { response: 200, connect: 500 } });
      const batches: unknown[][] = [];
      for await (const batch of http.stream(POST, takeValue, 400)) batches.push(batch);
      expect(batches.filter((batch) => batch.length > 0)).toEqual([[1], [2]]);
      expect(batches.filter((batch) => batch.length === 0).length).toBeGreaterThanOrEqual(1);
    });

    test('may wait for its head longer than for a connection', async () => {
      const server = await start(async () => {
        await sleep(700);
        return { body: ['1\n'] };
      });
      expect(await read(await open(server.port, { timeouts: { connect: 300, response: 300 } }))).toEqual([1]);
    });
  });

  describe('a limit on the whole of an answer', () => {
    test.each([
      ['head', async (): Promise<Script> => (await sleep(5_000), json('{}'))],
      ['body', { body: ['{'], then: 'stall' } as const],
    ])('ends one whose %s does not come', async (_part, answer) => {
      const server = await start(answer);
      const http = await open(server.port, { timeouts: { response: 150 } });
      await expect(http.json(GET)).rejects.toMatchObject({
        code: 'timeout',
        message: expect.stringContaining('0.15 s'),
      });
      expect(await server.requests[0]?.finished).toBe(false);
    });

    test('holds for the tries together', async () => {
      const server = await start({ status: 503 });
      const http = await open(server.port, {
        timeouts: { response: 200 },
        retry: { attempts: 1_000, delay: 50, max_delay: 50 },
      });
      await expect(http.json({ ...GET, repeatable: true })).rejects.toMatchObject({ code: 'timeout' });
    });

    test('is not for what may take as long as it needs', async () => {
      const server = await start(async () => (await sleep(300), json('{}')));
      const http = await open(server.port, { timeouts: { response: 100 } });
      expect(await http.json({ ...GET, bounded: false })).toEqual({});
    });
  });

  describe('an abort', () => {
    const reasons = { interrupted: undefined, timeout: new DOMException('late', 'TimeoutError') } as const;

    test.each(Object.entries(reasons))('before the request sends nothing (%s)', async (code, reason) => {
      const server = await start(json('{}'));
      const http = await open(server.port);
      const signal = AbortSignal.abort(reason);
      await expect(http.json({ ...GET, signal })).rejects.toMatchObject({ code });
      await expect(read(http, { ...POST, signal })).rejects.toMatchObject({ code });
      expect(server.requests).toEqual([]);
    });

    test.each([
      ['while the head is awaited', async (): Promise<Script> => (await sleep(5_000), json('{}'))],
      ['while the body comes', { body: ['{'], then: 'stall' } as const],
    ])('%s ends the call and hangs up', async (_when, answer) => {
      const server = await start(answer);
      const http = await open(server.port);
      for (const call of [
        (signal: AbortSignal) => http.json({ ...GET, signal }),
        (signal: AbortSignal) => read(http, { ...POST, signal }),
      ]) {
        const controller = new AbortController();
        const calling = call(controller.signal);
        const before = server.requests.length;
        while (server.requests.length === before) await sleep(5);
        await sleep(30);
        controller.abort();
        await expect(calling).rejects.toMatchObject({ code: 'interrupted' });
        expect(await server.requests.at(-1)?.finished).toBe(false);
      }
    });

    test('between two tries ends the waiting', async () => {
      const server = await start({ status: 503 });
      const http = await open(server.port, { retry: { attempts: 3, delay: 60_000, max_delay: 60_000 } });
      const controller = new AbortController();
      const calling = http.json({ ...GET, repeatable: true, signal: controller.signal });
      while (server.requests.length === 0) await sleep(5);
      await sleep(20);
      controller.abort();
      await expect(calling).rejects.toMatchObject({ code: 'interrupted' });
      expect(server.requests).toHaveLength(1);
    });

    test('during an upload stops reading it', async () => {
      const server = await start({ status: 201 });
      const controller = new AbortController();
      const upload = new Readable({ read: () => undefined });
      upload.push('start');
      const call: Call = { method: 'POST', path: '/api/blobs/x', upload, signal: controller.signal };
      const calling = (await open(server.port)).status(call, []);
      setTimeout(() => controller.abort(), 50);
      await expect(calling).rejects.toMatchObject({ code: 'interrupted' });
      await sleep(20);
      expect(upload.destroyed).toBe(true);
    });
  });

  describe('another try', () => {
    /** Fails the first requests, then answers. */
    const failing = (times: number, script: Script): Handler => {
      let left = times;
      return () =>
        left-- > 0 ? script : { headers: { 'content-type': 'application/json' }, body: ['{"ok":true}\n'] };
    };
    const events: HttpEvent[] = [];
    const watched = { retry, onHttp: (event: HttpEvent) => void events.push(event) };
    afterEach(() => void events.splice(0));

    test.each([429, 502, 503, 504])('follows a %i, with its number', async (status) => {
      const server = await start(failing(2, { status }));
      const http = await open(server.port, watched);
      expect(await http.json({ ...GET, repeatable: true })).toEqual({ ok: true });
      expect(events.map(({ attempt, status: got }) => [attempt, got])).toEqual([
        [1, status],
        [2, status],
        [3, 200],
      ]);
      expect(server.requests).toHaveLength(3);
    });

    test('follows a connection that was cut before an answer', async () => {
      let left = 1;
      const server = await start((_seen, response) => {
        if (left-- > 0) response.socket?.resetAndDestroy();
        else return json('{}');
        return undefined;
      });
      const http = await open(server.port, watched);
      expect(await http.json({ ...GET, repeatable: true })).toEqual({});
      expect(events).toMatchObject([
        { attempt: 1, error: expect.stringContaining('cut') },
        { attempt: 2, status: 200 },
      ]);
    });

    test('of a stream begins before its first value, never after', async () => {
      const server = await start(failing(1, { status: 503 }));
      expect(await read(await open(server.port, { retry }), { ...POST, repeatable: true })).toEqual([
        { ok: true },
      ]);
      const cut = await start({ body: ['1\n', { wait: 30 }], then: 'reset' });
      const { values } = await readToFailure(await open(cut.port, { retry }), { ...POST, repeatable: true });
      expect(values).toEqual([1]);
      expect(cut.requests).toHaveLength(1);
    });

    test('ends with the last failure when all are spent', async () => {
      const server = await start(json('{"error":"server busy"}', 503));
      const http = await open(server.port, { retry });
      await expect(http.json({ ...GET, repeatable: true })).rejects.toMatchObject({
        status: 503,
        message: 'server busy',
      });
      expect(server.requests).toHaveLength(3);
    });

    test.each([400, 401, 404, 500, 501])('is not made after a %i', async (status) => {
      const server = await start(failing(1, { status }));
      const http = await open(server.port, { retry });
      await expect(http.json({ ...GET, repeatable: true })).rejects.toMatchObject({ status });
      expect(server.requests).toHaveLength(1);
    });

    test('is not made of what is not safe to repeat', async () => {
      const server = await start(failing(1, { status: 503 }));
      await expect((await open(server.port, { retry })).json(POST)).rejects.toMatchObject({ status: 503 });
      expect(server.requests).toHaveLength(1);
    });

    test('waits as long as Retry-After asks', async () => {
      const server = await start(failing(1, { status: 503, headers: { 'retry-after': '1' } }));
      const http = await open(server.port, { retry: { attempts: 2, delay: 1, max_delay: 2_000 } });
      const before = performance.now();
      await http.json({ ...GET, repeatable: true });
      expect(performance.now() - before).toBeGreaterThan(950);
    });

    test('is not awaited where Retry-After asks for too long', async () => {
      const server = await start(failing(1, { status: 503, headers: { 'retry-after': '3600' } }));
      await expect(
        (await open(server.port, { retry })).json({ ...GET, repeatable: true }),
      ).rejects.toMatchObject({ status: 503 });
    });
  });

  describe('TLS', () => {
    const answer = (_request: IncomingMessage, response: Parameters<RequestListener>[1]): void => {
      response.end('{"secure":true}');
    };

    test('trusts the certificates that it is given', async () => {
      const port = await startTls(answer);
      const http = await open(port, { scheme: 'https', ca: [fixture('ca.pem')] });
      expect(await http.json(GET)).toEqual({ secure: true });
    });

    test('trusts no other', async () => {
      const http = await open(await startTls(answer), { scheme: 'https', retry });
      const failing = http.json({ ...GET, repeatable: true });
      await expect(failing).rejects.toMatchObject({
        code: 'tls',
        hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      });
    });

    test('towards a server without it is a TLS error', async () => {
      const server = await start(json('{}'));
      const http = await open(server.port, { scheme: 'https', ca: [fixture('ca.pem')] });
      await expect(http.json(GET)).rejects.toMatchObject({ code: 'tls' });
    });

    test('that never comes about is a timeout of the connection', async () => {
      const http = await open(await startTcp(), { scheme: 'https', timeouts: { connect: 300 } });
      await expect(http.json(GET)).rejects.toMatchObject({
        code: 'timeout',
        message: expect.stringContaining('300 ms'),
      });
    });
  });

  test('a server that does not speak HTTP is no Ollama', async () => {
    const http = await open(await startTcp('SSH-2.0-OpenSSH_9\r\n'));
    // The proxy takes this for a connection that broke.
    await expect(http.json(GET)).rejects.toMatchObject({
      code: expect.stringMatching(/protocol|unreachable/),
    });
  });

  test('what is told of an exchange holds no credentials', async () => {
    const events: HttpEvent[] = [];
    const server = await start(json('{}'));
    const http = await open(server.port, {
      user: 'me:secret@',
      headers: { 'x-key': 'secret' },
      onHttp: (event) => void events.push(event),
    });
    await http.json(GET);
    expect(events).toMatchObject([{ method: 'GET', attempt: 1, status: 200 }]);
    expect(JSON.stringify(events)).not.toContain('secret');
    expect(events[0]?.url).toBe(`${http.host.url}/api/tags`);
  });
});

describe('direct', () => {
  test('a closed port refuses at once, and is not tried again', async () => {
    const events: HttpEvent[] = [];
    const port = await closedPort();
    const http = createHttp(
      settings(`127.0.0.1:${port}`, { retry, onHttp: (event) => void events.push(event) }),
    );
    await expect(http.json({ ...GET, repeatable: true })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('refused'),
    });
    expect(events).toHaveLength(1);
  });

  test('a name that does not exist is unreachable', async () => {
    const http = createHttp(settings('http://no-such-name.invalid', { timeouts: { connect: 20_000 } }));
    await expect(http.json(GET)).rejects.toMatchObject({ code: 'unreachable' });
  });

  test.each(['127.0.0.1', 'localhost'])('%s is never asked for by way of a proxy', async (name) => {
    const server = await start(json('{}'));
    const between = await proxy();
    const env = { HTTP_PROXY: between.url, ALL_PROXY: between.url };
    await createHttp(settings(`http://${name}:${server.port}`, { env })).json(GET);
    expect(between.seen).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  test('a host that NO_PROXY names is not either', async () => {
    const between = await proxy();
    const env = { HTTP_PROXY: between.url, NO_PROXY: '.invalid' };
    const http = createHttp(settings('http://no-such-name.invalid', { env }));
    await expect(http.json(GET)).rejects.toMatchObject({ code: 'unreachable' });
    expect(between.seen).toEqual([]);
  });
});

describe('a proxy', () => {
  test('is asked for the whole address, or for a tunnel to it', async () => {
    const between = await proxy();
    const env = { HTTP_PROXY: between.url, HTTPS_PROXY: between.url };
    const server = await start(json('{}'));
    await createHttp(settings(`http://ollama.test:${server.port}/x`, { env })).json(GET);
    const port = await startTls((_request, response) => void response.end('{}'));
    await createHttp(settings(`https://ollama.test:${port}`, { env, ca: [fixture('ca.pem')] })).json(GET);
    expect(between.seen).toEqual([
      `GET http://ollama.test:${server.port}/x/api/tags`,
      `CONNECT ollama.test:${port}`,
    ]);
  });

  test('gets the credentials of its own address, the server those of its', async () => {
    const between = await proxy();
    const server = await start(json('{}'));
    const env = { HTTP_PROXY: between.url.replace('//', '//pro:xy@') };
    await createHttp(settings(`http://me:pass@ollama.test:${server.port}`, { env })).json(GET);
    expect(between.credentials).toEqual([`Basic ${btoa('pro:xy')}`]);
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('me:pass')}`);
  });

  test.each([
    ['http', 407, 'unauthorized'],
    ['https', 407, 'unauthorized'],
    ['https', 403, 'unreachable'],
    ['https', 502, 'unreachable'],
  ])('that refuses (%s, %i) is named in the error', async (scheme, refuse, code) => {
    const between = await proxy({ refuse });
    const env = { HTTP_PROXY: between.url.replace('//', '//pro:secret@'), HTTPS_PROXY: between.url };
    const failing = createHttp(settings(`${scheme}://ollama.test:1`, { env })).json(GET);
    await expect(failing).rejects.toMatchObject({ code });
    await expect(failing).rejects.toThrow(`The proxy ${between.url} refused the connection (${refuse})`);
  });

  test.each(['http', 'https'])('that is not there (%s) is named in the error', async (scheme) => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const env = { HTTP_PROXY: url, HTTPS_PROXY: url };
    const failing = createHttp(settings(`${scheme}://ollama.test:1`, { env, retry })).json({
      ...GET,
      repeatable: true,
    });
    await expect(failing).rejects.toMatchObject({ code: 'unreachable' });
    await expect(failing).rejects.toThrow(`No connection to the proxy ${url}: the connection was refused.`);
  });

  test('that never answers CONNECT is a timeout of the connection', async () => {
    const between = await proxy({ silent: true });
    const env = { HTTPS_PROXY: between.url };
    const http = createHttp(settings('https://ollama.test:1', { env, timeouts: { connect: 300 } }));
    await expect(http.json(GET)).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('300 ms'),
    });
  });

  test.each(['socks5://127.0.0.1:1', 'http://', 'ftp://p:1'])(
    'that is none (%s) is a mistake of the environment',
    async (url) => {
      const failing = createHttp(settings('https://ollama.test', { env: { HTTPS_PROXY: url } })).json(GET);
      await expect(failing).rejects.toMatchObject({
        code: 'usage',
        hint: expect.stringContaining('HTTPS_PROXY'),
      });
    },
  );
});
