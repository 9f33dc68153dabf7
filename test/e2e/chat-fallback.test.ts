import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { closedPort } from '../support/fault-server.js';
import { chatBodies, LEFT, MODEL, openSandbox, say, waitForAnswers } from './open-chat.js';
import { openFolder, openProgram, SOON } from './program.js';

/** A home whose configuration has another server behind the one in force. */
function openHome(url: string, hosts: object = {}): Record<string, string> {
  const home = openFolder();
  const folder = path.join(home, '.config', 'ollama-cli');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = { hosts: { ...hosts, gpu: { url } }, fallback: ['gpu'] };
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  return {
    HOME: home,
    XDG_CONFIG_HOME: path.join(home, '.config'),
    XDG_STATE_HOME: path.join(home, 'state'),
  };
}

/** All that was drawn, on one line. */
const flat = (text: string): string => text.replaceAll(/[│╭╰╮╯─\s]+/g, ' ');

test('a chat whose server is down is answered by the next one, and says so once', async () => {
  const gpu = await openSandbox({ installed: [MODEL] });
  const dead = `http://127.0.0.1:${String(await closedPort())}`;
  const terminal = openProgram(['chat', MODEL], dead, { env: openHome(gpu.url), cols: 100 });
  await terminal.waitFor(/│ ›/, SOON);
  await say(terminal, 'count to 3');
  await waitForAnswers(terminal, 1);
  await say(terminal, 'count to 4');
  await waitForAnswers(terminal, 2);
  const shown = flat(terminal.scrollback());
  expect(shown.match(/gpu answers with gemma3:1b \(ollama: No Ollama server at/g)).toHaveLength(1);
  expect(chatBodies(gpu)).toHaveLength(2);
  await say(terminal, '/bye');
  expect(await terminal.exit).toEqual(LEFT);
});

test('so it is without redraws', async () => {
  const gpu = await openSandbox({ installed: [MODEL] });
  const dead = `http://127.0.0.1:${String(await closedPort())}`;
  const terminal = openProgram(['chat', MODEL, '--accessible'], dead, { env: openHome(gpu.url), cols: 100 });
  await terminal.waitFor(/^>/m, SOON);
  terminal.write('count to 3\r');
  await terminal.waitFor(/1 2 3/, SOON);
  expect(flat(terminal.scrollback())).toMatch(
    /gpu answers with gemma3:1b \(ollama: No Ollama server at .*1 2 3/,
  );
  terminal.write('/bye\r');
  expect(await terminal.exit).toEqual(LEFT);
});

test('so it is where the token of the first one is not there', async () => {
  const [own, gpu] = [await openSandbox({ installed: [MODEL] }), await openSandbox({ installed: [MODEL] })];
  const env = openHome(gpu.url, { own: { url: own.url, token_env: 'GONE' } });
  const terminal = openProgram(['chat', MODEL, '--accessible'], 'own', { env, cols: 120 });
  await terminal.waitFor(/^>/m, SOON);
  terminal.write('count to 3\r');
  await terminal.waitFor(/1 2 3/, SOON);
  expect(flat(terminal.scrollback())).toMatch(
    /gpu answers with gemma3:1b \(ollama: hosts\.own\.token_env: the variable GONE is not set.*1 2 3/,
  );
  expect(own.requests).toEqual([]);
  terminal.write('/bye\r');
  expect(await terminal.exit).toEqual(LEFT);
});
