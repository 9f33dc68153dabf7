import { afterEach, describe, expect, it, test } from 'vitest';
import { OllamaError, type ErrorCode } from '../../src/core/errors.js';
import { isFinal } from '../../src/health/wait-until.js';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { closedPort, serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { lines, run, schemaErrors, TERMINAL } from '../support/run.js';
import { serveTls } from './faults.js';

let server: Sandbox | FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const quick = { installed: ['llama3.2:1b'], loadMs: 0, tokensPerSecond: Infinity };

async function wait(
  url: string,
  argv: string[] = [],
): Promise<{ code: number; events: Record<string, unknown>[]; stderr: string }> {
  const ran = await run(['wait', '--json', ...argv], url);
  const events = lines(ran.stdout);
  for (const event of events) expect(schemaErrors('wait-event', event)).toBe('');
  expect(events[0]).toMatchObject({ type: 'start', schema_version: 1 });
  return { code: ran.code, events, stderr: ran.stderr };
}

/** The first look loads what it needs, on a machine that may be busy. */
const PATIENT = { timeout: 15_000 };

describe('wait', () => {
  it('ends at once where the server is there', async () => {
    server = await startSandbox(quick);
    const { code, events } = await wait(server.url);
    expect(code).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(['start', 'result']);
    expect(events[1]).toMatchObject({ host: server.url });
    const plain = await run(['wait'], server.url);
    expect(plain).toMatchObject({ code: 0, stderr: '' });
    expect(plain.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+ is ready, after .+\n$/);
    expect(await run(['wait', '-q'], server.url)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('asks on until a server has come', async () => {
    const port = await closedPort();
    const test = testIo({ env: { OLLAMA_HOST: `http://127.0.0.1:${port}` } });
    const waiting = main(['wait', '--json'], test.io);
    await expect.poll(() => lines(test.stdout()).length, PATIENT).toBeGreaterThan(2);
    server = await startSandbox({ ...quick, listen: { host: '127.0.0.1', port } });
    expect(await waiting).toBe(0);
    const events = lines(test.stdout());
    const attempts = events.filter(({ type }) => type === 'attempt');
    expect(attempts.map(({ n }) => n)).toEqual(attempts.map((_, at) => at + 1));
    expect(attempts[0]).toMatchObject({ error: { code: 'unreachable' } });
    expect(events.at(-1)?.['type']).toBe('result');
    expect(Number(events.at(-1)?.['waited_ms'])).toBeGreaterThan(50);
  });

  it('gives up at its limit with 5, and says what it last saw', async () => {
    const { code, events, stderr } = await wait(`http://127.0.0.1:${await closedPort()}`, [
      '--timeout',
      '400ms',
    ]);
    expect(code).toBe(5);
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'timeout' } });
    expect(stderr).toContain('refused');
    expect(stderr).toContain('0.4 s');
  });

  it('tells steps that reach the server it was asked to wait for', async () => {
    const port = await closedPort();
    const ran = await run(['wait', '--json', '-H', `127.0.0.1:${port}`, '--timeout', '300ms']);
    const hints = lines(ran.stdout).map(({ error }) => (error as { hint?: string } | undefined)?.hint);
    expect(hints.at(-1)).toContain(`ollama-cli -H 127.0.0.1:${port} health`);
    expect(ran.stderr).toContain(`ollama-cli -H 127.0.0.1:${port} health`);
  });

  it('bounds a server that says nothing too', async () => {
    server = await serve({ then: 'stall', status: 200, headers: {} });
    const { code } = await wait(server.url, ['--timeout', '300ms']);
    expect(code).toBe(5);
  });

  it('lives through a server that is starting behind a proxy', async () => {
    let asked = 0;
    server = await serve(() => {
      asked += 1;
      if (asked > 2)
        return { headers: { 'content-type': 'application/json' }, body: ['{"version":"0.24.0"}'] };
      return { status: 502, headers: { 'content-type': 'text/html' }, body: ['<title>Bad gateway</title>'] };
    });
    const ran = await run(['wait', '--json'], server.url, { env: { OLLAMA_CLI_RETRY__ATTEMPTS: '1' } });
    expect(ran.code).toBe(0);
    expect(lines(ran.stdout).map(({ type }) => type)).toEqual(['start', 'attempt', 'attempt', 'result']);
  });

  it('ends at once at what no waiting mends', async () => {
    server = await serve({
      status: 401,
      headers: { 'content-type': 'application/json' },
      body: ['{"error":"no"}'],
    });
    const refused = await wait(server.url);
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.events.map(({ type }) => type)).toEqual(['start', 'error']);
    const tls = await serveTls('expired');
    expect((await wait(`https://127.0.0.1:${tls.port}`)).code).toBe(5);
    await tls.close();
    expect((await wait(server.url, ['--model', 'a@b'])).code).toBe(2);
    expect((await wait(server.url, ['--load'])).code).toBe(2);
    expect((await run(['wait', '--timeout', 'soon'], server.url)).code).toBe(2);
  });

  it('waits for a model, and exits 3 where only that is missing', async () => {
    server = await startSandbox(quick);
    expect((await wait(server.url, ['--model', 'llama3.2:1b'])).code).toBe(0);
    const absent = await wait(server.url, ['--model', 'gemma3:1b', '--timeout', '300ms']);
    expect(absent.code).toBe(3);
    expect(absent.events.at(-1)).toMatchObject({ type: 'error', error: { code: 'model_not_found' } });
  });

  it('sees a model that is pulled meanwhile', async () => {
    server = await startSandbox(quick);
    const test = testIo({ env: { OLLAMA_HOST: server.url } });
    const waiting = main(['wait', '--model', 'gemma3:1b', '--json'], test.io);
    await expect.poll(() => lines(test.stdout()).length, PATIENT).toBeGreaterThan(1);
    const copied = await run(['cp', 'llama3.2:1b', 'gemma3:1b'], server.url);
    expect(copied.code).toBe(0);
    expect(await waiting).toBe(0);
  });

  it('loads a model where that is asked for', async () => {
    server = await startSandbox(quick);
    expect((await wait(server.url, ['--model', 'llama3.2:1b', '--load'])).code).toBe(0);
    const { stdout } = await run(['ps', '--json'], server.url);
    expect(JSON.parse(stdout)).toMatchObject({ total: 1 });
  });

  it('ends by Ctrl-C with 130, and its stream with an error', async () => {
    const test = testIo({ env: { OLLAMA_HOST: `http://127.0.0.1:${await closedPort()}` } });
    const waiting = main(['wait', '--json'], test.io);
    await expect.poll(() => lines(test.stdout()).length, PATIENT).toBeGreaterThan(1);
    test.abort();
    expect(await waiting).toBe(130);
    expect(lines(test.stdout()).at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
  });

  it('draws on a terminal what it waits for, and wipes it', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const { code, stderr } = await run(['wait', '--timeout', '1500ms'], url, TERMINAL);
    expect(code).toBe(5);
    expect(stderr).toContain('waiting for 127.0.0.1:');
    expect(stderr).toContain('\r\u001b[K');
  });

  it('takes a queue that is full as no answer yet', async () => {
    server = await startSandbox({ ...quick, faults: [parseFault('500:times=2')] });
    expect((await wait(server.url)).code).toBe(0);
  });

  it('says a limit that a script can count on', async () => {
    const { stdout } = await run(['wait', '--help']);
    expect(stdout).toContain('60s unless --timeout');
  });
});

test.each([
  ['tls', undefined, true],
  ['unauthorized', 401, true],
  ['usage', undefined, true],
  ['protocol', 404, true],
  ['protocol', 502, false],
  ['server_error', 400, true],
  ['server_error', 429, false],
  ['server_error', 503, false],
  ['server_error', undefined, false],
  ['unreachable', undefined, false],
  ['timeout', undefined, false],
  ['model_not_found', 404, false],
] as const)('%s with status %s is final: %s', (code: ErrorCode, status, final) => {
  expect(isFinal(new OllamaError(code, 'x', { status }))).toBe(final);
});
