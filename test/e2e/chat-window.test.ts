import { describe, expect, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/server.js';
import type { Terminal } from '../support/terminal.js';
import { asked, LEFT, openChat, openSandbox, say } from './open-chat.js';
import { SOON } from './program.js';

const MODEL = 'tinyllama:1.1b';
/** One that was made for a longer window. */
const LARGER = 'llama3.2:1b';
/** So many words in lines of ten, which a paste folds, and one more. */
const words = (count: number, last: string): string =>
  `${`${'word '.repeat(9)}word\n`.repeat(count / 10)}${last}`;

interface Told {
  readonly model: string;
  readonly options?: { readonly num_ctx?: number };
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

const told = (sandbox: Sandbox): Told[] =>
  sandbox.requests
    .filter(({ path, body }) => path === '/api/chat' && (body as Told).messages.length > 0)
    .map(({ body }) => body as Told);

/** Pastes a text, which is shown as a chip, and sends it. */
async function paste(terminal: Terminal, text: string): Promise<void> {
  terminal.write(`\x1b[200~${text}\x1b[201~`);
  await terminal.waitFor(/│ › \S/, SOON);
  terminal.write('\r');
}

const since = (terminal: Terminal, text: string): string =>
  terminal.scrollback().slice(terminal.scrollback().lastIndexOf(text)).replace(/\s+/g, ' ');

/** A conversation of two turns in a window of 512 tokens, and a question that does not fit any more. */
async function openFull(cols = 80): Promise<{ sandbox: Sandbox; terminal: Terminal }> {
  const sandbox = await openSandbox({ installed: [MODEL, LARGER] });
  const terminal = await openChat(sandbox.url, { cols, rows: 50 }, [
    MODEL,
    '--no-warm-up',
    '--num-ctx',
    '512',
  ]);
  for (const [index, question] of ['first', 'second'].entries()) {
    await paste(terminal, words(100, question));
    await expect.poll(() => told(sandbox).length, { timeout: SOON }).toBe(index + 1);
    await expect
      .poll(() => terminal.scrollback().match(/context \d+ of 512/g)?.length, { timeout: SOON })
      .toBe(index + 1);
  }
  await paste(terminal, words(150, 'third'));
  await terminal.waitFor('Esc turns away', SOON);
  return { sandbox, terminal };
}

describe('a conversation that does not fit', () => {
  test.each([40, 200])('asks what is to be done, in %i columns', async (cols) => {
    const { terminal } = await openFull(cols);
    const screen = terminal.screen().replace(/\s+/g, ' ');
    for (const way of ['drop the 2 oldest turns', 'summarise', 'num_ctx 1024', LARGER, 'stop']) {
      expect(screen).toContain(way);
    }
  });

  test.each<[string, string, (sandbox: Sandbox, terminal: Terminal) => Promise<void>]>([
    [
      'drops the oldest turns',
      'd',
      async (sandbox) => {
        await expect.poll(() => told(sandbox).at(-1)?.messages.length, { timeout: SOON }).toBeLessThan(5);
        const { messages, options } = told(sandbox).at(-1) ?? { messages: [], options: {} };
        expect(messages[0]?.content).not.toContain('first');
        expect(messages.at(-1)?.content).toContain('third');
        expect(options?.num_ctx).toBe(512);
      },
    ],
    [
      'sums the older turns up',
      's',
      async (sandbox) => {
        // The older turns are too long for the window as well: they are summed up piece by piece.
        const first = (): string | undefined => told(sandbox).at(-1)?.messages[0]?.content;
        await expect.poll(first, { timeout: SOON }).toMatch(/^Summary of the conversation so far:/);
        const { messages } = told(sandbox).at(-1) ?? { messages: [] };
        expect(messages.at(-1)?.content).toMatch(/third$/);
        expect(messages.map(({ role }) => role)).toEqual(['system', 'user']);
      },
    ],
    [
      'takes a larger window',
      'w',
      async (sandbox) => {
        await expect.poll(() => told(sandbox).at(-1)?.options?.num_ctx, { timeout: SOON }).toBe(1024);
        expect(told(sandbox).at(-1)?.messages).toHaveLength(5);
      },
    ],
    [
      'takes another model',
      '1',
      async (sandbox, terminal) => {
        await expect.poll(() => told(sandbox).at(-1)?.model, { timeout: SOON }).toBe(LARGER);
        expect(told(sandbox).at(-1)?.messages).toHaveLength(5);
        expect(terminal.scrollback()).toContain(LARGER);
      },
    ],
  ])('%s where that is chosen, and is answered', async (_, key, check) => {
    const { sandbox, terminal } = await openFull();
    await terminal.answer(key);
    await check(sandbox, terminal);
    await expect.poll(() => since(terminal, 'third'), { timeout: SOON }).toMatch(/tokens · /);
    await say(terminal, '/retry');
    await expect.poll(() => since(terminal, '/retry'), { timeout: SOON }).toMatch(/tokens · /);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
  });

  test.each(['x', '\x1b', '\x03'])(
    'stops at %j: the question is given back, and goes when it is shorter',
    async (key) => {
      const { sandbox, terminal } = await openFull();
      const before = told(sandbox).length;
      await terminal.answer(key);
      await terminal.waitFor(/│ +third +│/, SOON);
      expect(told(sandbox)).toHaveLength(before);
      // With a text there, Ctrl-C takes it away.
      terminal.write('\x03');
      await say(terminal, 'short');
      await expect.poll(() => told(sandbox).length, { timeout: SOON }).toBe(before + 1);
      expect(told(sandbox).at(-1)?.messages).toHaveLength(5);
      expect(told(sandbox).at(-1)?.messages.at(-1)?.content).toBe('short');
    },
  );
});

describe('a server that cuts in silence', () => {
  test.each<[string, SandboxOptions]>([
    ['an old one', { version: '0.5.13' }],
    ['one that does not listen', { faults: [parseFault('cut-window')] }],
  ])('is told of: %s', async (_, options) => {
    const sandbox = await openSandbox({ installed: [MODEL], ...options });
    const terminal = await openChat(sandbox.url, { rows: 40 }, [MODEL, '--no-warm-up', '--num-ctx', '256']);
    await paste(terminal, words(400, 'count to 5'));
    await expect
      .poll(() => terminal.scrollback().replace(/\s+/g, ' '), { timeout: SOON })
      .toMatch(/seems to have left out the beginning.*\/compact/);
    expect(asked(sandbox)).toHaveLength(1);
  });

  test('is not where it was allowed to', async () => {
    const sandbox = await openSandbox({ installed: [MODEL] });
    const terminal = await openChat(sandbox.url, { rows: 40 }, [
      ...[MODEL, '--no-warm-up', '--num-ctx', '256', '--truncate'],
    ]);
    await paste(terminal, words(400, 'count to 5'));
    await expect.poll(() => terminal.scrollback(), { timeout: SOON }).toMatch(/tokens · /);
    expect(terminal.scrollback()).not.toMatch(/seems to have/);
  });
});
