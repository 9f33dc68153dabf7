import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as pty from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { drawSvg } from './terminal-svg.js';
import type { SvgOptions } from './terminal-svg.js';

export interface TerminalOptions {
  /** Default: the Node that runs the tests. */
  readonly command?: string;
  readonly args?: readonly string[];
  /** Default 80. */
  readonly cols?: number;
  /** Default 24. */
  readonly rows?: number;
  /** On top of a plain terminal's environment; nothing of the tests' own (CI, NO_COLOR …) is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a fresh folder, also HOME, that is removed when the program ends. */
  readonly cwd?: string;
}

export interface TerminalExit {
  readonly exitCode: number;
  /** The number of the signal that ended it, or 0. */
  readonly signal: number;
}

/** A program in a real pseudo-terminal, and the screen it has drawn so far. */
export interface Terminal {
  /** The visible text; line ends and the lines below the last text trimmed. */
  screen(): string;
  /** Everything from the first line on, also what has scrolled away. */
  scrollback(): string;
  /** Every character the program has written, escape codes included. */
  raw(): string;
  /** Types; Enter is `\r`. */
  write(text: string): void;
  /** Presses the key that answers a question on the screen, once a person could have read it: none is taken before. */
  answer(key: string): Promise<void>;
  resize(cols: number, rows: number): void;
  /** Resolves with the screen once it shows the text; rejects after `ms` (10 s), or when the program has ended without. */
  waitFor(text: string | RegExp, ms?: number): Promise<string>;
  readonly exit: Promise<TerminalExit>;
  kill(signal?: NodeJS.Signals): void;
  /** Kills it if it still runs, and waits for its end. */
  close(): Promise<TerminalExit>;
  cursorVisible(): boolean;
  /** Whether the terminal brackets what is pasted. */
  bracketedPaste(): boolean;
  /** The screen as a standalone picture. */
  svg(title?: string, options?: SvgOptions): string;
}

/** A little more than a question of the chat takes no key (questions.ts). */
const READING_MS = 400;
const KEPT = ['PATH', 'Path', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR', 'ComSpec', 'PATHEXT'];

/** Starts a program in a pseudo-terminal that answers the queries a terminal answers. */
export function openTerminal(options: TerminalOptions = {}): Terminal {
  const { command = process.execPath, args = [], cols = 80, rows = 24 } = options;
  const ownFolder = options.cwd === undefined ? mkdtempSync(path.join(tmpdir(), 'terminal-')) : undefined;
  const cwd = options.cwd ?? ownFolder ?? '';
  const kept = KEPT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  const env = { ...Object.fromEntries(kept), LANG: 'C.UTF-8', HOME: cwd, USERPROFILE: cwd, ...options.env };

  const screen = new xterm.Terminal({ cols, rows, scrollback: 20_000, allowProposedApi: true });
  const child = pty.spawn(command, [...args], { name: 'xterm-256color', cols, rows, cwd, env });
  let raw = '';
  let ended: TerminalExit | undefined;
  let isDrawn = false;
  let cursor = true;
  let lookAgain: (() => void)[] = [];
  const changed = () => {
    const looks = lookAgain;
    lookAgain = [];
    for (const look of looks) look();
  };

  // Not in xterm's public modes, so it is read where it passes by.
  for (const [final, visible] of [
    ['h', true],
    ['l', false],
  ] as const) {
    screen.parser.registerCsiHandler({ prefix: '?', final }, (params) => {
      if (params.includes(25)) cursor = visible;
      return false;
    });
  }
  screen.onData((reply) => {
    if (ended === undefined) child.write(reply);
  });
  child.onData((data) => {
    raw += data;
    screen.write(data, changed);
  });
  const exit = new Promise<TerminalExit>((resolve) => {
    child.onExit(({ exitCode, signal }) => {
      ended = { exitCode, signal: signal ?? 0 };
      if (ownFolder !== undefined) rmSync(ownFolder, { recursive: true, force: true });
      // The last output is still on its way through the screen's parser.
      screen.write('', () => {
        isDrawn = true;
        changed();
        resolve({ exitCode, signal: signal ?? 0 });
      });
    });
  });

  const text = (from: number, to: number) => {
    const lines: string[] = [];
    for (let y = from; y < to; y++)
      lines.push(screen.buffer.active.getLine(y)?.translateToString(true) ?? '');
    return lines.join('\n').trimEnd();
  };
  const visible = () => text(screen.buffer.active.viewportY, screen.buffer.active.viewportY + screen.rows);
  const kill = (signal: NodeJS.Signals = 'SIGKILL') => {
    if (ended === undefined) child.kill(signal);
  };

  return {
    screen: visible,
    scrollback: () => text(0, screen.buffer.active.length),
    raw: () => raw,
    write: (input) => child.write(input),
    async answer(key) {
      await new Promise((resolve) => setTimeout(resolve, READING_MS));
      child.write(key);
    },
    resize: (width, height) => {
      screen.resize(width, height);
      child.resize(width, height);
    },
    waitFor: (wanted, ms = 10_000) =>
      new Promise((resolve, reject) => {
        const shows = () =>
          typeof wanted === 'string' ? visible().includes(wanted) : wanted.test(visible());
        const fail = (why: string) =>
          reject(new Error(`${why} without ${String(wanted)} on the screen, which shows:\n${visible()}`));
        const timer = setTimeout(() => fail(`${String(ms)} ms passed`), ms);
        const look = () => {
          if (shows()) {
            clearTimeout(timer);
            resolve(visible());
          } else if (ended !== undefined && isDrawn) {
            clearTimeout(timer);
            fail(`the program ended with ${String(ended.exitCode)}`);
          } else lookAgain.push(look);
        };
        look();
      }),
    exit,
    kill,
    close: () => {
      kill();
      return exit;
    },
    cursorVisible: () => cursor,
    bracketedPaste: () => screen.modes.bracketedPasteMode,
    svg: (title, svgOptions) => drawSvg(screen, title, svgOptions),
  };
}
