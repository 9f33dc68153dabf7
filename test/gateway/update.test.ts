import { describe, expect, it } from 'vitest';
import { openTestGateway, type TestGateway } from './open.js';
import { until } from './raw-socket.js';
import { readEvents } from './read-stream.js';

const UPDATE = '/api/providers/ollama/models/update';
const ENV = { OLLAMA_CLI_RETRY__ATTEMPTS: '1' };

const pulled = ({ sandbox }: TestGateway): unknown[] =>
  sandbox.requests
    .filter(({ path }) => path === '/api/pull')
    .map(({ body }) => (body as { model: string }).model);

describe('an update', () => {
  it('pulls nothing where nothing is outdated, with a body, an empty one and none', async () => {
    const gateway = await openTestGateway({ env: ENV });
    for (const body of [undefined, '', {}, { models: [] }]) {
      const response = await gateway.send('POST', UPDATE, body);
      expect([response.status, await response.json()]).toMatchObject([
        200,
        {
          success: true,
          message: 'No model is outdated',
          models: [{ status: 'current' }, { status: 'current' }],
          status_log: [],
        },
      ]);
    }
    expect(pulled(gateway)).toEqual([]);
  });

  it('pulls the outdated ones, and tells of each', async () => {
    const gateway = await openTestGateway({ env: ENV });
    gateway.fault('newer');
    const response = await gateway.send('POST', UPDATE);
    expect(response.status).toBe(200);
    const body = (await response.json()) as { status_log: object[] };
    expect(body).toMatchObject({
      success: true,
      message: '2 of 2 models updated',
      models: [{ status: 'updated' }, { status: 'updated' }],
    });
    expect(pulled(gateway).toSorted()).toEqual(['gemma3:1b', 'qwen3:8b']);
    expect(body.status_log).toContainEqual({ model: 'gemma3:1b', status: 'success' });
    expect(body.status_log).toContainEqual({ model: 'qwen3:8b', status: 'success' });
  });

  it('pulls those alone that are named', async () => {
    const gateway = await openTestGateway({ env: ENV });
    gateway.fault('newer');
    const response = await gateway.send('POST', UPDATE, { models: ['library/gemma3:1b'] });
    expect(await response.json()).toMatchObject({ models: [{ model: 'gemma3:1b', status: 'updated' }] });
    expect(pulled(gateway)).toEqual(['gemma3:1b']);
  });

  it.each([
    [{ models: ['nothing:1b'] }, 404, 'model_not_found'],
    [{ models: ['a b'] }, 400, 'invalid_name'],
    [{ models: [''] }, 400, 'usage'],
    [{ models: 'gemma3:1b' }, 400, 'usage'],
    [{ model: 'gemma3:1b' }, 400, 'usage'],
  ])('of %j is %i', async (body, status, code) => {
    const gateway = await openTestGateway({ env: ENV });
    gateway.fault('newer');
    const response = await gateway.send('POST', UPDATE, body);
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }]);
    expect(pulled(gateway)).toEqual([]);
  });

  it('that pulls no further than the first failure tells of all', async () => {
    const gateway = await openTestGateway({ env: ENV });
    gateway.fault('newer', 'no-space:times=1');
    const response = await gateway.send('POST', UPDATE, undefined, { accept: 'application/x-ndjson' });
    const events = await readEvents(response);
    expect(events.map(({ type }) => type).filter((type) => type !== 'status' && type !== 'progress')).toEqual(
      ['start', 'plan', 'model_result', 'model_result', 'error'],
    );
    const results = events.filter(({ type }) => type === 'model_result');
    expect(results).toMatchObject([{ status: 'failed', error: { code: 'no_space' } }, { status: 'updated' }]);
    expect(events.at(-1)).toMatchObject({
      status: 500,
      error: { code: 'partial', message: expect.stringContaining('1 of 2 outdated models') },
    });
  });

  it('leaves alone what is not allowed', async () => {
    const gateway = await openTestGateway({ env: { ...ENV, OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' } });
    gateway.fault('newer');
    const response = await gateway.send('POST', UPDATE);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('gemma3:1b') } });
    expect(pulled(gateway)).toEqual(['qwen3:8b']);
  });

  it('goes on by itself where that is asked for, and its pulls end with it', async () => {
    const gateway = await openTestGateway({ env: ENV, sandbox: { rate: 20_000 } });
    gateway.fault('newer');
    const response = await gateway.send('POST', UPDATE, undefined, { prefer: 'respond-async' });
    expect(response.status).toBe(202);
    const { job } = (await response.json()) as { job: { id: string; kind: string } };
    expect(job.kind).toBe('update');
    await until(
      () => pulled(gateway).length,
      (count) => count === 1,
    );
    await (await gateway.send('DELETE', `/api/jobs/${job.id}`)).text();
    const { jobs } = (await (await gateway.send('GET', '/api/jobs')).json()) as {
      jobs: { kind: string; status: string }[];
    };
    await until(
      async () => await (await gateway.send('GET', '/api/jobs')).text(),
      (text) => !text.includes('"running"'),
    );
    expect(jobs.map(({ kind }) => kind)).toEqual(['pull', 'update']);
  });
});
