import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SLASH_COMMANDS } from '../../../src/chat/slash-commands.js';
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
    expect(terminal.screen()).toContain('context 1.2k of 4');
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

  test('before the first word keeps the question, which /retry asks again', async () => {
    const { terminal, asked } = await open([{ then: 'stall' }, HELLO]);
    terminal.write('A question\r');
    await terminal.waitFor(/the model, \d+s/);
    await expect.poll(() => asked().length).toBe(1);
    terminal.write('\x03');
    await terminal.waitFor(/Stopped before[^]*\/retry/);
    terminal.write('/retry\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[1]?.map(({ content }) => content)).toEqual(['A question']);
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

  test('keeps the question where nothing came, and no escape sequence of a server reaches the screen', async () => {
    const error = { status: 400, body: [JSON.stringify({ error: 'bad \u001B]0;title\u0007 question' })] };
    const { terminal, asked } = await open([error, HELLO]);
    terminal.write('A question\r');
    await terminal.waitFor(/✗ [^]*bad \]0;title question[^]*\/retry/);
    terminal.write('/retry\r');
    await terminal.waitFor('Hello there.');
    expect(asked()[1]?.map(({ content }) => content)).toEqual(['A question']);
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

describe('keys of the chat', () => {
  const FILE_ANSWER: Script = { body: answerLines(['Here.'], ['first thought\nsecond thought']) };

  test.each([40, 80, 200])('at %i columns Ctrl-O opens what is folded, once', async (cols) => {
    const { terminal } = await open([FILE_ANSWER], { cols });
    terminal.write('Go\r');
    await terminal.waitFor('43 tokens');
    expect(terminal.screen()).toContain('▸ thought for');
    expect(terminal.screen()).not.toContain('second thought');
    terminal.write('\x0f');
    await terminal.waitFor(/▾ thought for .*\n {4}first thought\n {4}second thought/);
    terminal.write('\x0f');
    await terminal.waitFor('it is open already, above');
  });

  test('Ctrl-O while a thought comes writes it as it comes', async () => {
    const [first = '', second = '', ...rest] = answerLines(['Done.'], ['alpha\n', 'beta\n']);
    const slow: Script = { body: [first, { wait: 800 }, second, { wait: 400 }, ...rest] };
    const { terminal } = await open([slow]);
    terminal.write('Go\r');
    await terminal.waitFor(/▸ thinking\n {4}alpha/);
    terminal.write('\x0f');
    await terminal.waitFor('▾ thinking');
    await terminal.waitFor('Done.');
    expect(terminal.screen()).toMatch(/▾ thinking\n {4}alpha\n {4}beta\n/);
    expect(terminal.screen().match(/alpha/g)).toHaveLength(1);
  });

  test.each([40, 80, 200])(
    'at %i columns Tab completes, offers what there is, and goes through it',
    async (cols) => {
      const { terminal } = await open([HELLO], { cols });
      terminal.write('/mo\t');
      await terminal.waitFor('│ › /model');
      terminal.write('\t');
      await terminal.waitFor(/╯\n {4}qwen3:8b\n {4}llama3\.2:1b/);
      terminal.write('\t');
      await terminal.waitFor(/│ › \/model (?:qwen3:8b|llama3\.2:1b)/);
      expect(terminal.screen()).toMatch(/ {2}› (?:qwen3:8b|llama3\.2:1b)/);
    },
  );

  test('Ctrl-R finds what was sent, Ctrl-G hands the text to an editor and takes it back', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'chat-editor-'));
    try {
      const editor = path.join(folder, 'editor.sh');
      writeFileSync(editor, '#!/bin/sh\nprintf "edited by a script" > "$1"\n', { mode: 0o755 });
      const { terminal, asked } = await open([HELLO], { env: { OLLAMA_EDITOR: editor } });
      terminal.write('an early question\r');
      await terminal.waitFor('43 tokens');
      terminal.write('\x12earl');
      await terminal.waitFor(/search: earl/);
      expect(terminal.screen()).toContain('│ › an early question');
      terminal.write('\r');
      await terminal.waitFor(/│ › an early question.*\n╰.*╯\n*$/);
      terminal.write('\x07');
      await terminal.waitFor('│ › edited by a script');
      terminal.write('\r');
      await expect.poll(() => asked()[1]?.at(-1)?.content, { timeout: 5_000 }).toBe('edited by a script');
      expect(terminal.bracketedPaste()).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('Ctrl-Z gives the terminal to the shell, and comes back drawn right', async () => {
    const { terminal } = await open([HELLO], { cols: 60 });
    terminal.write('half a tex');
    await terminal.waitFor('│ › half a tex');
    terminal.write('\x1a');
    await terminal.waitFor('shell$');
    expect(terminal.bracketedPaste()).toBe(false);
    expect(terminal.screen()).not.toContain('╭');
    await terminal.waitFor(/shell\$ fg\n\n╭─+╮\n│ › half a tex +│\n╰─+╯/);
    terminal.write('t');
    await terminal.waitFor('│ › half a text');
    expect(terminal.bracketedPaste()).toBe(true);
    expect(terminal.screen().match(/╭/g)).toHaveLength(1);
  });

  test('follow the configuration, also where it takes one away', async () => {
    const { terminal } = await open([HELLO], {
      env: { CHAT_KEYS: JSON.stringify({ 'ctrl-t': 'end-of-input', 'ctrl-d': 'none' }) },
    });
    terminal.write('\x04text');
    await terminal.waitFor('│ › text');
    terminal.write('\x15\x14');
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: 0 });
  });
});

describe('a question of the chat', () => {
  test.each([40, 80, 200])(
    'at %i columns stands in place of the composer; a letter answers, Esc turns away',
    async (cols) => {
      const { terminal } = await open([HELLO], { cols });
      terminal.write('/model llama3.2:7b\r');
      await terminal.waitFor(/› g {2}go on with llama3\.2:1b\n {4}p {2}pull it\n {4}n {2}no\n\n Enter or/);
      expect(terminal.screen()).not.toContain('╭');
      await terminal.answer('\x1b[B');
      await terminal.waitFor(/› p {2}pull it/);
      terminal.write('\x1b');
      await terminal.waitFor(/╭─+╮/);
      terminal.write('/model llama3.2:7b\r');
      await terminal.waitFor('    p  pull it');
      await terminal.answer('p');
      await terminal.waitFor('pulled llama3.2:7b');
      await terminal.waitFor(/╭─+╮/);
    },
  );
});

describe('slash commands', () => {
  test('a question taken back is folded as it was, and a block is shown without its marks', async () => {
    const { terminal, asked } = await open([HELLO]);
    const lines = Array.from({ length: 12 }, (_, index) => `line ${index}`).join('\n');
    terminal.write(`See ${PASTE(lines)}`);
    await terminal.waitFor('│ › See [Pasted 12 lines]');
    terminal.write('\r');
    await terminal.waitFor('43 tokens');
    terminal.write('/undo\r');
    await terminal.waitFor(/is in the prompt again; Ctrl-C clears it\.[^]*│ › See \[Pasted 12 lines\]/);
    terminal.write('!\r');
    await terminal.waitFor(/line 11![^]*43 tokens/);
    expect(asked()[1]?.at(-1)?.content).toBe(`See ${lines}!`);
    terminal.write('"""aa bb"""\r');
    await terminal.waitFor('\n› aa bb\n');
    expect(terminal.screen()).not.toContain('"""');
  });

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
    await terminal.waitFor(/› second[^]*43 tokens/);
    const { messages, options } = JSON.parse(
      server.requests.findLast(({ url }) => url === '/api/chat')?.body ?? '{}',
    );
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
    await terminal.waitFor('Did you mean llama3.2:1b?');
    await terminal.answer('n');
    await terminal.waitFor(/│ › +│\n╰/);
    terminal.write('/model llama3.2:1b\r');
    await terminal.waitFor(/llama3\.2:1b on 127\.0\.0\.1:\d+ · \/help/);
    terminal.write('second\r');
    await terminal.waitFor(/context 1\.2k · load/m);
    expect(
      JSON.parse(server.requests.findLast(({ url }) => url === '/api/chat')?.body ?? '{}'),
    ).toMatchObject({ model: 'llama3.2:1b' });
    expect(asked()[1]).toHaveLength(3);
  });

  test('/help lists them; an unknown one is told with the nearest, goes, and comes back with Up', async () => {
    const { terminal, asked } = await open([HELLO], { rows: 90 });
    terminal.write('/help\r');
    await terminal.waitFor('/bye, /exit, /quit');
    for (const { help } of SLASH_COMMANDS) {
      for (const [usage] of help) expect(terminal.screen()).toContain(usage);
    }
    terminal.write('/claer\r');
    await terminal.waitFor(/Unknown command '\/claer'\. Did you mean '\/clear'\?[^]*│ › +│\n╰/);
    terminal.write('/model\r');
    await terminal.waitFor(/› qwen3:8b\n {4}llama3.2:1b[^]*│ › +│\n╰/);
    expect(asked()).toEqual([]);
    terminal.write('\x1b[A\x1b[A');
    await terminal.waitFor(/│ › \/claer +│\n╰/);
  });
});

