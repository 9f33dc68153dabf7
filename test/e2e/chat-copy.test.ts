import { appendFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openChat, openSandbox, say, waitForAnswers } from './open-chat.js';
import { openFolder, SOON } from './program.js';

test('a chat whose conversation is written to elsewhere says that it goes on in a file of its own', async () => {
  const sandbox = await openSandbox();
  const home = openFolder();
  const terminal = await openChat(sandbox.url, { cwd: home, rows: 40 });
  await say(terminal, 'One');
  await waitForAnswers(terminal, 1);
  const folder = path.join(home, '.local/state/ollama-cli/sessions');
  await expect.poll(() => readdirSync(folder).length, { timeout: SOON }).toBe(1);
  const [file = ''] = readdirSync(folder);
  appendFileSync(path.join(folder, file), '\n');
  await say(terminal, 'Two');
  await terminal.waitFor(/is kept\s+as \S+/, SOON);
  await terminal.close();
  expect(readdirSync(folder)).toHaveLength(2);
}, 60_000);
