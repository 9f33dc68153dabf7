import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Script } from '../../support/fault-server.js';
import { answerLines, buildDriver, openChat } from './open-chat.js';
import type { Chat } from './open-chat.js';

beforeAll(buildDriver, 60_000);

let chat: Chat | undefined;
afterEach(async () => {
  await chat?.close();
  chat = undefined;
});

async function open(answers: readonly Script[], options?: Parameters<typeof openChat>[1]): Promise<Chat> {
  chat = await openChat(answers, options);
  return chat;
}

const HELLO: Script = { body: answerLines(['Hello', ' there', '.']) };
const BEGUN: Script = { body: answerLines(['Half', ' an', ' answer']).slice(0, 3), then: 'stall' };
/** The text and below it the whole composer: a pseudo-terminal may bring a frame in pieces. */
const aboveComposer = (text: string) =>
  new RegExp(`${text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}[^]*╰─+╯`);
const PASTE = (text: string) => `\x1b[200~${text}\x1b[201~`;

describe.each([40, 80, 200])('a conversation at %i columns', (cols) => {
  test('streams, tells its numbers, keeps the turns, and gives the terminal back', async () => {
    const { terminal, asked, left } = await open(
      [{ body: answerLines(['Blue', ' light.'], ['hm']) }, HELLO],
      { cols },
    );
    terminal.write('Why is the sky blue?\r');
    await terminal.waitFor(aboveComposer('43 tokens'));
    expect(terminal.screen()).toContain('› Why is the sky blue?\n\n  ▸ thought for');
    expect(terminal.screen()).toContain('\n\n  Blue light.\n\n  43 tokens');
    expect(terminal.screen()).toContain('context 1.2k of 40k');
    expect(terminal.bracketedPaste()).toBe(true);

    terminal.write('And now?\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[1]?.map(({ role, content }) => [role, content])).toEqual([
      ['user', 'Why is the sky blue?'],
      ['assistant', 'Blue light.'],
      ['user', 'And now?'],
    ]);

    terminal.write('\x04');
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
    expect(terminal.cursorVisible()).toBe(true);
    expect(terminal.bracketedPaste()).toBe(false);
    // The composer is wiped; what was said stays.
    expect(terminal.scrollback()).not.toContain('╭');
    expect(terminal.scrollback()).toContain('Blue light.');
    expect((await left()).messages).toHaveLength(4);
  });
});

