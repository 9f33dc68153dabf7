import { afterEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { serve, type FaultServer, type Script } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { lines, run, type Ran } from '../support/run.js';

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const SOON = { OLLAMA_CLI_RETRY__DELAY: '1ms', OLLAMA_NOHISTORY: '1' };
const END = '{"message":{"content":""},"response":"","done":true,"done_reason":"stop"}\n';
const ANSWER: Script = { body: ['{"message":{"content":"here"},"response":"here"}\n', END] };

/** A server that answers so many requests as a full one, and then with `then`. */
async function busyFor(
  times: number,
  { headers = {}, then = ANSWER }: { headers?: Record<string, string>; then?: Script } = {},
): Promise<FaultServer> {
  let left = times;
  server = await serve(() =>
    left-- > 0
      ? {
          status: 503,
          headers: { 'content-type': 'application/json', ...headers },
          body: ['{"error":"server busy, please try again.  maximum pending requests exceeded"}'],
        }
      : then,
  );
  return server;
}

async function ask(argv: readonly string[] = [], options: Parameters<typeof run>[2] = {}): Promise<Ran> {
  return await run(['chat', 'm', 'x', ...argv], server?.url, { env: SOON, ...options });
}

describe('one answer of a server whose queue is full', () => {
  it.each([[[]], [['--raw']]])('is asked for again, and nothing is said of it: %j', async (argv) => {
    await busyFor(2);
    expect(await ask(argv)).toEqual({ code: 0, stdout: 'here', stderr: '' });
    expect(server?.requests).toHaveLength(3);
  });

  it('has one stream of events', async () => {
    await busyFor(2);
    const ran = await ask(['--json']);
    expect(lines(ran.stdout).map(({ type }) => type)).toEqual(['start', 'token', 'result']);
    expect(ran.stderr).toBe('');
  });

  it('is a vector too', async () => {
    await busyFor(2, { then: { body: ['{"embeddings":[[1,2]]}'] } });
    expect(await run(['embed', 'm', 'x'], server?.url, { env: SOON })).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: '[1,2]\n',
    });
  });

  it('is asked for as often as is set, and then fails as ever', async () => {
    await busyFor(9);
    const ran = await ask();
    expect([ran.code, ran.stdout]).toEqual([1, '']);
    expect(ran.stderr).toContain('server busy');
    expect(server?.requests).toHaveLength(3);
    await ask([], { env: { ...SOON, OLLAMA_CLI_RETRY__ATTEMPTS: '1' } });
    expect(server?.requests).toHaveLength(4);
  });

  it('is not asked for again after anything came, nor after another failure', async () => {
    await busyFor(0, { then: { body: ['{"message":{"content":"ha"}}\n', '{"error":"server busy"}\n'] } });
    expect((await ask()).stdout).toBe('ha');
    await server?.close();
    server = await serve({ status: 500, body: ['{"error":"broken"}'] });
    await ask();
    expect(server.requests).toHaveLength(1);
  });

  it('waits as long as the server says, up to a limit', async () => {
    await busyFor(1, { headers: { 'retry-after': '3600' } });
    expect((await ask()).code).toBe(1);
    expect(server?.requests).toHaveLength(1);
    await server?.close();
    await busyFor(1, { headers: { 'retry-after': '1' } });
    const before = Date.now();
    expect((await ask()).code).toBe(0);
    expect(Date.now() - before).toBeGreaterThanOrEqual(990);
  });

  it('says on a terminal that it waits, once', async () => {
    await busyFor(2);
    const ran = await ask(['--color', 'never'], { tty: 'stderr' });
    expect(ran.stderr.match(/is busy; it is asked again/g)).toHaveLength(1);
    await server?.close();
    await busyFor(2);
    expect((await ask(['-q'], { tty: 'stderr' })).stderr).not.toContain('busy');
  });

  it('ends at Ctrl-C while it waits', async () => {
    await busyFor(9);
    const env = { ...SOON, OLLAMA_CLI_RETRY__DELAY: '20s', OLLAMA_CLI_RETRY__MAX_DELAY: '20s' };
    const test = testIo({ env: { ...env, OLLAMA_HOST: server?.url } });
    const ran = main(['chat', 'm', 'x', '--json'], test.io);
    await expect.poll(() => server?.requests.length).toBe(1);
    // The answer has to arrive before its wait can be interrupted.
    await new Promise((resolve) => setTimeout(resolve, 200));
    test.abort();
    expect(await ran).toBe(130);
    expect(lines(test.stdout()).at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
  });
});
