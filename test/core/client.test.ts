import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chatRequest, startConversation, withMessage, type ChatEvent } from '../../src/core/chat.js';
import { OllamaClient, type ClientOptions } from '../../src/core/client.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import { pullTotals } from '../../src/core/pull-totals.js';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve, type FaultServer, type Handler, type Script } from '../support/fault-server.js';

const MODEL = 'llama3.2:1b';
const QUICK: ClientOptions = { env: {}, retry: { attempts: 3, delay: 1, max_delay: 5 } };

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const got: Item[] = [];
  for await (const item of items) got.push(item);
  return got;
}

const typesOf = (events: readonly { type: string }[]): string[] =>
  events.map(({ type }) => type).filter((type, index, types) => type !== types[index - 1]);
const textOf = (events: readonly ChatEvent[]): string =>
  events.map((event) => (event.type === 'token' ? event.text : '')).join('');
const ask = (content: string, model = MODEL) =>
  chatRequest(withMessage(startConversation(model), { role: 'user', content }));

describe('against the embedded server', () => {
  let sandbox: Sandbox;
  let client: OllamaClient;
  const fault = (...faults: string[]): void => sandbox.setFaults(faults.map(parseFault));

  beforeAll(async () => {
    sandbox = await startSandbox({
      installed: [MODEL, 'nomic-embed-text'],
      tokensPerSecond: Infinity,
      loadMs: 1,
      scale: 0.001,
    });
  });
  beforeEach(() => {
    client = new OllamaClient(sandbox.url, QUICK);
  });
  afterEach(() => fault());
  afterAll(() => sandbox.close());

  test('tells what it is and what it has', async () => {
    expect(await client.version()).toBe('0.24.0-sandbox');
    expect(await client.fetchModels()).toEqual(expect.arrayContaining([MODEL, 'nomic-embed-text:latest']));
    const [first] = await client.list();
    expect(first).toMatchObject({
      size: expect.any(Number),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect((await client.show(MODEL)).details.family).toBe('llama');
    expect(await client.health()).toMatchObject({ status: 'healthy', version: '0.24.0-sandbox' });
  });

  test('answers, and has the model loaded then', async () => {
    const events = await all(client.chat(ask('Hello')));
    expect(textOf(events)).not.toBe('');
    expect(typesOf(events)).toEqual(['token', 'done']);
    expect((await client.running()).map((model) => model.name)).toContain(MODEL);
  });

  test('gives the same answer in batches as event by event, and as a completion', async () => {
    const events = await all(client.chat(ask('Hello')));
    const batches = await all(client.chatBatches(ask('Hello')));
    expect(textOf(batches.flat())).toBe(textOf(events));
    expect(batches.every((batch) => batch.length > 0)).toBe(true);
    expect((await all(client.generate({ model: MODEL, prompt: 'Hello' }))).at(-1)).toMatchObject({
      type: 'done',
    });
  });

  test('pulls, copies, finds, and deletes', async () => {
    const events = await all(client.pullModelStream('smollm2:135m'));
    expect(events.at(-1)).toEqual({ type: 'Success' });
    const state = events.reduce(
      (before, event) => reducePull(before, event, 0),
      startPull('smollm2:135m', 0),
    );
    expect(state).toMatchObject({ phase: 'success' });
    expect(pullTotals(state, 0).completed).toBe(pullTotals(state, 0).total);
    await client.copy('smollm2:135m', 'mine');
    expect(await client.fetchModels()).toEqual(expect.arrayContaining(['smollm2:135m', 'mine:latest']));
    await client.delete('mine');
    expect(await client.fetchModels()).not.toContain('mine:latest');
    await expect(client.delete('mine')).rejects.toMatchObject({ code: 'model_not_found', model: 'mine' });
  });

  test('creates, and pushes what was created', async () => {
    const lines = await all(client.create({ model: 'acme/mine', from: MODEL, system: 'Be brief.' }));
    expect(lines.at(-1)).toEqual({ status: 'success' });
    expect((await client.show('acme/mine')).system).toBe('Be brief.');
    expect((await all(client.push('acme/mine', { insecure: true }))).at(-1)).toEqual({ status: 'success' });
  });

  test('takes blobs and checks them', async () => {
    const content = Buffer.from('the bytes of a file');
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    expect(await client.hasBlob(digest)).toBe(false);
    await client.createBlob(digest, Readable.from([content.subarray(0, 5), content.subarray(5)]));
    expect(await client.hasBlob(digest)).toBe(true);
    await expect(
      client.createBlob(`sha256:${'0'.repeat(64)}`, Readable.from([content])),
    ).rejects.toMatchObject({
      code: 'digest_mismatch',
    });
  });

  test('embeds one text or several', async () => {
    const one = await client.embed({ model: 'nomic-embed-text', input: 'a' });
    const two = await client.embed({ model: 'nomic-embed-text', input: ['a', 'b'] });
    expect([one.embeddings.length, two.embeddings.length]).toEqual([1, 2]);
    expect(two.embeddings[0]).toEqual(one.embeddings[0]);
  });

  test.each([
    ['show', () => client.show('absent')],
    ['copy', () => client.copy('absent', 'x')],
    ['delete', () => client.delete('absent')],
    ['embed', () => client.embed({ model: 'absent', input: 'a' })],
  ])('%s of a model that is absent says so', async (_name, call) => {
    await expect(call()).rejects.toMatchObject({
      code: 'model_not_found',
      model: 'absent',
      host: sandbox.url,
      status: 404,
    });
  });

  test('a chat with a model that is absent ends with that error', async () => {
    expect(await all(client.chat(ask('Hi', 'absent')))).toMatchObject([
      { type: 'error', error: { code: 'model_not_found' } },
    ]);
  });

  test.each([
    ['error-line', 'server_error'],
    ['no-done', 'stream_cut'],
    ['cut', 'stream_cut'],
    ['html', 'protocol'],
    ['html-200', 'protocol'],
    ['500', 'server_error'],
    ['401', 'unauthorized'],
  ])('a chat that meets %s ends with %s, what came before it kept', async (name, code) => {
    fault(name);
    const events = await all(client.chat(ask('Tell me a long story about the sea.')));
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code } });
    expect(events.filter((event) => event.type === 'error' || event.type === 'done')).toHaveLength(1);
    if (['error-line', 'no-done', 'cut'].includes(name)) expect(textOf(events)).not.toBe('');
  });

  test("a proxy's page is no word of a server that something was done", async () => {
    fault('html-200');
    const page = { code: 'protocol', reason: 'html' };
    await expect(client.delete('gemma3:1b')).rejects.toMatchObject(page);
    await expect(client.copy('gemma3:1b', 'mine')).rejects.toMatchObject(page);
  });

  test('lines and characters in pieces change nothing', async () => {
    const whole = textOf(await all(client.chat(ask('Say something with émojis.'))));
    fault('half-lines');
    expect(textOf(await all(client.chat(ask('Say something with émojis.'))))).toBe(whole);
  });

  test.each([
    ['corrupt', 'digest_mismatch'],
    ['offline', 'registry_unreachable'],
    ['max-retries', 'registry_unreachable'],
    ['no-space', 'no_space'],
    ['error-line', 'registry_unreachable'],
    ['401', 'unauthorized'],
    ['412', 'server_error'],
    ['html', 'protocol'],
  ])('a pull that meets %s ends with %s', async (name, code) => {
    fault(name);
    const events = await all(client.pullModelStream('qwen3:0.6b'));
    expect(events.at(-1)).toMatchObject({ type: 'Error', error: { code } });
    expect(events.filter((event) => event.type === 'Success')).toEqual([]);
  });

  test('a pull of a model that no registry has is not found', async () => {
    expect((await all(client.pullModelStream('no-such-model'))).at(-1)).toMatchObject({
      error: { code: 'model_not_found' },
    });
  });

  test.each(['cut:times=1', 'no-done:times=1', '503:times=1'])(
    'a pull that meets %s goes on and succeeds',
    async (name) => {
      fault(name);
      const events = await all(client.pullModelStream('gemma3:1b'));
      expect(events.at(-1)).toEqual({ type: 'Success' });
      if (!name.startsWith('503')) {
        expect(events.filter((event) => event.type === 'Retry')).toMatchObject([
          { attempt: 2, delayMs: expect.any(Number) },
        ]);
      }
      await client.delete('gemma3:1b');
    },
  );

  test('a pull that is cut each time says so when its tries are spent', async () => {
    fault('cut');
    const events = await all(client.pullModelStream('gemma3:4b'));
    expect(
      events
        .filter((event) => event.type === 'Retry')
        .map((event) => event.type === 'Retry' && event.attempt),
    ).toEqual([2, 3, 4]);
    expect(events.at(-1)).toMatchObject({ type: 'Error', error: { code: 'stream_cut', model: 'gemma3:4b' } });
  });

  test('progress that falls back keeps its mark', async () => {
    fault('rolled-back');
    let state = startPull('m', 0);
    let highest = 0;
    for await (const event of client.pullModelStream('qwen3:0.6b')) {
      state = reducePull(state, event, 0);
      const { completed } = pullTotals(state, 0);
      expect(completed).toBeGreaterThanOrEqual(highest);
      highest = completed;
    }
    expect(state.phase).toBe('success');
  });
});

