import path from 'node:path';
import { expect, test } from 'vitest';
import { openTerminal } from '../support/terminal.js';

const DEMO = path.resolve(import.meta.dirname, '../../scripts/demo.js');
const ENTER = 'Enter goes on, Ctrl-C ends:';

test('in a terminal the demo stops between its steps and ends in the chat', { timeout: 90_000 }, async () => {
  const terminal = openTerminal({ args: [DEMO], cols: 100, rows: 200 });
  const steps = ['health', 'list', 'pull llama3.2:1b', 'show llama3.2:1b', 'chat llama3.2:1b', 'list --json'];
  for (const step of steps) {
    await terminal.waitFor(new RegExp(`\\$ ollama-cli ${step}[^$]*${ENTER}$`), 30_000);
    terminal.write('\r');
  }
  await terminal.waitFor(/rm --yes llama3.2:1b[^$]*Enter opens the chat/, 30_000);
  terminal.write('\r');
  // The chat has drawn its composer.
  await terminal.waitFor(/chat qwen3:8b[^$]*│ ›/, 30_000);
  terminal.write('\x04');
  expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
  expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
});

test('Ctrl-C ends the demo, between two steps or in one', { timeout: 60_000 }, async () => {
  const between = openTerminal({ args: [DEMO], cols: 100, rows: 60 });
  await between.waitFor(ENTER, 30_000);
  between.write('\x03');
  expect((await between.exit).exitCode).toBe(130);

  const within = openTerminal({ args: [DEMO], cols: 100, rows: 60 });
  for (const step of ['health', 'list']) {
    await within.waitFor(new RegExp(`\\$ ollama-cli ${step}[^$]*${ENTER}$`), 30_000);
    within.write('\r');
  }
  await within.waitFor(/total .*\d%/, 30_000);
  within.write('\x03');
  expect((await within.exit).exitCode).toBe(130);
  expect(within.cursorVisible()).toBe(true);
  expect(within.screen()).not.toContain('demo:');
});
