import { describe, expect, it } from 'vitest';
import { closedPort, serve } from '../support/fault-server.js';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from './open.js';
import { until } from './raw-socket.js';
import { readEvents, readStream, type StreamEvent } from './read-stream.js';

const PULL = '/api/providers/ollama/pull';
const SSE = { accept: 'text/event-stream' };
const NDJSON = { accept: 'application/x-ndjson' };
const ASYNC = { prefer: 'respond-async' };
const ONCE = { OLLAMA_CLI_RETRY__ATTEMPTS: '1' };

const small = { model: 'smollm2:135m' };

/** A gateway whose pulls take some seconds. */
async function openSlow(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const gateway = await openTestGateway({ ...options, sandbox: { rate: 20_000, ...options.sandbox } });
  return gateway;
}

const pulls = ({ sandbox }: TestGateway): number =>
  sandbox.requests.filter(({ path }) => path === '/api/pull').length;

interface JobBody {
  readonly id: string;
  readonly status: string;
  readonly models: readonly string[];
  readonly progress: { readonly completed: number; readonly total: number };
  readonly status_log?: readonly { readonly status: string }[];
  readonly error?: { readonly code: string };
}

async function jobsOf(gateway: TestGateway): Promise<readonly JobBody[]> {
  const response = await gateway.send('GET', '/api/jobs');
  return ((await response.json()) as { jobs: JobBody[] }).jobs;
}

async function jobOf(gateway: TestGateway, id: string): Promise<JobBody> {
  const response = await gateway.send('GET', `/api/jobs/${id}`);
  return ((await response.json()) as { job: JobBody }).job;
}

const settled = ({ status }: JobBody): boolean => status !== 'running';

describe('a pull', () => {
  it('answers when the model is there, with what the server said', async () => {
    const gateway = await openTestGateway();
    const response = await gateway.send('POST', PULL, small);
    expect(response.status).toBe(200);
    const body = (await response.json()) as { status_log: { status: string; digest?: string }[] };
    expect(body).toEqual({
      success: true,
      message: "Model 'smollm2:135m' pulled successfully",
      model: 'smollm2:135m',
      status_log: expect.any(Array),
    });
    const log = body.status_log;
    expect(log[0]).toEqual({ status: 'pulling manifest' });
    expect(log.at(-1)).toEqual({ status: 'success' });
    const layer = log.find((line) => line.digest !== undefined);
    expect(layer).toMatchObject({
      status: expect.stringMatching(/^pulling /),
      digest: expect.stringMatching(/^sha256:/),
      total: expect.any(Number),
    });
    const list = await gateway.send('GET', '/api/providers/ollama/models');
    expect(await list.text()).toContain('smollm2:135m');
  });

  it.each([
    ['server-sent events', SSE, 'text/event-stream; charset=utf-8'],
    ['NDJSON', NDJSON, 'application/x-ndjson; charset=utf-8'],
  ])('comes as %s where that is asked for', async (_name, headers, type) => {
    const gateway = await openTestGateway({ sandbox: { rate: 300_000 } });
    const response = await gateway.send('POST', PULL, small, headers);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    const events = await readEvents(response);
    expect(events[0]).toEqual({
      type: 'start',
      schema_version: 1,
      job: expect.any(String),
      models: ['smollm2:135m'],
    });
    expect(events.filter(({ type: kind }) => kind === 'progress')[0]).toMatchObject({
      model: 'smollm2:135m',
      digest: expect.any(String),
      total: expect.any(Number),
      completed: expect.any(Number),
    });
    expect(events.at(-1)).toMatchObject({ type: 'result', success: true, model: 'smollm2:135m' });
    expect(events.filter(({ type: kind }) => kind === 'result' || kind === 'error')).toHaveLength(1);
  });

  it.each([
    [{}, 'usage'],
    [{ model: '' }, 'usage'],
    [{ model: 7 }, 'usage'],
    [{ model: 'x'.repeat(601) }, 'usage'],
    [{ ...small, insecure: true }, 'usage'],
    [[], 'usage'],
    ['"x"', 'usage'],
    ['{"model":', 'usage'],
    [{ model: '../x' }, 'invalid_name'],
    [{ model: 'http://127.0.0.1:1/a/b' }, 'invalid_name'],
    [{ model: '127.0.0.1:1/a/b' }, 'invalid_name'],
  ])('of %j is 400, and asks nobody', async (body, code) => {
    const gateway = await openTestGateway();
    const response = await gateway.send('POST', PULL, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code } });
    expect(pulls(gateway)).toBe(0);
  });

  it('of a model that is not allowed is 403, and asks nobody', async () => {
    const gateway = await openTestGateway({ env: { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' } });
    const response = await gateway.send('POST', PULL, small);
    expect(response.status).toBe(403);
    expect(pulls(gateway)).toBe(0);
  });

  it.each([
    ['404', 404, 'model_not_found'],
    ['no-space', 500, 'no_space'],
    ['offline', 500, 'registry_unreachable'],
    ['corrupt', 500, 'digest_mismatch'],
    ['cut', 500, 'stream_cut'],
    ['no-done', 500, 'stream_cut'],
    ['error-line', 500, undefined],
    ['html', 500, 'protocol'],
    ['html-200', 500, 'protocol'],
    ['500', 500, 'server_error'],
    ['503', 503, 'server_error'],
    ['401', 500, 'unauthorized'],
  ])('that meets %s is %i, alone and as the last event of a stream', async (fault, status, code) => {
    const gateway = await openTestGateway({ env: ONCE });
    gateway.fault(fault);
    const response = await gateway.send('POST', PULL, small);
    expect(response.status).toBe(status);
    const error = { code: code ?? expect.any(String), message: expect.any(String), hint: expect.any(String) };
    expect(await response.json()).toEqual({ error });
    const events = await readEvents(await gateway.send('POST', PULL, small, NDJSON));
    expect(events.at(-1)).toEqual({ type: 'error', status, error });
  });

  it('of a server that does not run is 503', async () => {
    const gateway = await openTestGateway({ host: `http://127.0.0.1:${await closedPort()}` });
    const response = await gateway.send('POST', PULL, small);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: 'unreachable' } });
  });
});

