// Every key of the table does what the table says, in a terminal; a new key or action needs a row here.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KEY_ACTIONS } from '../../../src/config/key-actions.js';
import type { KeyAction } from '../../../src/config/key-actions.js';
import { keyActions } from '../../../src/views/chat/keys.js';
import { answerLines, buildDriver, openChat } from './open-chat.js';
import type { Chat } from './open-chat.js';

const KEYS = keyActions({});

/** What a terminal sends for the keys that are not Ctrl or Alt and a letter. */
const SENT: Readonly<Record<string, string>> = {
  enter: '\r',
  'alt-enter': '\x1b\r',
  'shift-enter': '\x1b[13;2u',
  'ctrl-enter': '\x1b[13;5u',
  tab: '\t',
  'shift-tab': '\x1b[Z',
  escape: '\x1b',
  backspace: '\x7f',
  'shift-backspace': '\x1b[127;2u',
  'alt-backspace': '\x1b\x7f',
  'ctrl-backspace': '\x1b[127;5u',
  'ctrl-alt-h': '\x1b\x08',
  delete: '\x1b[3~',
  'alt-delete': '\x1b[3;3~',
  'ctrl-delete': '\x1b[3;5~',
  left: '\x1b[D',
  right: '\x1b[C',
  up: '\x1b[A',
  down: '\x1b[B',
  'alt-left': '\x1b[1;3D',
  'alt-right': '\x1b[1;3C',
  'ctrl-left': '\x1b[1;5D',
  'ctrl-right': '\x1b[1;5C',
  home: '\x1b[H',
  end: '\x1b[F',
  'ctrl-home': '\x1b[1;5H',
  'ctrl-end': '\x1b[1;5F',
  'alt-less': '\x1b<',
  'alt-greater': '\x1b>',
  'ctrl-underscore': '\x1f',
  'ctrl-slash': '\x1b[47;5u',
  'ctrl-shift-minus': '\x1b[45;6u',
  'ctrl-shift-z': '\x1b[122;6u',
};

function sentFor(key: string): string {
  const [, modifier, letter = ''] = /^(ctrl|alt)-([a-z])$/.exec(key) ?? [];
  if (modifier === 'alt') return `\x1b${letter}`;
  if (modifier === 'ctrl') return String.fromCharCode(letter.charCodeAt(0) - 96);
  const sent = SENT[key];
  if (sent === undefined) throw new Error(`what does a terminal send for ${key}?`);
  return sent;
}

/** What is typed before the key, and what the screen shows of it; what is typed after it; what it shows then. */
interface Row {
  readonly before?: readonly (readonly [typed: string, shows: RegExp])[];
  readonly after?: string;
  readonly shows: RegExp;
}

/** The composer with these lines, and what stands below it. */
const composer = (lines: readonly string[], below = '\\n*'): RegExp =>
  new RegExp(
    `╮\\n${lines.map((line, at) => `│ ${at === 0 ? '›' : ' '} ${line} +│\\n`).join('')}╰─+╯${below}$`,
  );
const typed = (text: string): NonNullable<Row['before']> => [[text, /╮\n│ › [^]*╰/]];
/** Types, presses the key, and types an X where the cursor is then. */
const moved = (text: string, ...lines: string[]): Row => ({
  before: typed(text),
  after: 'X',
  shows: composer(lines),
});
const OFFER = / {4}qwen3:8b\n {4}llama3\.2:1b$/;
const HOME = '\x1b[H';
const LINES = 'one\x1b\rtwo';

