import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ChatMessage } from '../../src/core/wire.js';
import type { Sandbox } from '../../src/sandbox/server.js';
import { asked, MODEL, openChat, openSandbox, say } from './open-chat.js';
import { BIN, openFolder, runProgram, SOON } from './program.js';

/** The sandbox answers it with the numbers in their order. */
const PROMPT = 'Please count to 900';
/** What may be lost, in milliseconds; more than that is waited for before each kill. */
const LOSS = 1000;

/** How far a text has counted: other numbers follow none that is one less. */
function countedTo(text: string): number {
  const numbers = (text.match(/\d+/g) ?? []).map(Number);
  return Math.max(0, ...numbers.filter((number, index) => number - 1 === numbers[index - 1]));
}

async function readOnly(home: string): Promise<{ id: string; stopped?: true; messages: ChatMessage[] }> {
  const listed = await runProgram(['sessions', '-q'], undefined, { env: { HOME: home } });
  const ids = listed.stdout.trim().split('\n');
  expect(ids.length).toBe(1);
  const shown = await runProgram(['sessions', 'show', ids[0] ?? '', '--json'], undefined, {
    env: { HOME: home },
  });
  return JSON.parse(shown.stdout) as Awaited<ReturnType<typeof readOnly>>;
}

/** Milliseconds from the first words to the kill, less what may be lost; other ones for another seed. */
function chooseMoments(seed: number, count: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * 2500);
  });
}

/** Goes on with what is kept in `home`, and looks whether all of it is sent again. */
async function expectGoesOn(sandbox: Sandbox, home: string, kept: string): Promise<void> {
  const sent = () => asked(sandbox).filter((messages) => messages.length === 3);
  const ran = await runProgram(['chat', '--continue', 'Thanks'], sandbox.url, { env: { HOME: home } });
  expect(ran.code).toBe(0);
  expect(sent().map((messages) => messages.map(({ content }) => content))).toEqual([
    [PROMPT, kept, 'Thanks'],
  ]);
}

async function killChat(ms: number): Promise<void> {
  const sandbox = await openSandbox({ tokensPerSecond: 60 });
  const home = openFolder();
  const terminal = await openChat(sandbox.url, { cwd: home, rows: 40 });
  await say(terminal, PROMPT);
  await terminal.waitFor(/\s2\s+3\s+4\s/, SOON);
  await new Promise((resolve) => setTimeout(resolve, ms));
  const seen = countedTo(terminal.screen());
  expect(seen).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, LOSS));
  terminal.kill('SIGKILL');
  await terminal.exit;
  const session = await readOnly(home);
  expect(session.stopped).toBe(true);
  const [question, answer] = session.messages;
  expect(question?.content).toBe(PROMPT);
  expect(countedTo(answer?.content ?? '')).toBeGreaterThanOrEqual(seen);

  // It goes on with what there is.
  const again = await openChat(sandbox.url, { cwd: home, rows: 40 }, ['--continue']);
  await say(again, 'Thanks');
  await expect
    .poll(() => asked(sandbox).filter((messages) => messages.length === 3).length, { timeout: SOON })
    .toBe(1);
  const sent = asked(sandbox).find((messages) => messages.length === 3);
  expect(sent?.map(({ content }) => content)).toEqual([PROMPT, answer?.content, 'Thanks']);
  const folder = path.join(home, '.local/state/ollama-cli/sessions');
  const texts = (): string[] =>
    readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
  await expect.poll(texts, { timeout: SOON }).toEqual([expect.stringContaining('Thanks')]);
}

test(
  'a chat killed in the middle of an answer loses at most its last second',
  { timeout: 4 * SOON },
  async () => {
    // Side by side: what takes its time in each is waiting.
    await Promise.all(chooseMoments(5, 3).map(killChat));
  },
);

async function killAnswer(ms: number): Promise<void> {
  const sandbox = await openSandbox({ tokensPerSecond: 60 });
  const home = openFolder();
  const env = { PATH: process.env['PATH'], HOME: home, OLLAMA_HOST: sandbox.url };
  const child = spawn(process.execPath, [BIN, 'chat', MODEL, PROMPT], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const heard: { readonly text: string; readonly at: number }[] = [];
  let killedAt = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard.push({ text, at: performance.now() });
    if (killedAt > 0 || performance.now() - (heard[0]?.at ?? 0) < LOSS + ms) return;
    killedAt = performance.now();
    child.kill('SIGKILL');
  });
  await once(child, 'close');
  const due = heard
    .filter(({ at }) => at < killedAt - LOSS)
    .map(({ text }) => text)
    .join('');
  expect(due).not.toBe('');
  const { messages, stopped } = await readOnly(home);
  expect(stopped).toBe(true);
  const kept = messages[1]?.content ?? '';
  expect(kept.startsWith(due)).toBe(true);
  const all = heard.map(({ text }) => text).join('');
  // What was kept and not yet told is the rest of the same answer.
  expect(all.startsWith(kept) || kept.startsWith(all)).toBe(true);
  await expectGoesOn(sandbox, home, kept);
}

test(
  'an answer in a pipe that is killed is kept but for its last second',
  { timeout: 4 * SOON },
  async () => {
    await Promise.all(chooseMoments(9, 3).map(killAnswer));
  },
);