describe('callers of the same model', () => {
  it('share one pull, and each is answered in its own words', async () => {
    const gateway = await openTestGateway({ sandbox: { rate: 200_000 } });
    const [one, two, three] = await Promise.all([
      gateway.send('POST', PULL, { model: 'smollm2:135m' }),
      gateway.send('POST', PULL, { model: 'library/SmolLM2:135m' }),
      gateway.send('POST', PULL, small, SSE).then(readEvents),
    ]);
    expect(await one.json()).toMatchObject({ success: true, model: 'smollm2:135m' });
    expect(await two.json()).toMatchObject({ success: true, model: 'library/SmolLM2:135m' });
    expect(three.at(-1)).toMatchObject({ type: 'result', success: true });
    expect(pulls(gateway)).toBe(1);
    expect(await jobsOf(gateway)).toHaveLength(1);
  });

  it('tells who comes late at once how far it is', async () => {
    const gateway = await openSlow();
    // Not left by a loop's end, which would hang up.
    const first = readStream(await gateway.send('POST', PULL, small, NDJSON));
    while ((await first.next()).value?.type !== 'progress');
    const late = await gateway.send('POST', PULL, small, NDJSON);
    const seen: StreamEvent[] = [];
    for await (const event of readStream(late)) {
      seen.push(event);
      if (seen.length === 3) break;
    }
    expect(seen.map(({ type }) => type)).toEqual(['start', 'status', 'progress']);
    expect(seen[1]).toMatchObject({ status: 'pulling manifest' });
    expect(pulls(gateway)).toBe(1);
    // The pull would last longer than all of this.
    await first.return();
  });

  it('cancel it when the last of them leaves: the server is no longer asked', async () => {
    const { url, requests, close } = await serve({
      body: ['{"status":"pulling manifest"}\n'],
      then: 'stall',
    });
    const gateway = await openTestGateway({ host: url });
    const callers = [new AbortController(), new AbortController()];
    const answers = callers.map(async ({ signal }) => {
      const response = await fetch(gateway.url + PULL, {
        method: 'POST',
        headers: { authorization: 'Bearer token-of-the-tests', 'content-type': 'application/json' },
        body: JSON.stringify(small),
        signal,
      });
      return response.status;
    });
    const ends = Promise.allSettled(answers);
    await until(
      () => requests.length,
      (count) => count === 1,
    );
    callers[0]?.abort();
    const [running] = await jobsOf(gateway);
    expect(running).toMatchObject({ status: 'running' });
    callers[1]?.abort();
    expect(await requests[0]?.finished).toBe(false);
    const job = await until(() => jobOf(gateway, running?.id ?? ''), settled);
    expect(job).toMatchObject({ status: 'cancelled', error: { code: 'interrupted' } });
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await close();
  });

  it('cancel it in the midst of a stream as well', async () => {
    const gateway = await openSlow();
    const response = await gateway.send('POST', PULL, small, SSE);
    // Leaving the loop hangs up.
    for await (const event of readStream(response)) if (event.type === 'progress') break;
    await until(
      () => jobsOf(gateway),
      ([job]) => job?.status === 'cancelled',
    );
  });
});

