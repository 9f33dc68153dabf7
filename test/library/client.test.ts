import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  CliPullProgressReporter,
  OllamaClient,
  OllamaError,
  TuiPullProgressReporter,
  baseUrlToHostRoot,
  isOllamaError,
  isOpenAiCompatibleBaseUrl,
  pullEventsFromValue,
  type OllamaPullEvent,
  type PullProgressReporter,
} from '../../src/index.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve, type FaultServer, type Handler, type Script } from '../support/fault-server.js';

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
async function start(answer: Script | Handler): Promise<FaultServer> {
  server = await serve(answer);
  return server;
}
const json = (body: unknown): Script => ({
  headers: { 'content-type': 'application/json' },
  body: [JSON.stringify(body)],
});
const env = {};

describe('OllamaClient.tryFromBaseUrl', () => {
  test('connects where a server answers', async () => {
    const { url } = await start(json({ models: [] }));
    const client = await OllamaClient.tryFromBaseUrl(url, { env });
    expect(client).toBeInstanceOf(OllamaClient);
    expect(client.host.url).toBe(url);
  });

  test('asks an OpenAI-compatible base for its own list, below its prefix', async () => {
    const { url, requests } = await start(json({ data: [] }));
    await OllamaClient.tryFromBaseUrl(`${url}/pre/v1`, { env });
    expect(requests.map((request) => request.url)).toEqual(['/pre/v1/models']);
  });

  test.each([
    ['a page', { headers: { 'content-type': 'text/html' }, body: ['<title>x</title>'] }],
    ['another program’s JSON', json({ hello: 'world' })],
    ['a refusal', { status: 401 }],
  ] satisfies [string, Script][])('fails where %s answers', async (_name, script) => {
    const { url } = await start(script);
    await expect(OllamaClient.tryFromBaseUrl(url, { env })).rejects.toThrow(
      `No running Ollama server detected at ${url}`,
    );
  });

  test('fails where nobody listens, saying how to start one and where to get it', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const failing = OllamaClient.tryFromBaseUrl(url, { env });
    await expect(failing).rejects.toMatchObject({
      code: 'unreachable',
      host: url,
      cause: { code: 'unreachable' },
    });
    await expect(failing).rejects.toThrow(
      /^No running Ollama server detected at .*refused.*ollama serve.*https:\/\/ollama\.com\/download/,
    );
  });

  test('fails within five seconds where a server takes the connection and says nothing', async () => {
    const sockets = new Set<{ destroy(): void }>();
    const mute = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const before = performance.now();
    const failing = OllamaClient.tryFromBaseUrl(`127.0.0.1:${(mute.address() as AddressInfo).port}`, { env });
    await expect(failing).rejects.toThrow(/No running Ollama server detected .* gave no answer in time/);
    expect(performance.now() - before).toBeLessThan(10_000);
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  test('fails at once for what is no address', async () => {
    await expect(OllamaClient.tryFromBaseUrl('ftp://h', { env })).rejects.toMatchObject({ code: 'usage' });
  });
});

test('without an address, OLLAMA_HOST counts, then the default', () => {
  expect(new OllamaClient(undefined, { env: { OLLAMA_HOST: 'box:1' } }).host.url).toBe('http://box:1');
  expect(new OllamaClient('other', { env: { OLLAMA_HOST: 'box:1' } }).host.hostname).toBe('other');
  expect(new OllamaClient(undefined, { env }).host.url).toBe('http://127.0.0.1:11434');
});

describe('what is kept', () => {
  const listing = async (): Promise<FaultServer> =>
    await start((seen) =>
      json(seen.url === '/api/version' ? { version: '0.24.0' } : { models: [{ name: 'm:latest' }] }),
    );

  test('a list for its time; `force` and what changes it ask anew', async () => {
    const { url, requests } = await listing();
    let now = 0;
    const client = new OllamaClient(url, { env, now: () => now, modelCacheTtl: 1_000 });
    const asked = (): number => requests.filter((request) => request.url === '/api/tags').length;
    expect(await client.fetchModels()).toEqual(['m:latest']);
    now = 999;
    await client.list();
    expect(asked()).toBe(1);
    now = 1_000;
    await client.fetchModels();
    expect(asked()).toBe(2);
    await client.fetchModels({ force: true });
    expect(asked()).toBe(3);
    await client.delete('m');
    await client.list();
    expect(asked()).toBe(4);
    client.clearCache();
    await client.list();
    expect(asked()).toBe(5);
  });

  test('for a minute and half a minute where nothing else is said', async () => {
    const { url, requests } = await listing();
    let now = 0;
    const client = new OllamaClient(url, { env, now: () => now });
    await client.health();
    await client.list();
    const before = requests.length;
    now = 29_999;
    await client.health();
    await client.list();
    expect(requests.length).toBe(before);
    now = 30_000;
    await client.health();
    expect(requests.filter((request) => request.url === '/api/version')).toHaveLength(2);
    now = 89_999;
    await client.list();
    expect(requests.filter((request) => request.url === '/api/tags')).toHaveLength(2);
    now = 90_000;
    await client.list();
    expect(requests.filter((request) => request.url === '/api/tags')).toHaveLength(3);
    await client.health({ force: true });
    expect(requests.filter((request) => request.url === '/api/version')).toHaveLength(3);
  });

  test('callers at one time share one request; the signal of one ends only its own waiting', async () => {
    const { url, requests } = await start(async () => {
      await sleep(50);
      return json({ models: [{ name: 'm' }] });
    });
    const client = new OllamaClient(url, { env });
    const left = expect(client.list({ signal: AbortSignal.timeout(5) })).rejects.toMatchObject({
      code: 'timeout',
    });
    const [first, second] = await Promise.all([client.list(), client.fetchModels()]);
    await left;
    expect([first.length, second]).toEqual([1, ['m']]);
    expect(requests).toHaveLength(1);
    await expect(client.list({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'interrupted' });
    client.clearCache();
    await expect(client.list({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'interrupted' });
    expect(requests).toHaveLength(1);
  });
});

describe('pullWithReporter', () => {
  const pulling: Script = {
    body: [
      '{"status":"pulling manifest"}\n',
      { wait: 30 },
      '{"status":"pulling a","digest":"sha256:a","total":9,"completed":1}\n',
    ],
    then: 'stall',
  };

  test('tells each event in order, waiting for a reporter that takes its time', async () => {
    const { url } = await start({ body: ['{"status":"pulling manifest"}\n{"status":"success"}\n'] });
    const seen: string[] = [];
    await new OllamaClient(url, { env }).pullWithReporter('m', {
      onEvent: async (event) => {
        await sleep(5);
        seen.push(event.type);
      },
    });
    expect(seen).toEqual(['Status', 'Status', 'Success']);
  });

  test.each([
    [
      'throws',
      (): void => {
        throw new Error('display gone');
      },
    ],
    ['rejects', async (): Promise<void> => await Promise.reject(new Error('display gone'))],
  ])('a reporter that %s stops the pull with its error and hangs up', async (_how, fail) => {
    const { url, requests } = await start(pulling);
    const reporter: PullProgressReporter = {
      onEvent: (event) => (event.type === 'ChunkProgress' ? fail() : undefined),
    };
    await expect(new OllamaClient(url, { env }).pullWithReporter('m', reporter)).rejects.toThrow(
      'display gone',
    );
    expect(await requests[0]?.finished).toBe(false);
  });

  test('throws what the pull failed with, once the reporter has been told', async () => {
    const { url } = await start({ body: ['{"error":"pull model manifest: file does not exist"}\n'] });
    const seen: OllamaPullEvent[] = [];
    const reporter = { onEvent: (event: OllamaPullEvent) => void seen.push(event) };
    await expect(new OllamaClient(url, { env }).pullWithReporter('m', reporter)).rejects.toBeInstanceOf(
      OllamaError,
    );
    expect(seen).toMatchObject([{ type: 'Error', error: { code: 'model_not_found' } }]);
  });
});

describe('the reporters', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox({ installed: [], scale: 0.001 });
  });
  afterAll(() => sandbox.close());

  test.each([
    ['CliPullProgressReporter', CliPullProgressReporter],
    ['TuiPullProgressReporter', TuiPullProgressReporter],
  ])('%s writes plain lines to a pipe, and nothing but text', async (_name, Reporter) => {
    const stream = new PassThrough();
    const client = new OllamaClient(sandbox.url, { env });
    await client.pullWithReporter('smollm2:135m', new Reporter({ stream, model: 'smollm2:135m' }));
    const written = String(stream.read());
    expect(written).toContain('smollm2:135m');
    expect(written.trimEnd().split('\n').length).toBeGreaterThan(1);
    expect(written).not.toMatch(/[^\P{Cc}\n]/u);
    await client.delete('smollm2:135m');
  });
});

test('the small functions are there under their names', () => {
  expect(pullEventsFromValue({ status: 'success' })).toEqual([
    { type: 'Status', status: 'success' },
    { type: 'Success' },
  ]);
  expect(isOpenAiCompatibleBaseUrl('http://h/v1')).toBe(true);
  expect(baseUrlToHostRoot('http://h/v1/')).toBe('http://h');
  expect(isOllamaError(new OllamaError('usage', 'x'))).toBe(true);
  expect(isOllamaError(new Error('x'))).toBe(false);
});
