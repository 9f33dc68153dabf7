// How long a key takes to stand on the screen while an answer streams.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import xterm from '@xterm/headless';
import { figure, quantile } from './figures.js';
import { CHAT, chatEnvironment, PROMPT } from './live-chat.js';
import { BIN, script } from './rig.js';

const RATE = 200;
const KEYS = 'etaoinshrdlu';
const LONGEST = 40;
const ALL_AWAY = '\x15';
/** A person's pause between two keys, in milliseconds: where in a frame a key comes is left to chance. */
const SHORTEST_PAUSE = 20;
const LONGEST_PAUSE = 90;
const SLOWEST_MS = 10_000;
/** The first frames of a chat's first answer load what answers are drawn with. */
const BEGINNING_MS = 500;

const pick = (values) => values[Math.floor(Math.random() * values.length)];
const pause = () => sleep(SHORTEST_PAUSE + Math.random() * (LONGEST_PAUSE - SHORTEST_PAUSE));

/** A program in a terminal whose screen is looked at. */
function openScreen(rig, args) {
  const terminal = rig.open(args, chatEnvironment(rig));
  const screen = new xterm.Terminal({ cols: 80, rows: 24, scrollback: 0, allowProposedApi: true });
  let typed = '';
  let look = () => undefined;
  terminal.onData((data) => screen.write(data, () => look()));
  const ended = new Promise((resolve) => terminal.onExit(resolve));

  /** The last row with a prompt in it, from there on. */
  function written() {
    const { active } = screen.buffer;
    for (let y = screen.rows - 1; y >= 0; y -= 1) {
      const row = active.getLine(active.viewportY + y)?.translateToString(true) ?? '';
      const at = row.indexOf(PROMPT);
      if (at >= 0)
        return row
          .slice(at + PROMPT.length)
          .replace(/│$/, '')
          .trim();
    }
    return undefined;
  }

  async function waitFor(text) {
    await new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`"${written()}" is written instead of "${text}"`));
      const timer = setTimeout(fail, SLOWEST_MS);
      look = () => {
        if (written() !== text) return;
        clearTimeout(timer);
        look = () => undefined;
        resolve();
      };
      look();
    });
  }

  return {
    /** Waits for the prompt. */
    begin: () => waitFor(''),
    async ask(question) {
      terminal.write(question);
      await waitFor(question);
      terminal.write('\r');
      await waitFor('');
    },
    /** Presses one key, and waits until it stands there; the milliseconds that it took. */
    async press(key) {
      if (typed.length >= LONGEST) {
        terminal.write(ALL_AWAY);
        typed = '';
        await waitFor(typed);
        await sleep(LONGEST_PAUSE);
      }
      typed += key;
      const start = performance.now();
      terminal.write(key);
      await waitFor(typed);
      return performance.now() - start;
    },
    async end() {
      terminal.kill('SIGKILL');
      await ended;
    },
  };
}

/**
 * The 99th percentile of keys pressed at random moments of an answer, in the chat and, in turns with it, in a program
 * that only echoes: whatever is the machine's, the terminal's, or of measuring itself, is in both.
 */
async function typeAWhile(rig, seconds) {
  const chat = openScreen(rig, [BIN, ...CHAT]);
  const echo = openScreen(rig, [script('bare-echo.cjs')]);
  const times = { chat: [], echo: [] };
  try {
    await Promise.all([chat.begin(), echo.begin()]);
    await chat.ask(`Say mixed-${(seconds + 30) * RATE}-${RATE}`);
    await sleep(BEGINNING_MS);
    const late = monitorEventLoopDelay({ resolution: 1 });
    late.enable();
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
      for (const [name, screen] of Object.entries({ chat, echo })) {
        await pause();
        times[name].push(await screen.press(pick(KEYS)));
      }
    }
    late.disable();
    const lateMs = (late.percentile(99) / 1e6 - 1).toFixed(1);
    console.error(`${times.chat.length} keys; the process that measures was late by ${lateMs} ms at p99`);
    return times;
  } finally {
    await Promise.all([chat.end(), echo.end()]);
  }
}

/** The figures of keys: `runs` says how many seconds are typed, and how often. */
export async function measureTyping(rig, runs) {
  const all = [];
  for (let n = 0; n < runs.typing; n += 1) all.push(await typeAWhile(rig, runs.typingSeconds));
  const row = (what, name, atMost) =>
    figure(
      what,
      all.map((times) => quantile(times[name], 0.99)),
      { atMost, unit: ' ms', digits: 1 },
    );
  return [
    row('a key while an answer streams, until it is on the screen, p99', 'chat', 30),
    row('  its bound: a program that only echoes', 'echo'),
  ];
}
