import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { chatFaults, PNG, SEEING_MODEL, type ChatFault } from '../sandbox/chat-faults.js';
import { foreignSequences } from '../support/sequences.js';
import { openTerminal, type Terminal } from '../support/terminal.js';
import { asked, LEFT, say } from './open-chat.js';
import { BIN, SOON } from './program.js';

/** Faults of the window are tried where the window is. */
const ROWS = chatFaults().filter(({ needs }) => needs !== 'long prompt');
const WHOLE = / 1 2 3 [\d ]*39 40 /;

describe.each([
  [80, [], ROWS],
  // Where there is little room, and where nothing is redrawn, the same faults at half of their places.
  [40, [], ROWS.filter((_, index) => index % 2 === 0)],
  [80, ['--accessible'], ROWS.filter((_, index) => index % 2 === 1)],
] as const)('a chat of %i columns with %j', (cols, flags, rows) => {
  let folder: string;
  let sandbox: Sandbox;
  let terminal: Terminal;
  const isPlain = flags.length > 0;

  // One conversation meets them all, one after the other.
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'ollama-cli-e2e-'));
    writeFileSync(path.join(folder, 'dot.png'), PNG);
    sandbox = await startSandbox({
      installed: [SEEING_MODEL, 'gemma3:1b'],
      tokensPerSecond: 2000,
      loadMs: 0,
    });
    const args = [BIN, 'chat', SEEING_MODEL, '--no-warm-up', ...flags];
    terminal = openTerminal({ args, cols, rows: 50, cwd: folder, env: { OLLAMA_HOST: sandbox.url } });
    await terminal.waitFor(isPlain ? /^>/m : /│ ›/, SOON);
  });
  afterAll(async () => {
    await terminal.close();
    await sandbox.close();
    rmSync(folder, { recursive: true });
  });

  /** What is on the screen and above it since the text, on one line. */
  function since(text: string): string {
    const all = terminal
      .scrollback()
      .replace(/[│╭╰╮╯─]/g, ' ')
      .replace(/\s+/g, ' ');
    const at = all.lastIndexOf(text);
    return at < 0 ? '' : `${all.slice(at)} `;
  }

  async function type(text: string): Promise<void> {
    if (isPlain) terminal.write(`${text}\r`);
    else await say(terminal, text);
  }

  async function meet({ fault, needs, words, comes, code }: ChatFault, question: string): Promise<void> {
    if (needs === 'image') {
      await type('/image dot.png');
      await terminal.waitFor(/dot\.png[^]*(?:attached|with the next)/, SOON);
    }
    sandbox.setFaults([parseFault(fault)]);
    await type(question);
    const seen = expect.poll(() => since(question), { timeout: SOON });
    if (fault.startsWith('stall')) {
      await seen.toMatch(/ 1 2 3 /);
      terminal.write('\x03');
      await seen.toMatch(/\(stopped\)/);
    } else if (fault === '404') {
      // It may be pulled, which nobody wants here.
      await seen.toMatch(/not installed/);
      terminal.write(isPlain ? '\x03' : '\x1b');
    } else if (code === undefined) await seen.toMatch(/ 39 40 .*tokens/);
    else await seen.toMatch(words);
    if (comes !== 'nothing') await seen.toMatch(/\) (?!Error)[\w\]]/);
    if (comes === 'part') expect(since(question)).not.toMatch(WHOLE);
  }

  test.each(rows.map((row) => [row.fault, row] as const))(
    'stays through %s, and /retry goes on',
    async (fault, row) => {
      const question = `count to 40 (${fault})`;
      const before = asked(sandbox).length;
      await meet(row, question);
      const isFailed = row.code !== undefined;
      if (isFailed && !fault.startsWith('stall'))
        await expect.poll(() => since(question), { timeout: SOON }).toContain('/retry');
      // Nothing that was said before is lost: it is sent again with every question.
      const sent = asked(sandbox).slice(before);
      expect(sent.at(-1)?.at(-1)?.content).toBe(question);
      sandbox.setFaults([]);
      await type('/retry');
      await expect.poll(() => asked(sandbox).length - before, { timeout: SOON }).toBe(2);
      await expect.poll(() => since('/retry'), { timeout: SOON }).toMatch(/ 1 2 3 [\d ]*39 40 .*tokens/);
      const again = asked(sandbox).at(-1);
      expect(again).toEqual(sent.at(-1));
      // What is told of it before the next question does not stay in the way.
      expect(foreignSequences(terminal.raw(), { styles: true, links: true })).toEqual([]);
    },
  );

  test('keeps each question with its one answer, and leaves as ever', async () => {
    await type('the end');
    await expect.poll(() => since('the end'), { timeout: SOON }).toMatch(/tokens/);
    const last = asked(sandbox).at(-1) ?? [];
    expect(last.map(({ role }) => role)).toEqual([...rows.flatMap(() => ['user', 'assistant']), 'user']);
    for (const { content } of last.filter(({ role }) => role === 'assistant'))
      expect(content).toMatch(/39 40$/);
    terminal.write('\x04');
    expect(await terminal.exit).toEqual(LEFT);
  });
});
