import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox } from '../../src/sandbox/server.js';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import type { Terminal, TerminalOptions } from '../support/terminal.js';
import { openProgram, openShell, SOON } from './program.js';

const MODEL = 'gemma3:1b';
/** The line of numbers under an answer that is complete. */
const DONE = /tokens · /;
const LEFT = { exitCode: 0, signal: 0 };

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  closing = [];
});

async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ tokensPerSecond: Infinity, loadMs: 0, ...options });
  closing.push(() => sandbox.close());
  return sandbox;
}

/** The messages of each chat request so far. */
function asked(sandbox: Sandbox): { role: string; content: string }[][] {
  return sandbox.requests
    .filter((request) => request.path === '/api/chat')
    .map(({ body }) => (body as { messages: { role: string; content: string }[] }).messages);
}

/** Opens the chat, and waits until its composer is there. */
async function openChat(
  url: string,
  options: TerminalOptions = {},
  args: readonly string[] = [MODEL],
): Promise<Terminal> {
  const terminal = openProgram(['chat', ...args], url, options);
  closing.push(() => terminal.close());
  await terminal.waitFor(/│ ›/, SOON);
  return terminal;
}

/** Types a line, and Enter once it stands in the composer. */
async function say(terminal: Terminal, text: string): Promise<void> {
  terminal.write(text);
  await terminal.waitFor(new RegExp(`│ › ${text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}`), SOON);
  terminal.write('\r');
}

/** Waits until so many answers are complete. */
async function waitForAnswers(terminal: Terminal, count: number): Promise<void> {
  await expect
    .poll(() => terminal.scrollback().match(new RegExp(DONE, 'g'))?.length ?? 0, { timeout: SOON })
    .toBe(count);
}

/** A folder that is the HOME of more than one run. */
function openHome(): string {
  const home = mkdtempSync(path.join(tmpdir(), 'chat-home-'));
  closing.push(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

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
    closing.push(() => terminal.close());
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
    const home = openHome();
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
    const home = openHome();
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
    const requests = sandbox.requests.filter((request) => request.path === '/api/chat');
    expect(requests.map(({ body }) => body)).toMatchObject([
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

describe('leaving and stopping', () => {
  test.each([
    ['Ctrl-D', '\x04', 0],
    ['/bye', '/bye\r', 0],
    ['two Ctrl-C', '\x03\x03', 0],
  ])('by %s ends with 0, and the terminal is as it was', async (_, keys, code) => {
    const sandbox = await openSandbox();
    const terminal = openShell(`stty -a; $CLI chat ${MODEL}; echo "code $?"; stty -a`, sandbox.url, {
      rows: 60,
    });
    closing.push(() => terminal.close());
    await terminal.waitFor(/│ ›/, SOON);
    terminal.write(keys);
    await terminal.exit;
    const [before = '', after = ''] = terminal.screen().split(`code ${String(code)}`);
    expect(after.trim()).not.toBe('');
    expect(before.trimStart().startsWith(after.trim())).toBe(true);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
  });

  test('by SIGTERM dies of it, and the terminal is as it was', async () => {
    const sandbox = await openSandbox();
    const script = `$CLI chat ${MODEL}; echo "code $?"; stty -a`;
    const terminal = openShell(`echo "shell $$"; ${script}`, sandbox.url, { rows: 60 });
    closing.push(() => terminal.close());
    await terminal.waitFor(/│ ›/, SOON);
    const shell = /shell (\d+)/.exec(terminal.scrollback())?.[1] ?? '';
    const killer = openShell(`kill -TERM $(ps -o pid= --ppid ${shell})`, sandbox.url);
    expect((await killer.exit).exitCode).toBe(0);
    await terminal.exit;
    expect(terminal.screen()).toMatch(/code 143\n[^]*[^-]icanon/);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
  });

  test('Ctrl-C stops an answer, which stays and is sent along with the next question', async () => {
    const sandbox = await openSandbox({ tokensPerSecond: 30 });
    const terminal = await openChat(sandbox.url);
    await say(terminal, 'count to 900');
    await terminal.waitFor(/\b1 2 3 4 5 6\b/, SOON);
    expect(terminal.screen()).toContain('Ctrl-C stops and keeps what came');
    terminal.write('\x03');
    await terminal.waitFor('(stopped)', SOON);
    expect(terminal.screen()).toMatch(/\b1 2 3 4 5 6\b/);
    expect(terminal.screen()).toContain('│ › ');
    await say(terminal, 'go on');
    await expect.poll(() => asked(sandbox).length, { timeout: SOON }).toBe(2);
    const partial = expect.stringMatching(/1 2 3 4 5 6[\d ]*$/) as unknown;
    expect(asked(sandbox)[1]).toEqual([
      { role: 'user', content: 'count to 900' },
      { role: 'assistant', content: partial },
      { role: 'user', content: 'go on' },
    ]);
  });
});

describe('a server that fails', () => {
  test('in the midst of an answer: the text stays, the error is told, and the chat goes on', async () => {
    const sandbox = await openSandbox({ faults: [parseFault('error-line@60%:times=1:path=/api/chat')] });
    const terminal = await openChat(sandbox.url);
    await say(terminal, 'count to 60');
    await terminal.waitFor('✗ ', SOON);
    expect(terminal.screen()).toMatch(/ 1 2 3 4 5 6 [^]*✗ [^]*unexpected EOF/);
    await say(terminal, 'once more');
    await waitForAnswers(terminal, 1);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
  });

  test('before an answer: the question is in the composer again', async () => {
    const sandbox = await openSandbox({ faults: [parseFault('500:times=1:path=/api/chat')] });
    const terminal = await openChat(sandbox.url, {}, [MODEL]);
    await say(terminal, 'count to 3');
    await terminal.waitFor(/✗ [^]*│ › count to 3/, SOON);
    terminal.write('\r');
    await waitForAnswers(terminal, 1);
  });

  test('by escape sequences in its answer, which stay text', async () => {
    const evil = 'before\x1b[2J\x1b[31mred\x1b]0;owned\x07\x9b5n\u202eafter';
    const token = (content: string, done: boolean) =>
      `${JSON.stringify({ model: MODEL, message: { role: 'assistant', content }, done })}\n`;
    const server = await serve(({ url }) =>
      url === '/api/chat'
        ? { body: [token(evil, false), token(' the end', false), token('', true)] }
        : { body: ['{"details":{},"model_info":{}}'] },
    );
    closing.push(() => server.close());
    const terminal = await openChat(server.url);
    await say(terminal, 'hello');
    await terminal.waitFor(/before.*red.*after the end/, SOON);
    expect(terminal.raw()).not.toMatch(/\x1b\[2J\x1b\[31m|\x1b\]|\x07|\x9b|\u202e/);
    expect(terminal.screen()).toContain('› hello');
  });
});
