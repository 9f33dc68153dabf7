import { createConnection } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openGateway } from '../../src/gateway/server.js';
import { measure } from '../../src/core/metrics.js';
import { gatherDeps } from '../../src/commands/gateway.js';
import { openTestGateway, TOKEN, type TestGateway } from './open.js';
import { bodyOf, exchange, openRaw, heldConnections, statusesOf, statusOf, until } from './raw-socket.js';

/** A request as it stands on the wire. */
function request(line: string, headers: readonly string[] = [], body = ''): string {
  const all = ['Host: 127.0.0.1', `Authorization: Bearer ${TOKEN}`, ...headers];
  return `${line} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${body}`;
}

async function errorOf(response: Response): Promise<{ code: string; message: string; hint: string }> {
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const body = (await response.json()) as { error: { code: string; message: string; hint: string } };
  expect(Object.keys(body)).toEqual(['error']);
  expect(Object.keys(body.error)).toEqual(['code', 'message', 'hint']);
  return body.error;
}

const ROUTES = ['/health', '/ready', '/metrics', '/openapi.json', '/api/providers', '/nowhere', '/'];

describe('who is answered', () => {
  it('answers nobody without the token, on any path', async () => {
    const { url, sandbox } = await openTestGateway();
    const before = sandbox.requests.length;
    for (const path of ROUTES) {
      const response = await fetch(url + path);
      expect([path, response.status]).toEqual([path, 401]);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await errorOf(response)).toMatchObject({ code: 'unauthorized' });
      expect((await fetch(url + path, { headers: { authorization: 'Bearer no' } })).status).toBe(401);
    }
    // Nor does a query carry it: addresses are kept in logs.
    expect((await fetch(`${url}/ready?token=${TOKEN}`)).status).toBe(401);
    expect(sandbox.requests.length).toBe(before);
  });

  it('answers without one where that was asked for, on a loopback address alone', async () => {
    const { url, context } = await openTestGateway({ gateway: { token: undefined } });
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    const deps = await gatherDeps(context);
    for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
      const options = { listen: { host, port: 0 }, token: undefined };
      await expect(openGateway(deps, options)).rejects.toMatchObject({ code: 'usage' });
    }
  });

  it('refuses a name that is not its own, and takes one that it was told', async () => {
    const { port } = await openTestGateway({ gateway: { allowHosts: ['Box.Example'] } });
    const ask = async (host: string): Promise<number> =>
      statusOf(await exchange(port, request('GET /ready', ['Connection: close']).replace('127.0.0.1', host)));
    expect(await ask('127.0.0.1')).toBe(200);
    expect(await ask(`localhost:${port}`)).toBe(200);
    expect(await ask('box.example')).toBe(200);
    expect(await ask('rebound.example')).toBe(403);
  });

  it('says in headers what a named page may do, on answers and on errors', async () => {
    const { url, send } = await openTestGateway({ gateway: { cors: ['https://app.example'] } });
    const origin = 'https://app.example';
    for (const path of ['/ready', '/nowhere']) {
      const response = await send('GET', path, undefined, { origin });
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(response.headers.get('vary')).toContain('origin');
    }
    const preflight = await fetch(`${url}/api/chat`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    const foreign = await send('GET', '/ready', undefined, { origin: 'https://other.example' });
    expect(foreign.status).toBe(403);
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    expect((await send('GET', '/ready')).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('keeps the headers of a named page on a stream', async () => {
    const { send } = await openTestGateway({ gateway: { cors: ['https://app.example'] } });
    const body = { message: 'hello', model: 'gemma3:1b', stream: true };
    const response = await send('POST', '/api/chat', body, { origin: 'https://app.example' });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
    await response.text();
  });
});

describe('what is no request of ours', () => {
  it.each([
    ['GET', '/nowhere', 404],
    ['GET', '/api', 404],
    ['GET', '/api/chat', 405],
    ['PUT', '/health', 405],
    ['DELETE', '/api/providers/ollama/models', 405],
    ['GET', '/%zz', 400],
    ['GET', '/api/providers/ollama/models/%e0%a4', 400],
  ])('%s %s is %i', async (method, path, status) => {
    const { send } = await openTestGateway();
    const response = await send(method, path);
    expect(response.status).toBe(status);
    expect(response.headers.has('allow')).toBe(status === 405);
    await errorOf(response);
  });

  it.each([
    ['no JSON', '{"message":', 'application/json', 400],
    ['nothing', '', 'application/json', 400],
    ['text', 'hello', 'text/plain', 415],
    ['a form', 'message=hello', 'application/x-www-form-urlencoded', 415],
    ['a prototype', '{"message":"x","__proto__":{"a":1}}', 'application/json', 400],
    ['a constructor', '{"message":"x","constructor":{"prototype":{"a":1}}}', 'application/json', 400],
    ['a number as text', '{"message":5}', 'application/json', 400],
    ['a list', '[]', 'application/json', 400],
  ])('a body that is %s is refused', async (_what, body, type, status) => {
    const { send, sandbox } = await openTestGateway();
    const response = await send('POST', '/api/chat', body, { 'content-type': type });
    expect(response.status).toBe(status);
    await errorOf(response);
    expect(sandbox.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('refuses a body above a megabyte, said or sent, but for a chat', async () => {
    const { send, port } = await openTestGateway();
    const large = { model: 'x'.repeat(1_048_577) };
    const told = await send('POST', '/api/providers/ollama/pull', large);
    expect(told.status).toBe(413);
    await errorOf(told);
    const chunk = `${(1_048_577).toString(16)}\r\n${'x'.repeat(1_048_577)}\r\n0\r\n\r\n`;
    const headers = ['Content-Type: application/json', 'Transfer-Encoding: chunked'];
    const answer = await exchange(port, request('POST /api/providers/ollama/pull', headers, chunk));
    expect(statusOf(answer)).toBe(413);
    const chat = await send('POST', '/api/chat', { message: 'x', model: 'x'.repeat(1_048_577) });
    expect(chat.status).toBe(400);
  });

  it('refuses headers above 16 kB', async () => {
    const { port } = await openTestGateway();
    const answer = await exchange(port, request('GET /ready', [`X-Long: ${'x'.repeat(20_000)}`]));
    expect(statusOf(answer)).toBe(431);
    expect(bodyOf(answer)).toMatchObject({ error: { code: 'usage' } });
  });

  it('expects nothing but a body', async () => {
    const { port } = await openTestGateway();
    const answer = await exchange(port, request('GET /ready', ['Expect: a miracle', 'Connection: close']));
    expect(statusOf(answer)).toBe(417);
    expect(bodyOf(answer)).toMatchObject({ error: { code: 'usage' } });
  });
});

describe('how long a caller may take', () => {
  const limits = { headersMs: 150, requestMs: 300, idleMs: 150, unreadMs: 300 };

  it('gives up on a head that does not come whole, however long a body may take', async () => {
    const { port } = await openTestGateway({ gateway: { limits: { ...limits, requestMs: 300_000 } } });
    const answer = await exchange(port, 'GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    expect(statusOf(answer)).toBe(408);
    expect(bodyOf(answer)).toMatchObject({ error: { code: 'usage' } });
  });

  it('gives up on a body that does not come whole', async () => {
    const { port } = await openTestGateway({ gateway: { limits } });
    const headers = ['Content-Type: application/json', 'Content-Length: 100'];
    expect(statusOf(await exchange(port, request('POST /api/chat', headers, '{"mess')))).toBe(408);
  });

  it('closes a connection that asks nothing more', async () => {
    const { port } = await openTestGateway({ gateway: { limits } });
    expect(statusOf(await exchange(port, request('GET /ready')))).toBe(200);
  });

  it.skipIf(process.platform !== 'linux')(
    'cuts who does not read, and the answer behind it, and nobody else',
    async () => {
      const { port, sandbox, send } = await openTestGateway({ gateway: { limits }, sandbox: ENDLESS });
      const body = JSON.stringify({ message: 'hello', model: 'gemma3:1b', stream: true });
      const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`];
      const raw = await openRaw(port, request('POST /api/chat', headers, body));
      raw.socket.pause();
      await until(() => sandbox.requests.some(({ path }) => path.endsWith('/chat/completions')), Boolean);
      expect((await send('GET', '/ready')).status).toBe(200);
      // What it leaves unread fills the buffers of the system before it is seen.
      await until(
        () => heldConnections(port),
        (count) => count <= 1,
        60_000,
      );
      raw.socket.destroy();
    },
  );
});

/** Answers without an end that is near, as fast as they are read. */
const ENDLESS = { tokensPerSecond: Infinity };

describe('how much at once', () => {
  it('answers 429 with Retry-After above its limit, and takes the next when one has ended', async () => {
    const { send, url } = await openTestGateway({
      gateway: { limits: { running: 1 } },
      sandbox: { loadMs: 400 },
    });
    const ask = async (): Promise<Response> =>
      await send('POST', '/api/chat', { message: 'hello', model: 'gemma3:1b' });
    const [first, second] = await Promise.all([ask(), ask()]);
    const refused = first.status === 429 ? first : second;
    expect([first.status, second.status].toSorted()).toEqual([200, 429]);
    expect(refused.headers.get('retry-after')).toBe('1');
    await errorOf(refused);
    expect((await send('GET', '/ready')).status).toBe(200);
    expect((await ask()).status).toBe(200);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('holds no more connections than it may', async () => {
    const { port } = await openTestGateway({ gateway: { limits: { connections: 2 } } });
    const kept = await Promise.all([openRaw(port), openRaw(port)]);
    const third = createConnection({ port, host: '127.0.0.1' });
    third.on('error', () => undefined).resume();
    await new Promise<void>((resolve) => third.once('close', () => resolve()));
    for (const { socket } of kept) socket.destroy();
    await until(
      async () => statusOf(await exchange(port, request('GET /ready', ['Connection: close']))),
      (status) => status === 200,
    );
  });
});

describe('its end', () => {
  async function startStream(gateway: TestGateway): Promise<Response> {
    return await gateway.send('POST', '/api/chat', { message: 'hello', model: 'gemma3:1b', stream: true });
  }

  it('lets a stream come to its end, and takes nothing new', async () => {
    const gateway = await openTestGateway({ sandbox: { tokensPerSecond: 60 } });
    const idle = await openRaw(gateway.port, request('GET /ready'));
    const open = await openRaw(gateway.port, '');
    const streaming = await startStream(gateway);
    const ended = gateway.close();
    await Promise.all([idle.closed, open.closed]);
    const text = await streaming.text();
    expect(text).toContain('"type":"result"');
    await ended;
    await expect(fetch(`${gateway.url}/ready`)).rejects.toThrow();
  });

  it('answers what comes after a stream on its connection with 503', async () => {
    const gateway = await openTestGateway({ sandbox: { tokensPerSecond: 60 } });
    const body = JSON.stringify({ message: 'hello', model: 'gemma3:1b', stream: true });
    const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`];
    const raw = await openRaw(gateway.port, request('POST /api/chat', headers, body));
    await until(raw.received, (text) => text.includes('"token"'));
    const ended = gateway.close();
    raw.send(request('GET /ready'));
    await raw.closed;
    expect(statusesOf(raw.received())).toEqual([200, 503]);
    await ended;
  });

  it('waits no longer than it may', async () => {
    const gateway = await openTestGateway({
      sandbox: { loadMs: 3_600_000 },
      gateway: { limits: { graceMs: 100 } },
    });
    const streaming = startStream(gateway).then(async (response) => await response.text());
    const failed = expect(streaming).rejects.toThrow();
    await until(
      () => gateway.sandbox.requests.some(({ path }) => path.endsWith('/chat/completions')),
      Boolean,
    );
    await gateway.close();
    await failed;
  });

  it('says that a port is taken', async () => {
    const { port, context } = await openTestGateway();
    const listen = { host: '127.0.0.1', port };
    await expect(openGateway(await gatherDeps(context), { listen, token: 'x' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('another program') as string,
    });
  });
});

describe('how it is', () => {
  it('tells the verdict on the server, and that it is ready', async () => {
    const { send, sandbox } = await openTestGateway();
    const health = await send('GET', '/health');
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({
      status: 'healthy',
      host: sandbox.url,
      version: '0.24.0-sandbox',
      models: 2,
      running: 0,
      checks: [{ name: 'server', status: 'pass' }, {}, {}],
    });
    const ready = await send('GET', '/ready');
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true }]);
  });

  it('asks the server no more often than it may', async () => {
    const { send, sandbox } = await openTestGateway();
    for (let time = 0; time < 5; time++) await send('GET', time % 2 === 0 ? '/ready' : '/health');
    expect(sandbox.requests.filter(({ path }) => path === '/api/version')).toHaveLength(1);
  });

  it('is not ready where no server runs, and says why', async () => {
    const { send } = await openTestGateway({ host: 'http://127.0.0.1:1' });
    const ready = await send('GET', '/ready');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ready: false, error: { code: 'unreachable' } });
    const health = await send('GET', '/health');
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ status: 'unreachable', error: { code: 'unreachable' } });
  });
});

