import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closedPort } from '../support/fault-server.js';
import { lines, run } from '../support/run.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-start-'));
  const file = path.join(folder, 'bin', 'ollama');
  mkdirSync(path.dirname(file));
  writeFileSync(file, `#!${process.execPath}\n${SERVER}`);
  chmodSync(file, 0o755);
});
afterEach(() => {
  try {
    process.kill(Number(readFileSync(path.join(folder, 'bin', 'pid'), 'utf8')), 'SIGKILL');
  } catch {
    // It was never started.
  }
  rmSync(folder, { recursive: true, force: true });
});

/** A program called `ollama` that answers every chat in one word. */
const SERVER = `
const [host, port] = process.env.OLLAMA_HOST.replace('http://', '').split(/:(?=\\d+$)/);
require('node:fs').writeFileSync(__dirname + '/pid', String(process.pid));
require('node:http')
  .createServer(({ url }, answer) =>
    answer.end(url === '/api/chat' ? '{"message":{"content":"here"},"done":true}\\n' : '{"version":"0.24.0"}'))
  .listen(Number(port), host);
`;

async function chat(url: string, flags: readonly string[], more: Record<string, string> = {}) {
  const env = { PATH: path.join(folder, 'bin'), XDG_STATE_HOME: folder, ...more };
  return await run(['chat', 'm', 'x', ...flags], url, { cwd: folder, env });
}

it.each([
  [['--start'], {}],
  [[], { OLLAMA_CLI_AUTO_START_SERVER: 'true' }],
])('starts a server that is down with %j and %j, and goes on', async (flags, env) => {
  const ran = await chat(`http://127.0.0.1:${await closedPort()}`, flags, env);
  expect([ran.code, ran.stdout]).toEqual([0, 'here']);
  expect(ran.stderr).toContain('serve on 127.0.0.1');
});

it('starts none unasked', async () => {
  const ran = await chat(`http://127.0.0.1:${await closedPort()}`, ['--json']);
  expect(ran.code).toBe(5);
  expect(lines(ran.stdout).map(({ type }) => type)).toEqual(['start', 'error']);
});
