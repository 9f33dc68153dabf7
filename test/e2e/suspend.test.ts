import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openTerminal } from '../support/terminal.js';
import type { Terminal, TerminalOptions } from '../support/terminal.js';
import { asked, MODEL, openSandbox, say, waitForAnswers } from './open-chat.js';
import { BIN, openFolder, SOON } from './program.js';

/** Opens a shell that has job control, and waits for its prompt. */
async function openInteractiveShell(env: TerminalOptions['env'] = {}): Promise<Terminal> {
  const terminal = openTerminal({
    command: '/bin/bash',
    // Without readline, which brackets pastes by itself.
    args: ['--norc', '--noediting', '-i'],
    env: { PS1: 'ready> ', ...env },
  });
  onTestFinished(async () => {
    await terminal.close();
  });
  await terminal.waitFor('ready>', SOON);
  return terminal;
}

/** The real starter around a program that only stops itself: what it says is what the shell and the terminal do. */
function installStopper(): string {
  const folder = openFolder();
  mkdirSync(path.join(folder, 'bin'));
  mkdirSync(path.join(folder, 'dist', 'cli'), { recursive: true });
  const bin = path.join(folder, 'bin', 'ollama-cli.js');
  copyFileSync(BIN, bin);
  writeFileSync(
    path.join(folder, 'dist', 'cli', 'main.js'),
    `exports.main = async (argv, io) => {
       io.stdin.setRawMode(true);
       io.stdin.setRawMode(false);
       console.error('before ' + 'the stop');
       await io.suspend();
       console.error('after ' + 'the stop');
       return 0;
     };`,
  );
  return bin;
}

test.skipIf(process.platform === 'win32')(
  'a suspended program stops for a shell with job control, and goes on with fg',
  { timeout: 3 * SOON },
  async () => {
    const bin = installStopper();
    const terminal = await openInteractiveShell();
    terminal.write(`'${process.execPath}' '${bin}' | cat; echo code $?\r`);
    await terminal.waitFor(/^before the stop$[^]*Stopped/m, SOON);
    expect(terminal.screen()).not.toMatch(/^after the stop$/m);
    terminal.write('fg\r');
    await terminal.waitFor(/^after the stop$/m, SOON);
  },
);

test.skipIf(process.platform === 'win32')(
  'where nothing could go on with it, it does not stop',
  { timeout: 3 * SOON },
  async () => {
    const terminal = openTerminal({ args: [installStopper()] });
    onTestFinished(async () => {
      await terminal.close();
    });
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
    expect(terminal.screen()).toBe('before the stop\nafter the stop');
  },
);

test.skipIf(process.platform === 'win32')(
  'Ctrl-Z gives the terminal to the shell as it was, and fg draws the chat with what was being written',
  { timeout: 6 * SOON },
  async () => {
    const sandbox = await openSandbox();
    const terminal = await openInteractiveShell({ OLLAMA_HOST: sandbox.url });
    terminal.write('stty -a > before\r');
    terminal.write(`'${process.execPath}' '${BIN}' chat ${MODEL}\r`);
    await terminal.waitFor(/│ ›/, SOON);
    await say(terminal, 'hello');
    await waitForAnswers(terminal, 1);
    terminal.write('half a');
    await terminal.waitFor('│ › half a', SOON);

    terminal.write('\x1A');
    await terminal.waitFor(/Stopped/, SOON);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
    expect(terminal.screen()).not.toContain('│ › half a');
    terminal.write('stty -a | diff - before && echo the same "modes"\r');
    await terminal.waitFor('the same modes', SOON);

    terminal.write('fg\r');
    await terminal.waitFor('│ › half a', SOON);
    await expect.poll(() => terminal.bracketedPaste(), { timeout: SOON }).toBe(true);
    expect(terminal.screen().match(/╭/g)).toHaveLength(1);
    terminal.write(' question\r');
    await waitForAnswers(terminal, 2);
    expect(asked(sandbox).at(-1)?.at(-1)).toEqual({ role: 'user', content: 'half a question' });
    terminal.write('\x04');
    await terminal.waitFor(/ready>$/, SOON);
  },
);