describe('against a server that fails', () => {
  let server: FaultServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  async function clientOf(answer: Script | Handler, options: ClientOptions = {}): Promise<OllamaClient> {
    server = await serve(answer);
    return new OllamaClient(server.url, { ...QUICK, ...options });
  }
  const pull = (client: OllamaClient, signal?: AbortSignal): Promise<OllamaPullEvent[]> =>
    all(client.pullModelStream('m', { signal }));

  test('a pull sends `model`, `name` for early servers, asks for a stream, and says `insecure` only if it is', async () => {
    const client = await clientOf({ body: ['{"status":"success"}\n'] });
    await pull(client);
    await all(client.pullModelStream('m', { insecure: true }));
    expect(server?.requests.map((request) => JSON.parse(request.body))).toEqual([
      { model: 'm', name: 'm', stream: true },
      { model: 'm', name: 'm', stream: true, insecure: true },
    ]);
  });

  test('a pull is over with its success, whatever the server says afterwards', async () => {
    const client = await clientOf({ body: ['{"status":"success"}\n{"error":"late"}\n'], then: 'stall' });
    expect((await pull(client)).map((event) => event.type)).toEqual(['Status', 'Success']);
  });

  test('a pull that nobody answers is unreachable, at once and without a retry', async () => {
    const client = new OllamaClient(`127.0.0.1:${await closedPort()}`, QUICK);
    expect(await pull(client)).toMatchObject([{ type: 'Error', error: { code: 'unreachable' } }]);
  });

  test('a server that is gone after it broke off is a cut pull', async () => {
    const client = await clientOf((_seen, response) => {
      response.write('{"status":"pulling manifest"}\n', () => {
        response.socket?.resetAndDestroy();
        void server?.close();
      });
      return undefined;
    });
    expect((await pull(client)).at(-1)).toMatchObject({ type: 'Error', error: { code: 'stream_cut' } });
  });

  test('silence has an end only where it was given one', async () => {
    const client = await clientOf(
      { body: ['{"status":"pulling manifest"}\n'], then: 'stall' },
      { timeouts: { silence: 100 } },
    );
    expect((await pull(client)).at(-1)).toMatchObject({ type: 'Error', error: { code: 'stalled' } });
    expect(await all(client.chat(ask('Hi')))).toMatchObject([{ type: 'error', error: { code: 'timeout' } }]);
    await expect(all(client.create({ model: 'm' }))).rejects.toMatchObject({ code: 'stalled' });
    const patient = new OllamaClient(client.host, QUICK);
    const stream = patient.pullModelStream('m');
    await stream.next();
    expect(await Promise.race([stream.next(), sleep(300, 'silent')])).toBe('silent');
    await server?.close();
  });

  test('silence is reported after ten seconds, with the layer it concerns', async () => {
    const client = await clientOf({
      body: ['{"status":"pulling a","digest":"sha256:a","total":9,"completed":1}\n'],
      then: 'stall',
    });
    for await (const event of client.pullModelStream('m')) {
      if (event.type !== 'Stall') continue;
      expect(event).toEqual({ type: 'Stall', silentMs: 10_000, digest: 'sha256:a' });
      break;
    }
    expect(await server?.requests[0]?.finished).toBe(false);
  });

  test('the whole of a pull has an end where it was given one', async () => {
    const line = '{"status":"pulling a","digest":"sha256:a","total":9,"completed":1}\n';
    const body = Array.from({ length: 100 }, () => [line, { wait: 20 }]).flat();
    const client = await clientOf({ body }, { timeouts: { pull: 200 } });
    expect((await pull(client)).at(-1)).toMatchObject({
      type: 'Error',
      error: { code: 'timeout', message: expect.stringContaining('0.2 s') },
    });
  });

  test('an abort ends a pull and a chat as interrupted, and hangs up', async () => {
    const client = await clientOf({ body: ['{"status":"pulling manifest"}\n'], then: 'stall' });
    for (const start of [
      (signal: AbortSignal) => pull(client, signal),
      (signal: AbortSignal) => all(client.chat(ask('x'), { signal })),
    ]) {
      const controller = new AbortController();
      const before = server?.requests.length;
      const events = start(controller.signal);
      await expect.poll(() => server?.requests.length, { timeout: 10_000 }).not.toBe(before);
      controller.abort();
      expect((await events).at(-1)).toMatchObject({ error: { code: 'interrupted' } });
      expect(await server?.requests.at(-1)?.finished).toBe(false);
    }
  });

  test('an abort between two tries of a pull ends it', async () => {
    const client = await clientOf({ body: [] }, { retry: { attempts: 3, delay: 60_000, max_delay: 60_000 } });
    const controller = new AbortController();
    const events: OllamaPullEvent[] = [];
    for await (const event of client.pullModelStream('m', { signal: controller.signal })) {
      events.push(event);
      if (event.type === 'Retry') controller.abort();
    }
    expect(events.at(-1)).toMatchObject({ type: 'Error', error: { code: 'interrupted' } });
  });

  test('leaving the loop hangs up', async () => {
    const client = await clientOf({ body: ['{"message":{"content":"a"}}\n'], then: 'stall' });
    for await (const event of client.chat(ask('x'))) {
      expect(event).toEqual({ type: 'token', text: 'a' });
      break;
    }
    expect(await server?.requests[0]?.finished).toBe(false);
  });

  test('a line that is no object ends an answer after what came before it', async () => {
    const client = await clientOf({ body: ['{"message":{"content":"a"}}\n"b"\n'] });
    expect(await all(client.chat(ask('x')))).toMatchObject([
      { type: 'token', text: 'a' },
      { type: 'error', error: { code: 'protocol' } },
    ]);
  });

  test('push and create throw the error of a line, typed, and a missing end', async () => {
    const refused = await clientOf((seen) =>
      seen.url === '/api/push'
        ? { body: ['{"status":"pushing"}\n{"error":"unauthorized: access denied"}\n'] }
        : { body: ['{"status":"parsing GGUF"}\n'] },
    );
    await expect(all(refused.push('m'))).rejects.toMatchObject({ code: 'unauthorized', model: 'm' });
    await expect(all(refused.create({ model: 'm' }))).rejects.toMatchObject({ code: 'stream_cut' });
  });

  test('what changes nothing is asked again after a 503, what changes something is not', async () => {
    const client = await clientOf({
      status: 503,
      headers: { 'content-type': 'application/json' },
      body: ['{"error":"server busy"}'],
    });
    await expect(client.version()).rejects.toMatchObject({ status: 503 });
    expect(server?.requests).toHaveLength(3);
    await expect(client.delete('m')).rejects.toMatchObject({ status: 503 });
    await expect(client.copy('a', 'b')).rejects.toMatchObject({ status: 503 });
    expect((await all(client.chat(ask('x')))).at(-1)).toMatchObject({
      type: 'error',
      error: { status: 503 },
    });
    expect(server?.requests).toHaveLength(6);
  });
});

