import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { asked, chatBodies, LEFT, MODEL, openChat, openSandbox, waitForAnswers } from './open-chat.js';
import { openFolder, SOON } from './program.js';

const WORDS = 'one two three four five six seven eight nine ten';
/** The composer, empty, and nothing below it. */
const AT_REST = /╮\n│ › +│\n╰─+╯\n*$/;

/** The words on the screen, however its rows are broken. */
const inOneRow = (screen: string): string => screen.replace(/\s+/g, ' ');

test.each([40, 80, 200])(
  'a conversation that outgrows its window asks how to go on, at %i columns',
  { timeout: 3 * SOON },
  async (cols) => {
    const sandbox = await openSandbox();
    const args = [MODEL, '--num-ctx', '200'];
    const terminal = await openChat(sandbox.url, { cols, rows: 50 }, args);
    const overflow = async (): Promise<string> => {
      const screen = await terminal.waitFor(
        /This conversation does not fit[^]*x {2}stop; [^]*turns away/,
        SOON,
      );
      expect(screen).toContain('› d  drop ');
      expect(screen).not.toContain('╭');
      return inOneRow(screen);
    };
    terminal.write(`${WORDS}\r`);
    await waitForAnswers(terminal, 1);
    await terminal.waitFor(AT_REST, SOON);
    terminal.write(`${Array<string>(12).fill(WORDS).join(' ')}\r`);
    // Each choice can be read to its end.
    const words = await overflow();
    expect(words).toContain('s summarise the older turns (/compact)');
    expect(words).toMatch(/w a larger window: num_ctx 512 \(by the estimate [a-z ]+\)/);
    expect(words).toContain('x stop; the question is given back');

    // Turned away from, the question is there to be made shorter.
    terminal.write('\x1b');
    await terminal.waitFor(/╮\n│ [^]*(?:one|two|ten)[^]*╰─+╯\n*$/, SOON);
    expect(asked(sandbox)).toHaveLength(2);
    terminal.write('\r');
    await overflow();
    await terminal.answer('w');
    await waitForAnswers(terminal, 2);
    expect(chatBodies(sandbox).at(-1)).toMatchObject({ options: { num_ctx: 512 } });
    expect(asked(sandbox).at(-1)).toHaveLength(3);
    await terminal.waitFor(AT_REST, SOON);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
  },
);

test.skipIf(process.platform === 'win32')(
  'Ctrl-C in an editor that leaves the terminal as it is ends the editor, not the chat',
  { timeout: 3 * SOON },
  async () => {
    const sandbox = await openSandbox();
    const editor = path.join(openFolder(), 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\necho editing "$0"\nsleep 30\n', { mode: 0o755 });
    const terminal = await openChat(sandbox.url, { env: { OLLAMA_EDITOR: editor } });
    terminal.write('half a text');
    await terminal.waitFor('│ › half a text', SOON);
    terminal.write('\x07');
    await terminal.waitFor(/^editing /m, SOON);
    terminal.write('\x03');
    await terminal.waitFor(/│ › half a text +│\n╰─+╯/, SOON);
    terminal.write('\r');
    await waitForAnswers(terminal, 1);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
  },
);