/** What each slash command shows at once, in a conversation of one turn; a new command needs a line here. */
const EFFECTS: Readonly<Record<string, { readonly typed: string; readonly shows: RegExp }>> = {
  retry: { typed: '/retry', shows: /43 tokens[^]*\/retry[^]*43 tokens/ },
  continue: { typed: '/continue', shows: /\/continue\n\n[^]*[a-z]/ },
  edit: { typed: '/edit', shows: /edited by a script[^]*43 tokens/ },
  undo: { typed: '/undo', shows: /taken back[^]*╮\n│ › first/ },
  file: { typed: '/file nothing.txt', shows: /nothing\.txt/ },
  image: { typed: '/image nothing.png', shows: /nothing\.png/ },
  copy: { typed: '/copy 9', shows: /✗|block/ },
  model: { typed: '/model', shows: /llama3\.2:1b/ },
  list: { typed: '/list', shows: /llama3\.2:1b/ },
  think: { typed: '/think off', shows: /\/think off\n\n {2}\S/ },
  system: { typed: '/system Be brief.', shows: /The system prompt is set/ },
  set: { typed: '/set parameter seed 1', shows: /seed is 1 now/ },
  show: { typed: '/show', shows: /qwen3:8b[^]*\/show[^]*qwen3:8b/ },
  stats: { typed: '/stats', shows: /\/stats[^]*43/ },
  compact: { typed: '/compact', shows: /\/compact\n\n[^]*\S/ },
  clear: { typed: '/clear', shows: /forgotten/ },
  save: { typed: '/save a name', shows: /\/save a name\n\n.*\S/ },
  load: { typed: '/load nobody', shows: /\/load nobody\n\n.*✗/ },
  sessions: { typed: '/sessions', shows: /\/sessions\n\n[^]*\S/ },
  export: { typed: '/export talk.md', shows: /talk\.md[^]*talk\.md/ },
  help: { typed: '/help model', shows: /model NAME/ },
};

