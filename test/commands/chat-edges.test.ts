import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { main } from '../../src/main.js';
import { PNG } from '../sandbox/chat-faults.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { run } from '../support/run.js';
import { openScreen } from '../views/screen.js';

let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const line = (fields: object): string => `${JSON.stringify({ model: 'm', done: false, ...fields })}\n`;

test.each([
  ['chat', ['chat', 'm', 'x'], '/api/chat'],
  ['a look at the model before it', ['chat', 'm', 'x', '--image', 'dot.png'], '/api/show'],
  ['embed', ['embed', 'm', 'x'], '/api/embed'],
])(
  '%s: a model that is missing still when it was pulled is not pulled again and again',
  async (_, argv, path) => {
    server = await serve(({ url }) => {
      if (url === '/api/pull') return { body: ['{"status":"success"}\n'] };
      if (url === '/api/tags') return { body: ['{"models":[]}'] };
      return { status: 404, body: ['{"error":"model \'m\' not found"}'] };
    });
    const cwd = mkdtempSync(join(tmpdir(), 'chat-edges-'));
    writeFileSync(join(cwd, 'dot.png'), PNG);
    const ran = await run([...argv, '--yes'], server.url, { cwd, env: { OLLAMA_NOHISTORY: '1' } });
    rmSync(cwd, { recursive: true });
    expect(ran.code).toBe(3);
    const count = (asked: string): number => server?.requests.filter(({ url }) => url === asked).length ?? 0;
    expect(count('/api/pull')).toBe(1);
    expect(count(path)).toBe(2);
  },
);

test('an answer that the person stops is not called incomplete', async () => {
  server = await serve({ body: [line({ message: { role: 'assistant', content: 'One' } })], then: 'stall' });
  const { io, stdout, stderr, abort } = testIo({ env: { OLLAMA_HOST: server.url, OLLAMA_NOHISTORY: '1' } });
  const ended = main(['chat', 'm', 'x'], io);
  await expect.poll(stdout).toBe('One');
  abort();
  expect(await ended).toBe(130);
  expect(stderr()).toBe('');
});

test('thoughts in the middle of an answer stand apart from its words on a terminal', async () => {
  const message = (fields: object): string =>
    line({ message: { role: 'assistant', content: '', ...fields } });
  server = await serve({
    body: [
      message({ content: 'One' }),
      { wait: 50 },
      message({ thinking: 'hm' }),
      { wait: 50 },
      message({ content: 'two' }),
      line({ message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop', eval_count: 3 }),
    ],
  });
  const ran = await run(['chat', 'm', 'x', '--color', 'never'], server.url, { tty: true, columns: 80 });
  const screen = openScreen(80);
  screen.stream.write(ran.stdout);
  expect(await screen.all()).toBe('One\ntwo');
  expect(ran.stderr).toMatch(/hm\n/);
});
