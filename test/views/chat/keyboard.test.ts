import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openKeyboard } from '../../../src/views/chat/keyboard.js';
import type { InputToken } from '../../../src/views/chat/key-parser.js';
import { openTerminal } from '../../support/terminal.js';

/** A keyboard on streams: what was heard, and what was done to the terminal, in their order. */
function open(ahead = '', env: Record<string, string> = {}) {
  const tokens: InputToken[] = [];
  const done: string[] = [];
  const stdin = Object.assign(new PassThrough(), {
    setRawMode: (isRaw: boolean) => done.push(isRaw ? 'raw' : 'cooked'),
  });
  const stdout = new PassThrough();
  stdout.on('data', (chunk) => done.push(String(chunk)));
  if (ahead !== '') stdin.write(ahead);
  const keyboard = openKeyboard({
    stdin,
    stdout,
    env,
    onToken: (token) => tokens.push(token),
    onEnd: () => done.push('end'),
  });
  return { keyboard, stdin, tokens, done };
}

const tell = (tokens: readonly InputToken[]): string =>
  tokens.map((token) => (token.type === 'sequence' ? `<${token.sequence}>` : token.text)).join('');

describe('the keyboard', () => {
  test('takes the terminal, gives it to others for a while, and gives it back', async () => {
    const { keyboard, stdin, tokens, done } = open('', { TERM: 'xterm-kitty' });
    keyboard.pause();
    keyboard.pause();
    stdin.write('for the editor');
    await sleep(20);
    expect(tell(tokens)).toBe('');
    stdin.read();
    keyboard.resume();
    stdin.write('b');
    await sleep(20);
    expect(tell(tokens)).toBe('b');
    keyboard.close();
    const on = ['raw', '\u001B[?2004h\u001B[>5u'];
    const off = ['cooked', '\u001B[<u\u001B[?2004l'];
    await sleep(0);
    expect([...done].sort()).toEqual([...on, ...off, ...on, ...off].sort());
    expect(stdin.listenerCount('data')).toBe(0);
  });

  test('does not go on after a pause with a sequence that was begun before it', async () => {
    const { keyboard, stdin, tokens } = open();
    await sleep(5);
    stdin.write('\u001B[1;');
    await sleep(5);
    keyboard.pause();
    keyboard.resume();
    stdin.write('5C');
    await sleep(20);
    expect(tell(tokens)).toBe('5C');
  });

  test('tells of a lone ESC after a short silence', async () => {
    const { stdin, tokens } = open();
    stdin.write('\u001B');
    await expect.poll(() => tell(tokens)).toBe('<\u001B>');
  });

  test.each([
    ['hello\n', 'hello'],
    ['one\ntwo\n', 'one<\n>two'],
    ['\n', ''],
    ['\n\n', '<\n>'],
    ['no end', 'no end'],
  ])('hears of what was typed before it, %j, as %j: nothing of it sends', async (ahead, heard) => {
    const { stdin, tokens } = open(ahead);
    await sleep(20);
    expect(tell(tokens)).toBe(heard);
    stdin.write('!\n');
    await sleep(20);
    expect(tell(tokens)).toBe(`${heard}!<\n>`);
  });

  test('hears of the end of the terminal', async () => {
    const { stdin, done } = open();
    stdin.end();
    await expect.poll(() => done).toContain('end');
  });
});

const PROGRAM = `
const { openKeyboard } = await import(process.env.KEYBOARD);
process.stdout.write('ready');
await new Promise((resolve) => setTimeout(resolve, Number(process.env.LATE)));
let heard = '';
const keyboard = openKeyboard({
  stdin: process.stdin, stdout: process.stdout, env: {},
  onToken: (token) => {
    heard += token.type === 'sequence' ? '<' + token.sequence.charCodeAt(0) + '>' : token.text;
    process.stdout.write('\\r\\nheard ' + heard + '.');
  },
  onEnd: () => {},
});
const end = Date.now() + 200;
while (Date.now() < end);
process.stdout.write('\\r\\nopen');
`;

test.skipIf(process.platform === 'win32')(
  'a line typed while the program starts is there without its end',
  async () => {
    const { build } = await import('esbuild');
    const bundled = await build({
      entryPoints: ['src/views/chat/keyboard.ts'],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      logLevel: 'silent',
    });
    const code = `data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0]?.contents ?? []).toString('base64')}`;
    const terminal = openTerminal({
      args: ['--input-type=module', '-e', PROGRAM],
      env: { KEYBOARD: code, LATE: '1500' },
    });
    try {
      await terminal.waitFor('ready');
      terminal.write('hello\r');
      await terminal.waitFor('open', 20_000);
      await terminal.waitFor('heard hello.');
      terminal.write('\r');
      await terminal.waitFor('heard hello<13>.');
    } finally {
      await terminal.close();
    }
  },
);