/** What each action does; two questions were sent before, the last of them answered with a thought. */
const ROWS: Readonly<Record<Exclude<KeyAction, 'none' | 'end-of-input'>, Row>> = {
  send: { before: typed('/nope'), shows: /Unknown command '\/nope'/ },
  newline: moved('one', 'one', 'X'),
  left: moved('abc', 'abXc'),
  right: moved(`abc${HOME}`, 'aXbc'),
  up: moved(LINES, 'oneX', 'two'),
  down: moved(`${LINES}\x1b[A`, 'one', 'twoX'),
  'line-start': moved(LINES, 'one', 'Xtwo'),
  'line-end': moved(`${LINES}${HOME}`, 'one', 'twoX'),
  'text-start': moved(LINES, 'Xone', 'two'),
  'text-end': moved(`${LINES}\x1b[A`, 'one', 'twoX'),
  'word-left': moved('one two', 'one Xtwo'),
  'word-right': moved(`one two${HOME}`, 'oneX two'),
  'delete-back': moved('abc', 'abX'),
  'delete-forward': moved(`abc${HOME}`, 'Xbc'),
  'delete-word-back': moved('one two', 'one X'),
  'delete-word-forward': moved(`one two${HOME}`, 'X two'),
  'kill-to-start': moved('one two\x1b[D\x1b[D', 'Xwo'),
  'kill-to-end': moved('one two\x1b[D\x1b[D', 'one tX'),
  yank: moved('one \x15two ', 'two one X'),
  transpose: moved('abc', 'acbX'),
  undo: moved('one two\x17', 'one twoX'),
  redo: moved('one two\x17\x1f', 'one X'),
  complete: { before: typed('/mod'), shows: composer(['/model']) },
  'complete-back': {
    before: [['/model \t', OFFER]],
    shows: /│ › \/model llama3\.2:1b +│\n╰─+╯\n {4}qwen3:8b\n {2}› llama3\.2:1b$/,
  },
  'search-history': { after: 'first', shows: composer(['first question'], '\\n search: first') },
  'search-forward': {
    before: [
      ['\x12question', composer(['second question'], '\\n search: question')],
      ['\x12', composer(['first question'], '\\n search: question')],
    ],
    shows: composer(['second question'], '\\n search: question'),
  },
  'open-editor': { before: typed('abc'), shows: composer(['edited by a script']) },
  'show-thinking': { shows: /▾ thought for .*\n {4}a thought\n/ },
  'clear-screen': { before: typed('abc'), after: 'X', shows: /^\n*╭─+╮\n│ › abcX +│\n╰─+╯$/ },
  interrupt: { before: [['abc', composer(['abc'])]], after: 'X', shows: composer(['X']) },
  suspend: { before: typed('abc'), shows: /shell\$ fg\n\n╭─+╮\n│ › abc +│\n╰─+╯$/ },
  escape: { before: [['/model \t', OFFER]], shows: composer(['/model']) },
};

beforeAll(buildDriver, 60_000);

let chat: Chat | undefined;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-keys-'));
});
afterEach(async () => {
  await chat?.close();
  chat = undefined;
  rmSync(folder, { recursive: true, force: true });
});

test('every action has a row, and every row a key', () => {
  const rows = [...Object.keys(ROWS), 'none', 'end-of-input'];
  expect(rows.sort()).toEqual([...KEY_ACTIONS].sort());
  expect(new Set([...KEYS.values(), 'none'])).toEqual(new Set(KEY_ACTIONS));
});

describe.each([40, 80, 200])('at %i columns', (cols) => {
  test('every key does what the table says', async () => {
    const editor = path.join(folder, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nprintf "edited by a script" > "$1"\n', { mode: 0o755 });
    chat = await openChat([{ body: answerLines(['Here.'], ['a thought']) }], {
      cols,
      env: { OLLAMA_EDITOR: editor },
    });
    const { terminal } = chat;
    for (const question of ['first question', 'second question']) {
      terminal.write(`${question}\r`);
      await terminal.waitFor(new RegExp(`› ${question}\\n[^]*43 tokens[^]*│ › +│\\n╰─+╯\\n*$`));
    }
    for (const [key, action] of KEYS) {
      if (action === 'none' || action === 'end-of-input') continue;
      const { before = [], after = '', shows } = ROWS[action];
      for (const [text, seen] of before) {
        terminal.write(text);
        await terminal.waitFor(seen);
      }
      terminal.write(sentFor(key) + after);
      await terminal.waitFor(shows).catch((error: unknown) => {
        throw new Error(`${key}, which is ${action}`, { cause: error });
      });
      // Leaves a search; then there is a text to drop, whatever there was.
      terminal.write('\x1b[FX\x03');
      await terminal.waitFor(composer(['']));
    }
  }, 90_000);

  test('Ctrl-D leaves', async () => {
    expect([...KEYS].filter(([, action]) => action === 'end-of-input')).toEqual([['ctrl-d', 'end-of-input']]);
    chat = await openChat([], { cols });
    chat.terminal.write(sentFor('ctrl-d'));
    expect(await chat.terminal.exit).toEqual({ exitCode: 0, signal: 0 });
  });
});
