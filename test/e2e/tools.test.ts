import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Terminal } from '../support/terminal.js';
import { asked, openChat, openSandbox, say, waitForAnswers } from './open-chat.js';
import { openFolder, SOON } from './program.js';

const SERVERS = path.join(import.meta.dirname, '..', 'fixtures', 'mcp');
const MODEL = 'llama3.2:1b';

/** The chat with the functions of one of the servers. */
async function openWith(server: readonly string[], cols: number) {
  const sandbox = await openSandbox({ installed: [MODEL] });
  const home = openFolder();
  const [file = '', ...args] = server;
  const mcp = { clock: { command: process.execPath, args: [path.join(SERVERS, file), ...args] } };
  mkdirSync(path.join(home, '.config/ollama-cli'), { recursive: true });
  writeFileSync(path.join(home, '.config/ollama-cli/config.json'), JSON.stringify({ mcp }));
  const terminal = await openChat(sandbox.url, { cwd: home, cols, rows: 40 }, [MODEL, '--mcp', 'clock']);
  return { sandbox, terminal };
}

/** What the model was told that its calls came to. */
const told = (sandbox: Parameters<typeof asked>[0]): string[] =>
  (asked(sandbox).at(-1) ?? []).filter(({ role }) => role === 'tool').map(({ content }) => content);

async function ask(terminal: Terminal): Promise<string> {
  await say(terminal, 'Use get_time');
  return await terminal.waitFor(/Call get_time of clock\?[^]*once[^]*always[^]*no/, SOON);
}

test.each([40, 80, 200])('a call is shown and asked for at %i columns: no, once, always', async (cols) => {
  const { sandbox, terminal } = await openWith(['stdio-server.js'], cols);
  const question = await ask(terminal);
  expect(question).toContain('The time in a city.');
  expect(question).toMatch(/city: \S/);
  await terminal.answer('n');
  await waitForAnswers(terminal, 1);
  expect(told(sandbox)).toEqual(['Not called: the person refused this call.']);

  await ask(terminal);
  await terminal.answer('o');
  await waitForAnswers(terminal, 2);
  expect(told(sandbox).at(-1)).toMatch(/^12:00 in /);

  // Once was once.
  await ask(terminal);
  await terminal.answer('a');
  await waitForAnswers(terminal, 3);
  await say(terminal, 'Use get_time');
  await waitForAnswers(terminal, 4);
  expect(told(sandbox).at(-1)).toMatch(/^12:00 in /);
});

test('Ctrl-C at the question stops the turn, and the chat goes on', async () => {
  const { sandbox, terminal } = await openWith(['stdio-server.js'], 80);
  await ask(terminal);
  terminal.write('\x03');
  await terminal.waitFor('Stopped. /continue goes on.', SOON);
  await say(terminal, '/continue');
  await waitForAnswers(terminal, 1);
  expect(told(sandbox)).toEqual([expect.stringContaining('the person stopped the turn')]);
  // The question, and what goes on; a request without messages loads the model.
  const lengths = asked(sandbox).map((messages) => messages.length);
  expect(lengths.filter((length) => length > 0)).toEqual([1, 3]);
});

test('no escape sequence of a server reaches the terminal', async () => {
  const { terminal } = await openWith(['odd-server.js', 'hostile'], 80);
  await say(terminal, 'get time');
  await terminal.waitFor(/Call \S+ of clock\?/, SOON);
  await terminal.answer('o');
  await waitForAnswers(terminal, 1);
  expect(terminal.raw()).not.toMatch(/\x1b\]0;owned|\x1b\[2Jwipe|\u202e/);
});
