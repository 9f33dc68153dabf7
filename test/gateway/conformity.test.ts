import { expect, it } from 'vitest';
import { closedPort } from '../support/fault-server.js';
import { readDocumented } from './document.js';
import { openTestGateway, type TestGateway } from './open.js';

const SMALL = { model: 'smollm2:135m' };
const HELLO = { message: 'hello', model: 'gemma3:1b' };
const STREAMS = [{ accept: 'text/event-stream' }, { accept: 'application/x-ndjson' }];
const ASYNC = { prefer: 'respond-async' };
const ONCE = { OLLAMA_CLI_RETRY__ATTEMPTS: '1' };

interface Asked {
  readonly operation: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
}

const model = (name: string): Pick<Asked, 'parameters'> => ({ parameters: { name } });

const ALL_WELL: readonly Asked[] = [
  ...['listModels', 'listJobs', 'listProviders', 'getHealth', 'getReady', 'getMetrics', 'getOpenapi'].map(
    (operation) => ({ operation, status: 200 }),
  ),
  { operation: 'showModel', ...model('gemma3:1b'), status: 200 },
  { operation: 'showModel', ...model('nothing:1b'), status: 404 },
  { operation: 'showModel', ...model('a b'), status: 400 },
  { operation: 'showProvider', ...model('ollama'), status: 200 },
  { operation: 'showProvider', ...model('nobody'), status: 404 },
  { operation: 'testProvider', ...model('ollama'), status: 200 },
  { operation: 'testProvider', ...model('nobody'), status: 404 },
  { operation: 'testProvider', ...model('ollama'), body: '{', status: 400 },
  { operation: 'chat', body: HELLO, status: 200 },
  ...STREAMS.map((headers) => ({ operation: 'chat', body: HELLO, headers, status: 200 })),
  { operation: 'chat', body: {}, status: 400 },
  { operation: 'chat', body: { ...HELLO, provider: 'nobody' }, status: 404 },
  { operation: 'chat', body: { message: 'x', model: 'nothing:1b' }, status: 404 },
  { operation: 'chat', body: 'x', headers: { 'content-type': 'text/plain' }, status: 415 },
  { operation: 'pullModel', body: SMALL, status: 200 },
  ...STREAMS.map((headers) => ({ operation: 'pullModel', body: SMALL, headers, status: 200 })),
  { operation: 'pullModel', body: SMALL, headers: ASYNC, status: 202 },
  { operation: 'pullModel', body: { model: '../x' }, status: 400 },
  { operation: 'pullModel', body: { model: 'x'.repeat(1_048_577) }, status: 413 },
  { operation: 'updateModels', status: 200 },
  { operation: 'updateModels', body: null, status: 200 },
  { operation: 'updateModels', body: { models: ['nothing:1b'] }, status: 404 },
  { operation: 'updateModels', headers: ASYNC, status: 202 },
  { operation: 'listJobs', status: 200 },
  { operation: 'showJob', parameters: { id: 'none' }, status: 404 },
  { operation: 'cancelJob', parameters: { id: 'none' }, status: 404 },
  { operation: 'getReady', headers: { authorization: 'Bearer no' }, status: 401 },
  { operation: 'getReady', headers: { origin: 'https://evil.example' }, status: 403 },
  { operation: 'removeModel', ...model('smollm2:135m'), status: 200 },
  { operation: 'removeModel', ...model('smollm2:135m'), status: 404 },
];

const ALL_FAILS = (status: number): readonly Asked[] => [
  { operation: 'listModels', status },
  { operation: 'showModel', ...model('gemma3:1b'), status },
  { operation: 'removeModel', ...model('gemma3:1b'), status },
  { operation: 'chat', body: HELLO, status },
  ...STREAMS.map((headers) => ({ operation: 'chat', body: HELLO, headers, status })),
  { operation: 'pullModel', body: SMALL, status },
  { operation: 'updateModels', status },
  { operation: 'testProvider', ...model('ollama'), status: 200 },
  { operation: 'getHealth', status: 503 },
  { operation: 'getReady', status: 503 },
  { operation: 'listJobs', status: 200 },
];

async function hold(gateway: TestGateway, all: readonly Asked[]): Promise<void> {
  const { routes, check } = await readDocumented(gateway);
  for (const { operation, parameters = {}, body, headers, status } of all) {
    const route = routes.find((one) => one.operation.operationId === operation);
    if (!route) throw new Error(`the document has no ${operation}`);
    const path = route.path.replace(/\{(\w+)\}/g, (_all, name: string) =>
      encodeURIComponent(parameters[name] ?? ''),
    );
    const response = await gateway.send(route.method.toUpperCase(), path, body, headers);
    const text = await response.text();
    expect([operation, response.status], text.slice(0, 300)).toEqual([operation, status]);
    check(route, response, text);
  }
}

it('answers as its document says, whatever comes of it', async () => {
  await hold(await openTestGateway({ env: ONCE }), ALL_WELL);
});

it('tells of a job as its document says, while it runs, when it is stopped and when it has failed', async () => {
  const gateway = await openTestGateway({ env: ONCE, sandbox: { rate: 100_000 } });
  const started = await gateway.send('POST', '/api/providers/ollama/pull', SMALL, ASYNC);
  const { job } = (await started.json()) as { job: { id: string } };
  const parameters = { id: job.id };
  await hold(gateway, [
    { operation: 'showJob', parameters, status: 200 },
    { operation: 'cancelJob', parameters, status: 200 },
    { operation: 'showJob', parameters, status: 200 },
  ]);
  gateway.fault('no-space');
  await hold(gateway, [
    { operation: 'pullModel', body: SMALL, status: 500 },
    { operation: 'pullModel', body: SMALL, headers: STREAMS[0] ?? {}, status: 200 },
    { operation: 'listJobs', status: 200 },
  ]);
});

it('fails as its document says, where no server runs', async () => {
  const host = `http://127.0.0.1:${await closedPort()}`;
  await hold(await openTestGateway({ env: ONCE, host }), ALL_FAILS(503));
});

it.each(['500', 'html', 'html-200'])(
  'fails as its document says, where a server answers with %s',
  async (fault) => {
    const gateway = await openTestGateway({ env: ONCE });
    gateway.fault(fault);
    await hold(gateway, ALL_FAILS(500));
  },
);
