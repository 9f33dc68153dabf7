import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Io } from '../../io.js';
import { HOW_TO_LEAVE } from './tell.js';

/** What else than lines a person may type. */
export interface LineKeys {
  /** Ctrl-C; false where there is nothing to stop. */
  interrupt(): boolean;
  /** Ctrl-O. */
  unfold(): void;
}

/** A person's lines, one at a time. */
export interface Lines {
  /** The next line, or the lines of one paste, after a prompt and a text that stands there already; undefined at the end. */
  next(prompt: string, before?: string): Promise<readonly string[] | 'interrupted' | undefined>;
  /** A line that answers a question: none that was typed before it. Undefined at Ctrl-C, at the end, or if aborted. */
  answer(prompt: string, signal: AbortSignal): Promise<readonly string[] | undefined>;
  /** Leaves the terminal to `work`. */
  giveAway<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): void;
}

/** Reads lines from a terminal; `history` is oldest first. At rest a second Ctrl-C in a row ends them. */
export function openLines(io: Io, history: readonly string[], keys: LineKeys): Lines {
  const keyboard = createInterface({
    input: io.stdin,
    output: io.stdout,
    terminal: true,
    history: history.filter((entry) => !entry.includes('\n')).reverse(),
  });
  let typed: string[] = [];
  let isClosed = false;
  let isReading = false;
  let isAnswering = false;
  let isInterrupted = false;
  let leavesNext = false;
  let wake: () => void = () => undefined;

  keyboard.on('line', (line) => {
    leavesNext = false;
    typed.push(line);
    wake();
  });
  keyboard.on('SIGINT', () => {
    if (isAnswering || !keys.interrupt()) interruptReading();
  });
  keyboard.on('close', () => {
    isClosed = true;
    keys.interrupt();
    wake();
  });
  const onKey = (
    _text: unknown,
    key: { readonly ctrl?: boolean; readonly name?: string } | undefined,
  ): void => {
    if (key?.ctrl !== true || key.name !== 'o') return;
    keys.unfold();
    if (isReading) keyboard.prompt(true);
  };
  io.stdin.on('keypress', onKey);

  function interruptReading(): void {
    if (leavesNext && !isAnswering) {
      keyboard.close();
      return;
    }
    if (!isAnswering) {
      leavesNext = true;
      io.stdout.write(`\n${HOW_TO_LEAVE}\n`);
    }
    // What stands in the line is dropped, as a shell does it.
    keyboard.write(null, { ctrl: true, name: 'e' });
    keyboard.write(null, { ctrl: true, name: 'u' });
    isInterrupted = true;
    wake();
  }

  async function read(
    prompt: string,
    before: string,
  ): Promise<readonly string[] | 'interrupted' | undefined> {
    if (isClosed) return undefined;
    isInterrupted = false;
    isReading = true;
    keyboard.setPrompt(prompt);
    keyboard.prompt();
    if (before !== '') keyboard.write(before);
    try {
      while (typed.length === 0 && !isClosed && !isInterrupted) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if (isInterrupted) return 'interrupted';
      // A paste brings its lines in one go; only a person brings them one by one.
      await nextTurn();
      return typed.length === 0 ? undefined : typed.splice(0);
    } finally {
      isReading = false;
    }
  }

  return {
    next: (prompt, before = '') => read(prompt, before),
    async answer(prompt, signal) {
      const ahead = typed.splice(0);
      const turnAway = (): void => {
        isInterrupted = true;
        wake();
      };
      signal.addEventListener('abort', turnAway, { once: true });
      isAnswering = true;
      try {
        const answer = signal.aborted ? undefined : await read(prompt, '');
        return answer === 'interrupted' ? undefined : answer;
      } finally {
        isAnswering = false;
        signal.removeEventListener('abort', turnAway);
        typed = [...ahead, ...typed];
      }
    },
    async giveAway(work) {
      keyboard.pause();
      io.stdin.setRawMode?.(false);
      try {
        return await work();
      } finally {
        io.stdin.setRawMode?.(true);
        keyboard.resume();
      }
    },
    close() {
      io.stdin.off('keypress', onKey);
      keyboard.close();
    },
  };
}