describe('a pull that nobody waits for', () => {
  it('is told by its number, goes on, and says what came of it', async () => {
    const gateway = await openTestGateway({ sandbox: { rate: 200_000 } });
    const response = await gateway.send('POST', PULL, small, ASYNC);
    expect(response.status).toBe(202);
    expect(response.headers.get('preference-applied')).toBe('respond-async');
    const { job } = (await response.json()) as { job: JobBody };
    expect(response.headers.get('location')).toBe(`/api/jobs/${job.id}`);
    expect(job).toMatchObject({ status: 'running', models: ['smollm2:135m'] });
    const ended = await until(() => jobOf(gateway, job.id), settled);
    expect(ended).toMatchObject({ status: 'succeeded', ended_at: expect.any(String) });
    expect(ended.progress.completed).toBe(ended.progress.total);
    expect(ended.status_log?.at(-1)).toEqual({ status: 'success' });
    expect(await jobsOf(gateway)).toMatchObject([{ id: job.id }]);
  });

  it('outlives those who come to wait for it and leave', async () => {
    const gateway = await openSlow();
    const { job } = (await (await gateway.send('POST', PULL, small, ASYNC)).json()) as { job: JobBody };
    const response = await gateway.send('POST', PULL, small, SSE);
    for await (const event of readStream(response)) if (event.type === 'progress') break;
    // Time for the gateway to see it.
    await (await gateway.send('GET', '/api/jobs')).text();
    expect(await jobOf(gateway, job.id)).toMatchObject({ status: 'running' });
    const cancelled = await gateway.send('DELETE', `/api/jobs/${job.id}`);
    expect([cancelled.status, await cancelled.json()]).toMatchObject([200, { job: { status: 'cancelled' } }]);
    expect((await gateway.send('DELETE', `/api/jobs/${job.id}`)).status).toBe(200);
  });

  it('that failed says what with', async () => {
    const gateway = await openTestGateway({ env: ONCE });
    gateway.fault('no-space');
    const { job } = (await (await gateway.send('POST', PULL, small, ASYNC)).json()) as { job: JobBody };
    const ended = await until(() => jobOf(gateway, job.id), settled);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'no_space' } });
  });

  it('is 404 by a number that nobody was given', async () => {
    const gateway = await openTestGateway();
    for (const method of ['GET', 'DELETE']) {
      const response = await gateway.send(method, '/api/jobs/00000000-0000-4000-8000-000000000000');
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { hint: expect.stringContaining('/api/jobs') } });
    }
  });
});

describe('a pull that takes too long', () => {
  const limited = { env: { OLLAMA_CLI_TIMEOUTS__PULL: '300ms' } };

  it('is 504, and is stopped where nobody else waits for it', async () => {
    const gateway = await openSlow(limited);
    const response = await gateway.send('POST', PULL, small);
    expect(response.status).toBe(504);
    const { error } = (await response.json()) as { error: { code: string; message: string; hint: string } };
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('It was stopped') });
    expect(error.hint).toContain('respond-async');
    expect(await jobsOf(gateway)).toMatchObject([{ status: 'cancelled' }]);
  });

  it('is 504, and goes on where it is to be kept: its address is told', async () => {
    const gateway = await openSlow(limited);
    const { job } = (await (await gateway.send('POST', PULL, small, ASYNC)).json()) as { job: JobBody };
    const response = await gateway.send('POST', PULL, small);
    expect(response.status).toBe(504);
    expect(response.headers.get('location')).toBe(`/api/jobs/${job.id}`);
    const { error } = (await response.json()) as { error: { message: string; hint: string } };
    expect(error.message).toContain(`It goes on as job ${job.id}`);
    expect(error.hint).toContain(`/api/jobs/${job.id}`);
    expect(await jobOf(gateway, job.id)).toMatchObject({ status: 'running' });
  });

  it('ends a stream with the same', async () => {
    const gateway = await openSlow(limited);
    const events = await readEvents(await gateway.send('POST', PULL, small, NDJSON));
    expect(events.at(-1)).toMatchObject({ type: 'error', status: 504, error: { code: 'timeout' } });
  });
});

describe('the end of the gateway', () => {
  it('lets a pull end that someone waits for', async () => {
    const gateway = await openTestGateway({ sandbox: { rate: 200_000 } });
    const answer = gateway.send('POST', PULL, small);
    await until(
      () => pulls(gateway),
      (count) => count === 1,
    );
    const closing = gateway.close();
    expect((await answer).status).toBe(200);
    await closing;
  });

  it('stops a pull that nobody waits for', async () => {
    const { url, requests, close } = await serve({
      body: ['{"status":"pulling manifest"}\n'],
      then: 'stall',
    });
    const gateway = await openTestGateway({ host: url });
    await (await gateway.send('POST', PULL, small, ASYNC)).text();
    await until(
      () => requests.length,
      (count) => count === 1,
    );
    await gateway.close();
    expect(await requests[0]?.finished).toBe(false);
    await close();
  });
});