describe.each([40, 80, 200])('every slash command at %i columns', (cols) => {
  test('is tried here', () => {
    // Leaving is tried above.
    const tried = SLASH_COMMANDS.map(({ name }) => name).filter((name) => name !== 'bye');
    expect(Object.keys(EFFECTS).sort()).toEqual(tried.sort());
  });

  test('shows what it did, and leaves the composer ready', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'chat-commands-'));
    const editor = path.join(folder, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nprintf "edited by a script" > "$1"\n', { mode: 0o755 });
    try {
      for (const { typed, shows } of Object.values(EFFECTS)) {
        const { terminal } = await open([HELLO], { cols, rows: 50, env: { OLLAMA_EDITOR: editor } });
        terminal.write('first\r');
        await terminal.waitFor(aboveComposer('43 tokens'));
        terminal.write(`${typed}\r`);
        await terminal.waitFor(new RegExp(`(?:${shows.source})[^]*╰─+╯$`));
        await chat?.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);
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

  test('holds emojis that the terminal takes for wider than they are, and is drawn once', async () => {
    const family = '👨‍👩‍👧‍👦'.repeat(10);
    const { terminal } = await open([HELLO], { cols: 40 });
    terminal.write(`${family}x`);
    await terminal.waitFor(/│ › [^]*╰─+╯$/);
    terminal.write('y\x15text');
    await terminal.waitFor('│ › text');
    terminal.write('❤️ 🇫🇷');
    await terminal.waitFor(/❤️ 🇫🇷 +│\n╰─+╯$/);
    expect(terminal.screen().match(/[╭╰]/g)).toHaveLength(2);
    // A heart is one cell there in place of two; its row ends where the others do.
    expect(terminal.screen()).toContain(`\n│ › text❤️ 🇫🇷${' '.repeat(27)}│\n`);
    terminal.write('\x15/help model\r');
    await terminal.waitFor(/\/model NAME[^]*╯$/);
    expect(terminal.scrollback().match(/[╭╰]/g)).toHaveLength(2);
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
