import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { lines, run, schemaErrors, TERMINAL } from '../support/run.js';

const MODEL = 'all-minilm:22m';

let sandbox: Sandbox;
let server: FaultServer | undefined;
beforeAll(async () => {
  sandbox = await startSandbox({ installed: [MODEL, 'gemma3:1b'], loadMs: 0 });
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});
afterAll(async () => await sandbox.close());

interface Request {
  readonly input: readonly string[];
  readonly [field: string]: unknown;
}

function sent(): Request[] {
  return sandbox.requests.filter(({ path }) => path === '/api/embed').map(({ body }) => body as Request);
}

const vectors = (text: string): number[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as number[]);

describe('embed', () => {
  it('writes one vector a line, for each argument', async () => {
    const ran = await run(['embed', MODEL, 'a cat', 'a dog'], sandbox.url);
    expect([ran.code, ran.stderr]).toEqual([0, '']);
    const [cat, dog] = vectors(ran.stdout);
    expect([cat?.length, dog?.length]).toEqual([384, 384]);
    expect(cat).not.toEqual(dog);
    expect(sent().at(-1)).toMatchObject({ model: MODEL, input: ['a cat', 'a dog'] });
    expect((await run(['embed', MODEL, 'a cat'], sandbox.url, TERMINAL)).stdout).toBe(
      `${JSON.stringify(cat)}\n`,
    );
  });

  it('reads lines of stdin, and keeps an empty one in its place', async () => {
    const ran = await run(['embed', MODEL], sandbox.url, { stdin: 'one\n\ntwo\r\n' });
    expect(vectors(ran.stdout).map(({ length }) => length)).toEqual([384, 0, 384]);
    expect(sent().at(-1)?.input).toEqual(['one', 'two']);
  });

  it('sends many lines in several requests, in order', async () => {
    const texts = Array.from({ length: 70 }, (_, index) => `text number ${index}`);
    const before = sent().length;
    const ran = await run(['embed', MODEL, '--json'], sandbox.url, { stdin: texts.join('\n') });
    const events = lines(ran.stdout);
    for (const event of events) expect(schemaErrors('embed-event', event)).toBe('');
    expect(events[0]).toEqual({ type: 'start', schema_version: 1, host: sandbox.url, model: MODEL });
    expect(events.slice(1, -1).map(({ index }) => index)).toEqual(texts.map((_, index) => index));
    expect(events.at(-1)).toEqual({ type: 'result', count: 70 });
    const requests = sent().slice(before);
    expect(requests.flatMap(({ input }) => input)).toEqual(texts);
    expect(Math.max(...requests.map(({ input }) => input.length))).toBeLessThanOrEqual(32);
  });

  it('does not hold back a line of a pipe that stays open', async () => {
    const open = new Readable({ read: () => undefined });
    const test = testIo({ env: { OLLAMA_HOST: sandbox.url }, stdin: open });
    const ran = main(['embed', MODEL], test.io);
    open.push('first\n');
    await expect.poll(() => test.stdout()).toMatch(/^\[.*\]\n$/);
    open.push('second\n');
    open.push(null);
    expect(await ran).toBe(0);
    expect(vectors(test.stdout())).toHaveLength(2);
  });

  it('ends at Ctrl-C while it waits for a line', async () => {
    const open = new Readable({ read: () => undefined });
    const test = testIo({ env: { OLLAMA_HOST: sandbox.url }, stdin: open });
    const ran = main(['embed', MODEL, '--json'], test.io);
    open.push('first\n');
    await expect.poll(() => lines(test.stdout())).toHaveLength(2);
    test.abort();
    expect(await ran).toBe(130);
    expect(lines(test.stdout()).at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
  });

  it('passes dimensions, truncation, options and keep-alive on', async () => {
    const flags = ['--dimensions', '8', '--keep-alive', '5m', '--option', 'num_ctx=128'];
    const ran = await run(['embed', MODEL, 'x', ...flags], sandbox.url);
    expect(vectors(ran.stdout)[0]).toHaveLength(8);
    expect(sent().at(-1)).toMatchObject({
      ...{ dimensions: 8, truncate: false, keep_alive: '5m', options: { num_ctx: 128 } },
    });
    await run(['embed', MODEL, 'x', '--truncate'], sandbox.url);
    expect(sent().at(-1)).toMatchObject({ truncate: true });
  });

  it('exits 9 for a text beyond the window, and says which', async () => {
    const texts = ['short', 'word '.repeat(600)];
    const ran = await run(['embed', MODEL, ...texts, '--json'], sandbox.url);
    expect(ran.code).toBe(9);
    expect(ran.stderr).toContain('one of the texts 1 to 2');
    expect(lines(ran.stdout).at(-1)).toMatchObject({ type: 'error', error: { code: 'context_overflow' } });
  });

  it.each([
    ['gemma3:1b', 1, 'does not support'],
    ['nomic-embed-text', 3, 'ollama-cli pull nomic-embed-text'],
    ['a b', 2, 'a b'],
  ])('fails for %s with exit %i', async (model, exit, words) => {
    const ran = await run(['embed', model, 'x'], sandbox.url);
    expect([ran.code, ran.stdout]).toEqual([exit, '']);
    expect(ran.stderr).toContain(words);
  });

  it('pulls a missing model where that is wanted, and goes on', async () => {
    const own = await startSandbox({ installed: [], scale: 0.0001, loadMs: 0 });
    try {
      const ran = await run(['embed', MODEL, 'x', '-y', '-q'], own.url);
      expect(ran.code).toBe(0);
      expect(vectors(ran.stdout)[0]).toHaveLength(384);
    } finally {
      await own.close();
    }
  });

  it.each([
    [[], 'There is no text'],
    [['x', '--dimensions', 'many'], '--dimensions'],
  ])('exits 2 for %j', async (more, words) => {
    const ran = await run(['embed', MODEL, ...more], sandbox.url, { stdinTty: true });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(words);
  });

  it('exits 5 with a start and an error where no server is', async () => {
    const ran = await run(['embed', MODEL, 'x', '--json'], `127.0.0.1:${await closedPort()}`);
    expect(ran.code).toBe(5);
    expect(lines(ran.stdout).map(({ type }) => type)).toEqual(['start', 'error']);
  });

  it('tells the same next step in the stream and on stderr', async () => {
    const ran = await run(['embed', 'gemma3:1c', 'x', '--json', '-H', sandbox.url]);
    const told = lines(ran.stdout).at(-1) as { error: { hint: string } };
    expect(told.error.hint).toContain(`-H ${sandbox.url} pull`);
    expect(lines(ran.stderr)[0]).toEqual({ error: told.error });
  });

  it('fails where a server sends another number of vectors', async () => {
    server = await serve({ headers: { 'content-type': 'application/json' }, body: ['{"embeddings":[[1]]}'] });
    const ran = await run(['embed', 'm', 'a', 'b'], server.url);
    expect([ran.code, ran.stdout]).toEqual([1, '']);
    expect(ran.stderr).toContain('1 vectors for 2 texts');
  });
});