describe('what it measures', () => {
  it('tells it as Prometheus reads it, durations in seconds', async () => {
    const { send } = await openTestGateway();
    measure('ollama.request.duration', 1_500, { model: 'm', host: 'http://h', outcome: 'ok' });
    measure('ollama.tokens.total', 30, { model: 'm', host: 'http://h', outcome: 'ok' });
    measure('ollama.tokens.total', 12, { model: 'm', host: 'http://h', outcome: 'ok' });
    measure('ollama.throughput.tokens_per_second', 42, { model: 'm', host: 'http://h', outcome: 'ok' });
    const response = await send('GET', '/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    const labels = '{model="m",host="http://h",outcome="ok"}';
    expect(text).toContain(`ollama_request_duration_seconds_sum${labels} 1.5\n`);
    expect(text).toContain(`ollama_request_duration_seconds_count${labels} 1\n`);
    expect(text).toContain(`ollama_tokens_total${labels} 42\n`);
    expect(text).toContain(`ollama_throughput_tokens_per_second_sum${labels} 42\n`);
    for (const name of [
      'ollama_tokens_prompt',
      'ollama_tokens_completion',
      'ollama_stream_chunks',
      'ollama_model_check_duration_seconds',
      'ollama_model_pull_duration_seconds',
      'ollama_health_check_duration_seconds',
      'process_open_fds',
    ]) {
      expect(text).toContain(`# TYPE ${name} `);
    }
  });

  it('keeps no more series than it may, whatever models are asked for', async () => {
    const { send } = await openTestGateway();
    for (let at = 0; at < 1_000; at++) {
      measure('ollama.tokens.total', 1, { model: `m${at}`, host: 'h', outcome: 'ok' });
    }
    const text = await (await send('GET', '/metrics')).text();
    expect(text.match(/^ollama_tokens_total\{/gm)?.length).toBe(201);
    expect(text).toContain('ollama_tokens_total{model="other",host="h",outcome="ok"} 800\n');
  });

  it('names a model once something has gone well with it, and no name that a caller made up', async () => {
    const { send } = await openTestGateway();
    for (const outcome of ['model_not_found', 'ok', 'timeout']) {
      measure('ollama.tokens.total', 1, { model: 'm', host: 'h', outcome });
    }
    measure('ollama.tokens.total', 1, { host: 'h', outcome: 'unreachable' });
    const text = await (await send('GET', '/metrics')).text();
    const series = [...text.matchAll(/^ollama_tokens_total\{model="(.*?)",host="h",outcome="(.*?)"\}/gm)];
    expect(series.map(([, model, outcome]) => [outcome, model]).sort()).toEqual([
      ['model_not_found', 'other'],
      ['ok', 'm'],
      ['timeout', 'm'],
      ['unreachable', ''],
    ]);
  });

  it('listens no longer once it has ended', async () => {
    const { isMeasured } = await import('../../src/core/metrics.js');
    const gateway = await openTestGateway();
    expect(isMeasured()).toBe(true);
    await gateway.close();
    expect(isMeasured()).toBe(false);
  });
});

describe('what is kept out of reach', () => {
  it('writes nothing of its own into an answer that has begun', async () => {
    const { port } = await openTestGateway({ sandbox: { tokensPerSecond: 60 } });
    const body = JSON.stringify({ message: 'hello', model: 'gemma3:1b', stream: true });
    const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`];
    const raw = await openRaw(port, request('POST /api/chat', headers, body));
    await until(raw.received, (text) => text.includes('"token"'));
    raw.send('no HTTP at all\r\n\r\n');
    await raw.closed;
    expect(statusesOf(raw.received())).toEqual([200]);
  });

  it('does not look at what stands behind a request that it refuses', async () => {
    const { port, sandbox } = await openTestGateway();
    const remove = request('DELETE /api/providers/ollama/models/gemma3:1b');
    const answers = await exchange(port, remove.replace('127.0.0.1', 'rebound.example') + remove);
    expect(statusesOf(answers)).toEqual([403]);
    expect(sandbox.requests.some(({ method }) => method === 'DELETE')).toBe(false);
  });

  it('answers each of several requests on one connection, and none that hides in a body', async () => {
    const { port, sandbox } = await openTestGateway();
    const hidden = request('DELETE /api/providers/ollama/models/gemma3:1b');
    const body = JSON.stringify({ not: 'a question', '\r\n\r\n': hidden });
    const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`];
    const answers = await exchange(
      port,
      request('POST /api/chat', headers, body) + request('GET /ready', ['Connection: close']),
    );
    expect(statusesOf(answers)).toEqual([400, 200]);
    expect(sandbox.requests.some(({ method }) => method === 'DELETE')).toBe(false);
  });
});