describe('a long answer', () => {
  test('is in the scrollback once and whole, on a screen much lower than it', async () => {
    const lines = Array.from({ length: 120 }, (_, index) => `row ${index} of the answer`);
    const tokens = (lines.join('\n') + '\n' + 'endless '.repeat(200)).match(/[^]{1,7}/g) ?? [];
    const { terminal } = await open([{ body: [answerLines(tokens).join('')] }], { cols: 60, rows: 12 });
    terminal.write('Go\r');
    await terminal.waitFor(aboveComposer('43 tokens'));
    const all = terminal.scrollback();
    for (const line of lines) expect(all.split(`  ${line}\n`)).toHaveLength(2);
    expect(all.match(/endless/g)).toHaveLength(200);
    expect(all.match(/╭/g)).toHaveLength(1);
    // The screen is never cleared and written again.
    expect(terminal.raw()).not.toContain('\x1b[2J');
    expect(terminal.raw()).not.toContain('\x1b[3J');
  });

  test('lets the hint that it is still coming go once it is complete', async () => {
    const lines = answerLines(['Half', ' an', ' answer']);
    const late: Script = { body: [...lines.slice(0, 3), { wait: 2000 }, ...lines.slice(3)] };
    const { terminal } = await open([late]);
    terminal.write('Go\r');
    await terminal.waitFor('Half an answer');
    terminal.write('next\r');
    await terminal.waitFor('the answer is still coming; Ctrl-C stops it');
    await terminal.waitFor(/43 tokens[^]*│ › next +│\n╰─+╯$/);
  });

  test('that falls silent says so each second, and no more once it goes on', async () => {
    const [first = '', ...others] = answerLines(['Half', ...Array<string>(40).fill(' more')]);
    const goesOn = others.flatMap((line) => [line, { wait: 100 }]);
    const { terminal } = await open([{ body: [first, { wait: 4500 }, ...goesOn] }], {
      env: { CHAT_HASTE: '10' },
    });
    terminal.write('Go\r');
    const silent = await terminal.waitFor(/ no data for \d\ds · Ctrl-C stops and keeps what came$/);
    const seconds = /no data for (\d+)s/.exec(silent)?.[1] ?? '';
    // Enter has nothing to say that would be greater news.
    terminal.write('next\r');
    await terminal.waitFor(
      new RegExp(`│ › next +│\\n╰─+╯\\n no data for (?!${seconds}s)\\d\\ds · Ctrl-C stops`),
    );
    terminal.write('\x15');
    await terminal.waitFor(/Half more[^]*╯\n Ctrl-C stops and keeps what came$/);
  });

  test('can be typed under; the text waits, and Enter does not send it', async () => {
    const { terminal, asked } = await open([BEGUN, HELLO]);
    terminal.write('Go\r');
    await terminal.waitFor('Half an answer');
    terminal.write('next question\r');
    await terminal.waitFor('still coming');
    expect(terminal.screen()).toContain('› next question');
    terminal.write('\x03');
    await terminal.waitFor('(stopped)');
    terminal.write('\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[1]?.map(({ content }) => content)).toEqual(['Go', 'Half an answer', 'next question']);
  });
});

describe('Ctrl-C', () => {
  test('stops the answer, ends the request, keeps what came and goes on', async () => {
    const { terminal, server, asked } = await open([BEGUN, HELLO]);
    terminal.write('Go\r');
    await terminal.waitFor('Half an answer');
    terminal.write('\x03');
    await terminal.waitFor('(stopped) · 3 tokens');
    expect(await server.requests.find(({ url }) => url === '/api/chat')?.finished).toBe(false);
    terminal.write('Go on\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[1]?.[1]).toMatchObject({ role: 'assistant', content: 'Half an answer' });
  });

  test('before the first word gives the question back', async () => {
    const { terminal, left } = await open([{ then: 'stall' }]);
    terminal.write('A question\r');
    await terminal.waitFor('loading the model');
    terminal.write('\x03');
    await terminal.waitFor(aboveComposer('(stopped)'));
    expect(terminal.screen()).toContain('│ › A question');
    terminal.write('\x15\x04');
    expect((await left()).messages).toEqual([]);
  });

  test('clears a text, hints where there is none, and leaves the second time', async () => {
    const { terminal } = await open([HELLO]);
    terminal.write('a text');
    await terminal.waitFor('› a text');
    terminal.write('\x03');
    await terminal.waitFor(/│ › {5}/);
    terminal.write('\x03');
    await terminal.waitFor('Ctrl-D or /bye leaves; Ctrl-C again too');
    terminal.write('x\x03\x03');
    await terminal.waitFor('Ctrl-C again too');
    terminal.write('\x03');
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
  });
});

describe('what goes wrong', () => {
  test('keeps the part of an answer that came, says what happened, and goes on', async () => {
    const { terminal, asked } = await open([{ ...BEGUN, then: 'reset' }, HELLO]);
    terminal.write('Go\r');
    await terminal.waitFor('✗');
    expect(terminal.screen()).toContain('  Half an answer\n');
    terminal.write('Again\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[1]?.map(({ content }) => content)).toEqual(['Go', 'Half an answer', 'Again']);
  });

  test('gives the text back where nothing came', async () => {
    const error = { status: 400, body: [JSON.stringify({ error: 'bad \u001B]0;title\u0007 question' })] };
    const { terminal, left } = await open([error]);
    terminal.write('A question\r');
    await terminal.waitFor(aboveComposer('✗ bad ]0;title question'));
    expect(terminal.screen()).toContain('│ › A question');
    terminal.write('\x15/bye\r');
    expect((await left()).messages).toEqual([]);
  });

  test('SIGTERM gives the terminal back, also in the middle of an answer', async () => {
    const { terminal, left } = await open([BEGUN]);
    terminal.write('Go\r');
    await terminal.waitFor('Half an answer');
    terminal.kill('SIGTERM');
    expect((await left()).messages.map(({ content }) => content)).toEqual(['Go', 'Half an answer']);
    expect(terminal.cursorVisible()).toBe(true);
    expect(terminal.bracketedPaste()).toBe(false);
  });
});

describe('writing', () => {
  test('a paste never sends, is cleaned, and its lines stay lines', async () => {
    const { terminal, asked } = await open([HELLO]);
    terminal.write(PASTE('one\r\ntwo\x1b[31m three\r'));
    await terminal.waitFor('two[31m three');
    expect(asked()).toEqual([]);
    terminal.write('\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[0]?.[0]?.content).toBe('one\ntwo[31m three');
  });

  test.each([
    ['Alt-Enter', 'one\x1b\rtwo\r'],
    ['Ctrl-J', 'one\ntwo\r'],
    ['Shift-Enter of kitty', 'one\x1b[13;2utwo\r'],
    ['Shift-Enter of xterm', 'one\x1b[27;2;13~two\r'],
    ['a trailing backslash', 'one\\\rtwo\r'],
    ['a block in quotes', '"""one\rtwo"""\r'],
  ])('%s makes a second line', async (_, keys) => {
    const { terminal, asked } = await open([HELLO]);
    terminal.write(keys);
    await terminal.waitFor('Hello there.');
    expect(asked()[0]?.[0]?.content).toBe('one\ntwo');
  });

  test('Backspace and Delete differ, the cursor is where the text is, and answers of the terminal are no text', async () => {
    const { terminal, asked } = await open([HELLO]);
    terminal.write('日本x語\x1b[D\x1b[D\x1b[3~\x1b[?62;22c\x1b]11;rgb:0/0/0\x07\x1b[24;80R');
    await terminal.waitFor('│ › 日本語');
    terminal.write('\x7f\x1b[99~\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[0]?.[0]?.content).toBe('日語');
  });

  test('Up brings back what was sent, also the next time, from a file for its owner alone', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'chat-history-'));
    const file = path.join(folder, 'state', 'history');
    try {
      const first = await open([HELLO], { env: { CHAT_HISTORY: file } });
      first.terminal.write('one\ntwo\r');
      await first.terminal.waitFor('Hello there.');
      first.terminal.write('/bye\r');
      await first.terminal.exit;
      await first.close();
      expect(readFileSync(file, 'utf8')).toBe('{"text":"one\\ntwo"}\n{"text":"/bye"}\n');

      const { terminal } = await open([HELLO], { env: { CHAT_HISTORY: file } });
      terminal.write('\x1b[A\x1b[A');
      await terminal.waitFor(/› one.*\n│ {3}two/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('a terminal that knows kitty keys is asked for them, and gets its own back', async () => {
    const { terminal } = await open([HELLO], { env: { TERM_PROGRAM: 'ghostty' } });
    expect(terminal.raw()).toContain('\x1b[>5u');
    expect(terminal.raw()).not.toContain('\x1b[<u');
    terminal.write('\x1b[100;5u');
    await terminal.exit;
    expect(terminal.raw()).toContain('\x1b[<u');
  });

  test('a lone ESC is no text, and what follows it is', async () => {
    const { terminal, asked } = await open([HELLO]);
    terminal.write('\x1b');
    await new Promise((resolve) => setTimeout(resolve, 150));
    terminal.write('[A\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[0]?.[0]?.content).toBe('[A');
  });
});

describe('slash commands', () => {
  test('/set and /clear change what is asked', async () => {
    const { terminal, server } = await open([HELLO]);
    terminal.write('first\r');
    await terminal.waitFor('43 tokens');
    terminal.write('/set system Be brief.\r');
    await terminal.waitFor('The system prompt is set.');
    terminal.write('/set parameter num_ctx 2048\r');
    await terminal.waitFor('num_ctx is 2048 now.');
    terminal.write('/clear\r');
    await terminal.waitFor('the system prompt stays');
    terminal.write('second\r');
    await terminal.waitFor('context 1.2k of 2k');
    const { messages, options } = JSON.parse(server.requests.at(-1)?.body ?? '{}');
    expect(messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'second' },
    ]);
    expect(options).toEqual({ num_ctx: 2048 });
  });

  test('/model lists, switches with the conversation kept, and keeps the old one where there is no such model', async () => {
    const { terminal, asked, server } = await open([HELLO]);
    terminal.write('first\r');
    await terminal.waitFor('43 tokens');
    terminal.write('/model\r');
    await terminal.waitFor(/› qwen3:8b\n {4}llama3.2:1b/);
    terminal.write('/model llama3.2:7b\r');
    await terminal.waitFor('Did you mean llama3.2:1b? Still talking to qwen3:8b.');
    terminal.write('/model forbidden\r');
    await terminal.waitFor(/forbidden is not allowed here.\n {2}Still talking to qwen3:8b./);
    terminal.write('/model llama3.2:1b\r');
    await terminal.waitFor('llama3.2:1b on 127.0.0.1:11434 · /help');
    terminal.write('second\r');
    await terminal.waitFor(/context 1\.2k$/m);
    expect(JSON.parse(server.requests.at(-1)?.body ?? '{}')).toMatchObject({ model: 'llama3.2:1b' });
    expect(asked()[1]).toHaveLength(3);
  });

  test('/help lists them; an unknown one is told with the nearest, goes, and comes back with Up', async () => {
    const { terminal, asked } = await open([HELLO], { rows: 40 });
    terminal.write('/help\r');
    await terminal.waitFor('/set parameter NAME VALUE');
    terminal.write('/claer\r');
    await terminal.waitFor(/Unknown command '\/claer'\. Did you mean '\/clear'\?[^]*│ › +│\n╰/);
    terminal.write('/model\r');
    await terminal.waitFor(/› qwen3:8b\n {4}llama3.2:1b[^]*│ › +│\n╰/);
    expect(asked()).toEqual([]);
    terminal.write('\x1b[A\x1b[A');
    await terminal.waitFor(/│ › \/claer +│\n╰/);
  });
});

describe('the screen', () => {
  test('follows a change of its size', async () => {
    const { terminal } = await open([HELLO], { env: { TERM_PROGRAM: 'vscode' } });
    terminal.write('hello\r');
    await terminal.waitFor('43 tokens');
    for (const cols of [50, 120, 42, 100]) {
      terminal.resize(cols, 20);
      await terminal.waitFor(new RegExp(`^╭─{${cols - 2}}╮$`, 'm'));
    }
    terminal.write('still here');
    await terminal.waitFor('│ › still here');
    expect(terminal.screen().match(/╭/g)).toHaveLength(1);
    expect(terminal.scrollback().match(/Hello there\./g)).toHaveLength(1);
  });

  test('is empty after Ctrl-L, with all of it in the scrollback', async () => {
    const { terminal } = await open([HELLO], { rows: 16 });
    terminal.write('hello\r');
    await terminal.waitFor('43 tokens');
    terminal.write('\x0ctext');
    await terminal.waitFor('│ › text');
    expect(terminal.screen()).not.toContain('Hello');
    expect(terminal.scrollback()).toContain('Hello there.');
  });

  test('needs neither colours nor Unicode, and no escape sequence of a model reaches it', async () => {
    const evil = { body: answerLines(['ok \x1b[2J\x1b]52;c;aGk=\x07', '\u202Eback\x9b31m\r\ndone']) };
    const { terminal } = await open([evil], { env: { CHAT_UNICODE: '0' } });
    terminal.write('hello\r');
    await terminal.waitFor('43 tokens');
    expect(terminal.screen()).toContain('  ok [2J]52;c;aGk=<U+202E>back31m\n  done\n');
    expect(terminal.screen()).toMatch(/^[\n -~]*$/);
    expect(terminal.raw()).not.toMatch(/\x1b\[[0-9;]*m/);
  });
});
