import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Io } from '../io.js';

type Place = Pick<Io, 'env' | 'platform'>;

/** Where a text was put; `programs` is the one that took it, if any did. */
export interface Copied {
  /** Sent to the terminal, which may not know what to do with it: nothing tells. */
  readonly terminal: boolean;
  readonly program: string | undefined;
}

/** Terminals cut longer ones, or drop them: the limit of most is about 100 kB in base64. */
const LONGEST_SEQUENCE = 100_000;
const SCREEN_PIECE = 250;
const PROGRAM_MS = 3_000;

/**
 * The bytes that ask a terminal to take a text into its clipboard (OSC 52), passed through tmux or GNU screen where one
 * runs; undefined for a text that is too long, and for a terminal that knows no sequences.
 */
export function clipboardSequence(text: string, env: Io['env']): string | undefined {
  const term = env['TERM'] ?? '';
  const encoded = Buffer.from(text).toString('base64');
  if (encoded.length > LONGEST_SEQUENCE || term === 'dumb') return undefined;
  const sequence = `\u001b]52;c;${encoded}\u0007`;
  if ((env['TMUX'] ?? '') !== '')
    return `\u001bPtmux;${sequence.replaceAll('\u001b', '\u001b\u001b')}\u001b\\`;
  if (!term.startsWith('screen')) return sequence;
  const pieces = sequence.match(new RegExp(`[^]{1,${SCREEN_PIECE}}`, 'g')) ?? [];
  return pieces.map((piece) => `\u001bP${piece}\u001b\\`).join('');
}

/** The programs that may put a text into the clipboard of the machine that the person sits at, the best first. */
export function clipboardPrograms({ env, platform }: Place): readonly (readonly [string, ...string[]])[] {
  const has = (name: string): boolean => (env[name] ?? '') !== '';
  // Over SSH the machine's clipboard is not the person's.
  if (has('SSH_CONNECTION') || has('SSH_TTY')) return [];
  if (platform === 'darwin') return [['pbcopy']];
  // By its whole path: Windows looks into the working folder first, which may be anybody's.
  if (platform === 'win32' && has('SystemRoot')) return [[`${env['SystemRoot'] ?? ''}\\System32\\clip.exe`]];
  if (platform === 'win32' || has('WSL_DISTRO_NAME')) return [['clip.exe']];
  return [
    ...(has('WAYLAND_DISPLAY') ? [['wl-copy'] as const] : []),
    ...(has('DISPLAY')
      ? [['xclip', '-selection', 'clipboard'] as const, ['xsel', '--clipboard', '--input'] as const]
      : []),
  ];
}

async function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  text: string,
  env: Io['env'],
): Promise<boolean> {
  // What it prints is nobody's; and some go on in the background, holding what they were given.
  const child = spawn(program, args, { env, stdio: ['pipe', 'ignore', 'ignore'], timeout: PROGRAM_MS });
  return await new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
    // It may have ended before it was given everything.
    child.stdin.on('error', () => undefined);
    // clip.exe takes bytes for the console's own character set, unless they say what they are.
    child.stdin.end(program.endsWith('clip.exe') ? Buffer.from(`\ufeff${text}`, 'utf16le') : text);
  });
}

/** Puts a text into the clipboard: the terminal's by `send`, then the system's own where there is a program for it. */
export async function copyText(place: Place, text: string, send: (bytes: string) => void): Promise<Copied> {
  const sequence = clipboardSequence(text, place.env);
  if (sequence !== undefined) send(sequence);
  for (const command of clipboardPrograms(place)) {
    if (await runProgram(command, text, place.env))
      return { terminal: sequence !== undefined, program: path.win32.basename(command[0]) };
  }
  return { terminal: sequence !== undefined, program: undefined };
}
