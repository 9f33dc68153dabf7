import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { serve } from '../support/fault-server.js';
import { asked, LEFT, MODEL, openChat, openSandbox, say, waitForAnswers } from './open-chat.js';
import { openFolder, openProgram, openShell, SOON } from './program.js';

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
    await terminal.waitFor(/│ ›/, SOON);
    terminal.write(keys);
    await terminal.exit;
    const [before = '', after = ''] = terminal.screen().split(`code ${String(code)}`);
    expect(after.trim()).not.toBe('');
    expect(before.trimStart().startsWith(after.trim())).toBe(true);
    expect([terminal.cursorVisible(), terminal.bracketedPaste()]).toEqual([true, false]);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s is code %i in a shell, and the terminal is as it was', async (signal, code) => {
    const sandbox = await openSandbox();
    const cwd = openFolder();
    const chat = `sh -c 'echo $$ > pid; exec $CLI chat ${MODEL}'`;
    const terminal = openShell(`${chat}; echo "code $?"; stty -a`, sandbox.url, { cwd, rows: 60 });
    await terminal.waitFor(/│ ›/, SOON);
    process.kill(Number(readFileSync(path.join(cwd, 'pid'), 'utf8')), signal);
    await terminal.exit;
    expect(terminal.screen()).toContain(`code ${String(code)}\n`);
    expect(terminal.screen()).toMatch(/[^-]icanon/);
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

  test('before an answer: the question stays, and /retry asks it again', async () => {
    const sandbox = await openSandbox({ faults: [parseFault('500:times=1:path=/api/chat')] });
    // The fault is for the question.
    const terminal = await openChat(sandbox.url, {}, [MODEL, '--no-warm-up']);
    await say(terminal, 'count to 3');
    await terminal.waitFor(/› count to 3\n[^]*✗ [^]*\/retry[^]*│ › +│/, SOON);
    await say(terminal, '/retry');
    await waitForAnswers(terminal, 1);
    expect(asked(sandbox).at(-1)).toEqual([{ role: 'user', content: 'count to 3' }]);
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
    onTestFinished(() => server.close());
    const terminal = await openChat(server.url);
    await say(terminal, 'hello');
    await terminal.waitFor(/before.*red.*after the end/, SOON);
    expect(terminal.raw()).not.toMatch(/\x1b\[2J\x1b\[31m|\x1b\]|\x07|\x9b|\u202e/);
    expect(terminal.screen()).toContain('› hello');
  });
});

describe('one answer in a terminal', () => {
  test('that is stopped by Ctrl-C stays, and the program dies of the signal', async () => {
    const sandbox = await openSandbox({ tokensPerSecond: 30 });
    const terminal = openProgram(['chat', MODEL, 'count to 900'], sandbox.url);
    await terminal.waitFor(/ 1 2 3 4/, SOON);
    terminal.write('\x03');
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 2 });
    expect(terminal.screen()).toMatch(/ 1 2 3 4[\d\s]*(?:\^C)?$/);
    expect(terminal.cursorVisible()).toBe(true);
  });

  test('asks for a model that is missing, pulls it, and goes on', async () => {
    const sandbox = await openSandbox();
    const terminal = openProgram(['chat', 'tinyllama:1.1b', 'hello'], sandbox.url);
    await terminal.waitFor('"tinyllama:1.1b" is not installed on 127.0.0.1', SOON);
    await terminal.waitFor('[y/N]', SOON);
    terminal.write('y\r');
    await terminal.exit;
    expect(terminal.scrollback()).toMatch(/\n✓ tinyllama:1\.1b {2}6\.4 MB in [^]+ sandbox[^]+“hello”/);
  });
});

describe('a question about removing', () => {
  test.each([
    ['n', 'n\r', { exitCode: 7, signal: 0 }, true],
    ['Enter alone', '\r', { exitCode: 7, signal: 0 }, true],
    ['Ctrl-C', '\x03', { exitCode: 0, signal: 2 }, true],
    ['y', 'y\r', { exitCode: 0, signal: 0 }, false],
  ])('is answered by %s (%j)', async (_, keys, exit, stays) => {
    const sandbox = await openSandbox();
    const terminal = openProgram(['rm', MODEL], sandbox.url);
    expect(await terminal.waitFor('[y/N]', SOON)).toMatch(/gemma3:1b +8\.2 MB\n/);
    terminal.write(keys);
    expect(await terminal.exit).toEqual(exit);
    expect(sandbox.requests.some(({ method }) => method === 'DELETE')).toBe(!stays);
  });
});