describe('the health of a server', () => {
  let server: FaultServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  const json = (value: unknown): Script => ({
    headers: { 'content-type': 'application/json' },
    body: [JSON.stringify(value)],
  });
  const gone: Script = {
    status: 404,
    headers: { 'content-type': 'text/plain' },
    body: ['404 page not found'],
  };
  async function healthOf(answers: Readonly<Record<string, Script>>) {
    server = await serve((seen) => answers[seen.url] ?? gone);
    return await new OllamaClient(server.url, QUICK).health();
  }
  const version = json({ version: '0.24.0' });
  const tags = json({ models: [{ name: 'm', size: 100 }] });
  const ps = json({ models: [] });

  test.each([
    [
      'all answers',
      { '/api/version': version, '/api/tags': tags, '/api/ps': ps },
      'healthy',
      ['pass', 'pass', 'pass'],
    ],
    [
      'nothing is installed',
      { '/api/version': version, '/api/tags': json({ models: [] }), '/api/ps': ps },
      'healthy',
      ['pass', 'pass', 'warn'],
    ],
    ['it is older than its version', { '/api/tags': tags }, 'healthy', ['pass', 'warn', 'pass']],
    [
      'its list fails',
      { '/api/version': version, '/api/tags': { status: 500 }, '/api/ps': ps },
      'degraded',
      ['pass', 'pass', 'fail'],
    ],
    ['it knows nothing', {}, 'degraded', ['fail']],
    [
      'it is a page',
      { '/api/version': { headers: { 'content-type': 'text/html' }, body: ['<title>x</title>'] } },
      'degraded',
      ['fail'],
    ],
    ['it wants a login', { '/api/version': { status: 401 } }, 'degraded', ['fail']],
    [
      'a model does not fit its GPU',
      {
        '/api/version': version,
        '/api/tags': tags,
        '/api/ps': json({ models: [{ name: 'm', size: 100, size_vram: 40 }] }),
      },
      'healthy',
      ['pass', 'pass', 'pass', 'warn'],
    ],
  ] satisfies [string, Record<string, Script>, string, string[]][])(
    'where %s',
    async (_name, answers, status, checks) => {
      const report = await healthOf(answers);
      expect(report.status).toBe(status);
      expect(report.checks.map((check) => check.status)).toEqual(checks);
    },
  );

  test.each([
    ['a good verdict for its interval', 200, 29_999, 30_000],
    ['a bad one for two seconds', 401, 1_999, 2_000],
  ])('is kept: %s', async (_, status, still, over) => {
    let now = 0;
    const bodies: Readonly<Record<string, Script>> = {
      '/api/version': version,
      '/api/tags': tags,
      '/api/ps': ps,
    };
    server = await serve(({ url }) => ({ ...bodies[url], status }));
    const client = new OllamaClient(server.url, { ...QUICK, now: () => now });
    const asked = async (): Promise<number | undefined> => {
      await client.health();
      return server?.requests.filter(({ url }) => url === '/api/version').length;
    };
    expect(await asked()).toBe(1);
    now = still;
    expect(await asked()).toBe(1);
    now = over;
    expect(await asked()).toBe(2);
  });

  test('of a bad verdict is not kept beyond an interval that is shorter', async () => {
    let now = 0;
    server = await serve(() => ({ status: 401 }));
    const client = new OllamaClient(server.url, { ...QUICK, healthCheckInterval: 500, now: () => now });
    await client.health();
    now = 500;
    await client.health();
    expect(server.requests).toHaveLength(2);
  });

  test('where nobody listens is unreachable, with the reason', async () => {
    const client = new OllamaClient(`127.0.0.1:${await closedPort()}`, QUICK);
    expect(await client.health()).toMatchObject({
      status: 'unreachable',
      error: { code: 'unreachable' },
      checks: [{ name: 'server', status: 'fail', detail: expect.stringContaining('refused') }],
    });
  });
});
