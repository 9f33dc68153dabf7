import { expect, onTestFinished, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { openProgram, openShell, SOON } from './program.js';

/** The last words of a shell that ends at once may be lost on a busy machine: it waits until the test is over. */
const STAY = 'read -r _';

async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({
    installed: ['llama3.2:1b', 'qwen3:8b'],
    loadMs: 0,
    tokensPerSecond: Infinity,
    ...options,
  });
  onTestFinished(() => sandbox.close());
  return sandbox;
}

async function load({ url }: Sandbox, model: string, keep_alive: number | string = '5m'): Promise<void> {
  const body = JSON.stringify({ model, keep_alive });
  await (await fetch(`${url}/api/generate`, { method: 'POST', body })).text();
}

test('ps --watch shows what comes and goes, counts down, and q ends it with 0 and a clean screen', async () => {
  const sandbox = await openSandbox();
  await load(sandbox, 'llama3.2:1b');
  const terminal = openProgram(['ps', '--watch=100ms'], sandbox.url, { cols: 100 });
  await terminal.waitFor(/^ 1 loaded on 127\.0\.0\.1:\d+ +every 0\.1s\n/, SOON);
  expect(terminal.cursorVisible()).toBe(false);
  await terminal.waitFor(/ llama3\.2:1b +\d+ MB +─{12} +100% CPU +4k +— +(?:5m 00s|4m 5\ds)/, SOON);
  await terminal.waitFor(/4m 5\ds/, SOON);
  await load(sandbox, 'qwen3:8b', -1);
  await terminal.waitFor(/ qwen3:8b .* forever/, SOON);
  await load(sandbox, 'llama3.2:1b', 0);
  await terminal.waitFor(/^ 1 loaded/, SOON);
  terminal.write('q');
  expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
  expect(terminal.screen()).toBe('');
  expect(terminal.cursorVisible()).toBe(true);
});

test('ps --watch ends by Ctrl-C as by a signal, and gives the terminal back', async () => {
  const sandbox = await openSandbox();
  const terminal = openShell(
    `stty -g >before; $CLI ps --watch; echo code $?; stty -g >after; cmp before after && echo same; ${STAY}`,
    sandbox.url,
  );
  await terminal.waitFor('nothing is loaded', SOON);
  terminal.write('\u0003');
  await terminal.waitFor('same', SOON);
  expect(terminal.screen()).toContain('code 130');
  expect(terminal.cursorVisible()).toBe(true);
});

test('ps --watch says that the server is gone, keeps what it saw, and goes on when it is back', async () => {
  const answer = { 'content-type': 'application/json' };
  const models = [{ name: 'a:1', size: 1000, size_vram: 620, expires_at: '2318-01-01T00:00:00Z' }];
  let isGone = false;
  const server = await serve(() => ({
    ...(isGone ? { status: 500 } : {}),
    headers: answer,
    body: [JSON.stringify(isGone ? { error: 'out of order' } : { models })],
  }));
  onTestFinished(() => server.close());
  const terminal = openProgram(['ps', '--watch=100ms'], server.url);
  await terminal.waitFor(/ a:1 +1\.0 kB +━{7}─{5} +38%\/62% CPU\/GPU +— +forever/, SOON);
  isGone = true;
  await terminal.waitFor(/ ! no answer for \ds, trying on: .*out of order/, SOON);
  expect(terminal.screen()).toContain('a:1');
  isGone = false;
  await terminal.waitFor(/forever\n\n q ends/, SOON);
  terminal.write('q');
  expect((await terminal.exit).exitCode).toBe(0);
});

test('ps --watch in a pipe writes no escape codes, and ends when its reader goes', async () => {
  const sandbox = await openSandbox();
  await load(sandbox, 'llama3.2:1b');
  const terminal = openShell(
    `$CLI ps --watch=100ms --no-header --fields name | head -1 | cat -v; echo done; ${STAY}`,
    sandbox.url,
  );
  await terminal.waitFor('llama3.2:1b', SOON);
  // head has its line and goes; the next change finds no reader.
  await load(sandbox, 'qwen3:8b');
  await terminal.waitFor('done', SOON);
  expect(terminal.scrollback().trimEnd()).toBe('llama3.2:1b\ndone');
});
