// A chat in a terminal: what is written into it, when its answers are over, and what it has cost so far.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BIN, script } from './rig.js';

/** What stands before what is written in the composer. */
export const PROMPT = '›';
/** So long after an answer nothing of it goes on any more. */
const REST_MS = 600;
const LOOK_MS = 50;
const SLOWEST_MS = 180_000;
/** In the line of numbers under an answer, and nowhere else. */
const ENDED = /\d a second/;
const KEPT = 8_000;
const LEAVE = '\x04';

/** A question says what the answer is to be, as server.js has it. */
export const CHAT = ['chat', 'chat'];

let opened = 0;

/** The rig's own says nothing of what a terminal can show; people's do. */
export const chatEnvironment = (rig) => ({ ...rig.env, LANG: 'C.UTF-8', COLORTERM: 'truecolor' });

/** Opens the chat, and waits for its prompt. */
export async function openChat(rig) {
  const watched = path.join(rig.home, `watched-${(opened += 1)}`);
  const environment = { ...chatEnvironment(rig), BENCH_WATCH: watched };
  const terminal = rig.open(['--require', script('watch.cjs'), BIN, ...CHAT], environment);
  let bytes = 0;
  let drawn = '';
  let look = () => undefined;
  terminal.onData((data) => {
    bytes += data.length;
    drawn = (drawn + data.toString('latin1')).slice(-KEPT);
    look();
  });
  let isOver = false;
  const exit = new Promise((resolve) => terminal.onExit(resolve));
  void exit.then(() => {
    isOver = true;
    look();
  });

  /** Waits until that is among what is drawn from now on. */
  async function see(pattern) {
    await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${why} without ${pattern}: ${JSON.stringify(drawn)}`));
      const timer = setTimeout(() => fail('the chat waited long'), SLOWEST_MS);
      look = () => {
        const isThere = pattern.test(drawn);
        if (!isThere && !isOver) return;
        clearTimeout(timer);
        look = () => undefined;
        if (isThere) resolve();
        else fail('the chat ended');
      };
      look();
    });
  }

  async function write(keys, pattern) {
    drawn = '';
    terminal.write(keys);
    await see(pattern);
  }

  /** Asks, and resolves when the answer is over: the seconds that it took. */
  async function ask(question) {
    const start = performance.now();
    await write(`${question}\r`, ENDED);
    return (performance.now() - start) / 1000;
  }

  /** What it has cost, once it rests: processor time, memory, bytes written. */
  async function rest() {
    const since = Date.now() + REST_MS;
    for (;;) {
      await sleep(LOOK_MS);
      const line = readFileSync(watched, 'utf8').split('\n').at(-2);
      const sample = line === undefined ? undefined : JSON.parse(line);
      if (sample?.at >= since) return { ...sample, bytes };
    }
  }

  async function leave() {
    terminal.write(LEAVE);
    const { exitCode } = await exit;
    if (exitCode !== 0) throw new Error(`the chat ended with ${exitCode}: ${drawn}`);
  }

  await see(new RegExp(Buffer.from(PROMPT).toString('latin1')));
  return { ask, rest, leave };
}
