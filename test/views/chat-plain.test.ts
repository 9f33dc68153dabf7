import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { testIo } from '../support/io.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ installed: ['gemma3:1b'], tokensPerSecond: 500, loadMs: 0 });
});
afterAll(async () => await sandbox.close());

/** A machine with much else to do may need seconds to start the chat. */
const poll = <T>(read: () => T) => expect.poll(read, { timeout: 4_000 });

interface PlainChat {
  readonly ended: Promise<number>;
  text(): string;
  type(text: string): void;
  abort(): void;
}

function openPlain(argv: string[] = [], env: Record<string, string> = {}): PlainChat {
  const stdin = new PassThrough();
  const test = testIo({
    tty: true,
    stdinTty: true,
    stdin,
    env: { OLLAMA_HOST: sandbox.url, OLLAMA_NOHISTORY: '1', ...env },
  });
  return {
    ended: main(['chat', 'gemma3:1b', '--color', 'never', ...argv], test.io),
    text: test.stdout,
    type: (text) => void stdin.write(text),
    abort: () => test.abort(),
  };
}

function messages(): { role: string; content: string }[] {
  const body = sandbox.requests.filter(({ path }) => path === '/api/chat').at(-1)?.body;
  return (body as { messages: { role: string; content: string }[] }).messages;
}

describe('the chat line by line', () => {
  it.each([
    [['--accessible'], {}],
    [[], { TERM: 'dumb' }],
    [[], { CI: '1' }],
  ])('answers with %j and %j, and never redraws', async (argv, env) => {
    const chat = openPlain(argv, env);
    await poll(chat.text).toContain('> ');
    chat.type('hello\r');
    await poll(chat.text).toMatch(/\d+ tokens/);
    chat.type('/set system be brief\r');
    await poll(chat.text).toContain('The system prompt is set');
    chat.type('again\r');
    await poll(() => chat.text().match(/\d+ tokens/g)?.length).toBe(2);
    expect(messages().map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user']);
    chat.type('/bye\r');
    expect(await chat.ended).toBe(0);
    // Neither up, nor a wiped line, nor a hidden cursor, nor a synchronized frame.
    expect(chat.text()).not.toMatch(/\x1b\[(?:\d*[AFK]|2K|\?25l|\?2026)/);
  });

  it('takes the lines of a paste, a block and a continued line as one text', async () => {
    const chat = openPlain(['--accessible']);
    await poll(chat.text).toContain('> ');
    chat.type('one\rtwo\r');
    await poll(chat.text).toMatch(/\d+ tokens/);
    expect(messages().at(-1)?.content).toBe('one\ntwo');
    chat.type('"""a\r');
    await poll(chat.text).toContain('... ');
    chat.type('b"""\r');
    await poll(() => chat.text().match(/\d+ tokens/g)?.length).toBe(2);
    expect(messages().at(-1)?.content).toBe('a\nb');
    chat.type('\x04');
    expect(await chat.ended).toBe(0);
  });

  it('stops an answer at Ctrl-C and keeps what came; at rest it leaves the second time', async () => {
    const chat = openPlain(['--accessible']);
    await poll(chat.text).toContain('> ');
    sandbox.setFaults([{ name: 'stall' }]);
    chat.type('a long story\r');
    await poll(() => messages().at(-1)?.content).toBe('a long story');
    chat.type('\x03');
    await poll(chat.text).toContain('(stopped, ');
    sandbox.setFaults([]);
    chat.type('\x03');
    await poll(chat.text).toContain('Ctrl-D or /bye leaves');
    chat.type('\x03');
    expect(await chat.ended).toBe(0);
  });

  it('lists the commands that there are, in words', async () => {
    const chat = openPlain(['--accessible']);
    await poll(chat.text).toContain('> ');
    chat.type('/help\r');
    await poll(chat.text).toContain('/set system');
    expect(chat.text()).toMatch(/\/model NAME: /);
    chat.abort();
    expect(await chat.ended).toBe(0);
  });

  it('asks with numbered lines; a number chooses, Ctrl-C turns away', async () => {
    const chat = openPlain(['--accessible']);
    await poll(chat.text).toContain('> ');
    chat.type('/model gemma3:4b\r');
    await poll(chat.text).toContain('2 or p: pull it');
    chat.type('3\r');
    await poll(chat.text).toContain('Still talking to gemma3:1b');
    chat.type('/model gemma3:4b\r');
    await poll(() => chat.text().match(/2 or p: pull it/g)?.length).toBe(2);
    chat.type('\x03');
    await poll(() => chat.text().match(/Still talking to gemma3:1b/g)?.length).toBe(2);
    chat.type('\x04');
    expect(await chat.ended).toBe(0);
  });

  it('gives a question back to be sent again', async () => {
    const chat = openPlain(['--accessible']);
    await poll(chat.text).toContain('> ');
    chat.type('an odd question\r');
    await poll(chat.text).toMatch(/\d+ tokens/);
    chat.type('/undo\r');
    await poll(chat.text).toMatch(/taken back[^]*an odd question$/);
    chat.type(' indeed\r');
    await poll(() => messages().at(-1)?.content).toBe('an odd question indeed');
    chat.abort();
    expect(await chat.ended).toBe(0);
  });

  it.each([
    ['keeps that the model was used, and how fast it was', {}, true],
    ['keeps nothing of it with OLLAMA_NOHISTORY', { OLLAMA_NOHISTORY: '1' }, false],
  ])('%s', async (_what, env, isKept) => {
    const state = mkdtempSync(path.join(tmpdir(), 'chat-use-'));
    const chat = openPlain(['--accessible'], { OLLAMA_NOHISTORY: '', XDG_STATE_HOME: state, ...env });
    await poll(chat.text).toContain('> ');
    chat.type('hello\r');
    await poll(chat.text).toMatch(/\d+ tokens/);
    chat.type('\x04');
    expect(await chat.ended).toBe(0);
    const file = path.join(state, 'ollama-cli', 'usage.jsonl');
    expect(existsSync(file)).toBe(isKept);
    if (isKept) {
      // The first line is of the model's loading.
      const line = readFileSync(file, 'utf8').trim().split('\n').at(-1);
      const use = JSON.parse(line ?? '') as Record<string, unknown>;
      expect(use).toMatchObject({ host: sandbox.url, model: 'gemma3:1b' });
      expect(use['tokens_per_second']).toBeGreaterThan(0);
    }
    rmSync(state, { recursive: true });
  });
});
