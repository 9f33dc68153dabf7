import { statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { asked, chatBodies, LEFT, MODEL, openChat, openSandbox, say, waitForAnswers } from './open-chat.js';
import { openFolder, openProgram, SOON } from './program.js';

describe('the chat', () => {
  test.each([40, 80, 200])('answers what is typed, in a terminal of %i columns', async (cols) => {
    const sandbox = await openSandbox();
    const terminal = await openChat(sandbox.url, { cols, rows: 40 });
    expect(terminal.screen()).toMatch(/^ gemma3:1b on 127\.0\.0\.1:\d+/);
    await say(terminal, 'Why is it blue?');
    const screen = await terminal.waitFor(
      /\n› Why is it blue\?\n\n {2}\S[^]*\d+ tokens[^]*│ ›[^]*╰─+╯/,
      SOON,
    );
    expect(screen.replace(/\s+/g, ' ')).toContain('“Why is it blue?”.');
    expect(asked(sandbox)).toEqual([[{ role: 'user', content: 'Why is it blue?' }]]);
    // The composer's frame is as wide as the terminal, and nothing has wrapped.
    expect(screen).toContain(`╭${'─'.repeat(cols - 2)}╮\n│ › `);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
    expect(terminal.scrollback()).not.toContain('╭');
  });

  test('takes a line and its Enter that come at once, as early as the chat can be seen', async () => {
    const sandbox = await openSandbox();
    const terminal = openProgram(['chat', MODEL], sandbox.url);
    await terminal.waitFor(/\S/, SOON);
    terminal.write('first of all\r');
    await waitForAnswers(terminal, 1);
    expect(asked(sandbox)).toEqual([[{ role: 'user', content: 'first of all' }]]);
  });

  test('a paste of several lines waits for Enter and is one message', async () => {
    const sandbox = await openSandbox();
    const terminal = await openChat(sandbox.url);
    expect(terminal.bracketedPaste()).toBe(true);
    terminal.write('\x1b[200~first line\r\nsecond line\rthird line\r\n\x1b[201~');
    await terminal.waitFor(/│ › first line +│\n│ {3}second line +│\n│ {3}third line +│/, SOON);
    // What is typed behind it shows that nothing of it was sent.
    terminal.write('end');
    await terminal.waitFor(/│ {3}end +│/, SOON);
    expect(asked(sandbox)).toEqual([]);
    terminal.write('\r');
    await waitForAnswers(terminal, 1);
    expect(asked(sandbox)).toEqual([[{ role: 'user', content: 'first line\nsecond line\nthird line\nend' }]]);
  });

  test('keeps what was sent for the next run, readable by nobody else', async () => {
    const sandbox = await openSandbox();
    const home = openFolder();
    const first = await openChat(sandbox.url, { cwd: home });
    await say(first, 'the question of yesterday');
    await waitForAnswers(first, 1);
    await say(first, '/bye');
    expect(await first.exit).toEqual(LEFT);
    const folder = path.join(home, '.local/state/ollama-cli');
    expect(statSync(path.join(folder, 'history')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);

    const second = await openChat(sandbox.url, { cwd: home });
    second.write('\x1b[A');
    await second.waitFor(/│ › \/bye/, SOON);
    second.write('\x1b[A');
    await second.waitFor(/│ › the question of yesterday/, SOON);
    second.write('\x15\x04');
    expect(await second.exit).toEqual(LEFT);
  });

  test('keeps nothing with --no-history', async () => {
    const sandbox = await openSandbox();
    const home = openFolder();
    const terminal = await openChat(sandbox.url, { cwd: home }, [MODEL, '--no-history']);
    await say(terminal, 'a secret');
    await waitForAnswers(terminal, 1);
    terminal.write('\x04');
    await terminal.exit;
    expect(() => statSync(path.join(home, '.local/state/ollama-cli/history'))).toThrow('ENOENT');
  });

  test('/help, /set, /model and /clear do what they say', async () => {
    const sandbox = await openSandbox();
    const terminal = await openChat(sandbox.url, { rows: 50 });
    await say(terminal, '/help');
    for (const name of ['/set system', '/set parameter', '/clear', '/model', '/bye', 'Ctrl-C'])
      await terminal.waitFor(name, SOON);
    await say(terminal, '/set system Be brief.');
    await terminal.waitFor('The system prompt is set.', SOON);
    await say(terminal, '/set parameter temperature 0.2');
    await terminal.waitFor('temperature is 0.2 now.', SOON);
    await say(terminal, 'one');
    await waitForAnswers(terminal, 1);
    await say(terminal, '/model');
    await terminal.waitFor(/› gemma3:1b\n[^]*qwen3:8b/, SOON);
    await say(terminal, '/model qwen3:8b');
    await terminal.waitFor(' qwen3:8b on 127.0.0.1', SOON);
    await say(terminal, 'two');
    await waitForAnswers(terminal, 2);
    await say(terminal, '/clear');
    await terminal.waitFor('The conversation is forgotten; the system prompt stays.', SOON);
    await say(terminal, 'three');
    await waitForAnswers(terminal, 3);
    await say(terminal, '/nonsense');
    await terminal.waitFor("Unknown command '/nonsense'.", SOON);

    const system = { role: 'system', content: 'Be brief.' };
    const user = (content: string) => ({ role: 'user', content });
    const assistant = expect.objectContaining({ role: 'assistant' }) as unknown;
    expect(chatBodies(sandbox)).toMatchObject([
      { model: MODEL, options: { temperature: 0.2 }, messages: [system, user('one')] },
      { model: 'qwen3:8b', messages: [system, user('one'), assistant, user('two')] },
      { model: 'qwen3:8b', options: { temperature: 0.2 }, messages: [system, user('three')] },
    ]);
  });

  test('is whole after the terminal has changed its size, and goes on', async () => {
    const sandbox = await openSandbox();
    // The terminal of these tests is that of VS Code, and tells so.
    const terminal = await openChat(sandbox.url, { rows: 40, env: { TERM_PROGRAM: 'vscode' } });
    await say(terminal, 'count to 40');
    await waitForAnswers(terminal, 1);
    for (const [cols, rows] of [
      [40, 30],
      [120, 40],
    ] as const) {
      terminal.resize(cols, rows);
      await terminal.waitFor(`╭${'─'.repeat(cols - 2)}╮\n│ › `, SOON);
      await expect
        .poll(() => terminal.screen().match(/╭|╰|› count to 40/g), { timeout: SOON })
        .toHaveLength(3);
    }
    await say(terminal, 'and on');
    await waitForAnswers(terminal, 2);
  });
});
