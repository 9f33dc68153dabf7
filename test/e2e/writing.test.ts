import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.js';
import type { Terminal } from '../support/terminal.js';
import { asked, MODEL, openChat, openSandbox, waitForAnswers } from './open-chat.js';
import { openFolder, openProgram, SOON } from './program.js';

const LINES = Array.from({ length: 40 }, (_, index) => `line ${index + 1} of 日本`).join('\n');
const PASTED = `\x1B[200~${LINES}\x1B[201~`;

/** What the model was sent last. */
const lastAsked = (sandbox: Sandbox): string | undefined => asked(sandbox).at(-1)?.at(-1)?.content;

/** Types keys one after the other, each once the screen shows what the one before it did. */
async function type(
  terminal: Terminal,
  ...steps: readonly (readonly [keys: string, shows: string | RegExp])[]
) {
  for (const [keys, shows] of steps) {
    terminal.write(keys);
    await terminal.waitFor(shows, SOON);
  }
}

describe.each([40, 80, 200])('writing at %i columns', (cols) => {
  const open = async (options: Parameters<typeof openChat>[1] = {}) => {
    const sandbox = await openSandbox();
    const terminal = await openChat(sandbox.url, { cols, ...options });
    const send = async (answers = 1): Promise<string | undefined> => {
      terminal.write('\r');
      await waitForAnswers(terminal, answers);
      return lastAsked(sandbox);
    };
    return { sandbox, terminal, send };
  };

  test('goes over several lines by every key for it', async () => {
    const { terminal, send } = await open();
    await type(
      terminal,
      ['one\x1B\rtwo', /│ {3}two/],
      ['\nthree', /│ {3}three/],
      ['\x1B[27;2;13~four', /│ {3}four/],
      ['\x1B[13;2ufive', /│ {3}five/],
      ['\\\rsix', /│ {3}six/],
    );
    expect(await send()).toBe('one\ntwo\nthree\nfour\nfive\nsix');
    await type(terminal, ['"""a\rb', /│ {3}b/], ['"""', /│ {3}b"""/]);
    expect(await send(2)).toBe('a\nb');
  });

  test('keeps a long paste as a chip, which undo takes back and Enter sends whole', async () => {
    const { sandbox, terminal, send } = await open();
    await type(
      terminal,
      [`see ${PASTED} why?`, '│ › see [Pasted 40 lines] why?'],
      ['\x1B[D\x1B[D\x1B[D\x1B[D\x1B[D\x7F', '│ › see  why?'],
      ['\x1F', '│ › see [Pasted 40 lines] why?'],
    );
    expect(lastAsked(sandbox)).toBeUndefined();
    expect(await send()).toBe(`see ${LINES} why?`);
    await type(terminal, ['\x1B[A', 'line 40 of 日本 why?']);
    expect(await send(2)).toBe(`see ${LINES} why?`);
  });

  test('moves, kills, yanks and undoes as readline does', async () => {
    const { terminal, send } = await open();
    await type(
      terminal,
      ['naïve 日本 한국 end', /end/],
      ['\x17', /│ › naïve 日本 \S+ +│/],
      ['\x01\x19', '│ › endnaïve'],
      ['\x1BD\x1Bz', '│ › endnaïve'],
      ['\x1Bb\x1F', /│ › naïve/],
      ['\x05\x7F\x7F\x7F!', /│ › naïve 日本 ! +│/],
    );
    expect(await send()).toBe('naïve 日本 !');
  });

  test('finds what was sent before with Ctrl-R, and sends it only with another Enter', async () => {
    const { sandbox, terminal, send } = await open();
    await type(terminal, ['the first one', '│ › the first one']);
    await send();
    await type(terminal, ['another', '│ › another']);
    await send(2);
    await type(
      terminal,
      ['draft\x12', 'search what you sent'],
      ['firs', /│ › the first one[^]*search: firs/],
      ['\x07', '│ › draft'],
      ['\x12first\r', /│ › the first one +│/],
    );
    expect(asked(sandbox).at(-1)?.at(-1)?.content).toBe('another');
    expect(await send(3)).toBe('the first one');
  });

  test.skipIf(process.platform === 'win32')(
    'opens the editor with Ctrl-G, on what is written, pastes in full',
    async () => {
      const cwd = openFolder();
      const editor = path.join(cwd, 'edit');
      writeFileSync(
        editor,
        '#!/bin/sh\n[ "$1" = -x ] && grep -c line "$2" > seen && printf "and more\\n" >> "$2"\n',
      );
      chmodSync(editor, 0o755);
      const { terminal, send } = await open({
        cwd,
        env: { OLLAMA_EDITOR: `"${editor}" -x`, EDITOR: 'nothing' },
      });
      await type(terminal, [PASTED, '[Pasted 40 lines]'], ['\x07', /│ {3}and more/]);
      expect(await send()).toBe(`${LINES}\nand more`);
    },
  );

  test('says that an editor is not there, and keeps the text', async () => {
    const { terminal, send } = await open({ env: { OLLAMA_EDITOR: 'no-such-editor' } });
    await type(terminal, ['text\x07', 'no such program'], ['!', '│ › text!']);
    expect(await send()).toBe('text!');
  });

  test('completes commands, models and files with Tab', async () => {
    const cwd = openFolder();
    mkdirSync(path.join(cwd, 'notes'));
    writeFileSync(path.join(cwd, 'notes', 'to read.txt'), 'what is in it');
    const { terminal, send } = await open({ cwd });
    await type(
      terminal,
      ['/mo\t', /│ › \/model +│/],
      ['gemma3:1\t', '│ › /model gemma3:1b'],
      ['\x15/se\t', /│ › \/se +│[^]*\/set[^]*\/sessions/],
      ['\t', '│ › /set '],
      ['\t', '│ › /sessions'],
      ['\t', '│ › /set '],
      ['\x1B', /│ › \/set +│\n╰─+╯(?:\n context 4k)?\s*$/],
      ['\x15@no\t', '│ › @notes/'],
      ['\t', '│ › @"notes/to read.txt"'],
    );
    expect(await send()).toContain('what is in it');
  });

  test('takes no answer of the terminal, and no key that it does not know, for text', async () => {
    const { terminal, send } = await open();
    const replies = [
      ...[
        '\x1B[?62;22c',
        '\x1B[24;80R',
        '\x1B[?2026;2$y',
        '\x1B]11;rgb:0000/0000/0000\x07',
        '\x1B]10;rgb:f/f/f\x1B\\',
      ],
      ...[
        '\x1BP>|XTerm(370)\x1B\\',
        '\x1B[?0u',
        '\x1B[<0;3;4M',
        '\x1B[M !!',
        '\x1B[I',
        '\x1B[O',
        '\x1B[15;2~',
        '\x9B?1;2c',
      ],
    ];
    await type(terminal, [`a${replies.join('b')}c`, /│ › ab+c +│/]);
    expect(await send()).toBe(`a${'b'.repeat(replies.length - 1)}c`);
  });

  test('knows the keys that the configuration gives it', async () => {
    const cwd = openFolder();
    mkdirSync(path.join(cwd, '.config', 'ollama-cli'), { recursive: true });
    const keys = { 'ctrl-t': 'newline', 'ctrl-w': 'none', f5: 'kill-to-start', 'ctrl-c': 'none' };
    writeFileSync(path.join(cwd, '.config', 'ollama-cli', 'config.json'), JSON.stringify({ keys }));
    const { terminal, send } = await open({ cwd });
    await type(
      terminal,
      ['one two\x17\x14three', /│ › one two +│\n│ {3}three/],
      ['x\x1B[15~four', /│ {3}four/],
    );
    expect(await send()).toBe('one two\nfour');
    await type(terminal, ['gone?\x03', /│ › +│/]);
  });
});

test('what is typed while the program starts is in the composer, and not sent', async () => {
  const sandbox = await openSandbox();
  const terminal = openProgram(['chat', MODEL], sandbox.url);
  terminal.write('early bird\r');
  await terminal.waitFor(/│ › early bird +│/, SOON);
  terminal.write('\r');
  await waitForAnswers(terminal, 1);
  expect(lastAsked(sandbox)).toBe('early bird');
});
