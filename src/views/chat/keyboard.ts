import type { InputStream, Io, OutputStream } from '../../io.js';
import { createKeyParser } from './key-parser.js';
import type { InputToken } from './key-parser.js';

/** How long a lone ESC may be the start of a sequence. */
const ESCAPE_MS = 40;
const PASTE_ON = '\u001B[?2004h';
const PASTE_OFF = '\u001B[?2004l';
// Escape codes for keys that have none of their own (1), with the key's place on a Latin keyboard (4).
const KITTY_ON = '\u001B[>5u';
const KITTY_OFF = '\u001B[<u';

/** Whether the terminal is one of those known to tell Shift-Enter from Enter once asked to. */
function knowsKittyKeys(env: Io['env']): boolean {
  const programs = ['WezTerm', 'ghostty', 'iTerm.app'];
  const terms = ['xterm-kitty', 'xterm-ghostty', 'foot', 'alacritty'];
  return (
    env['KITTY_WINDOW_ID'] !== undefined ||
    programs.includes(env['TERM_PROGRAM'] ?? '') ||
    terms.includes(env['TERM'] ?? '')
  );
}

/** What a keyboard is read from, and who hears of it. */
export interface KeyboardOptions {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly env: Io['env'];
  onToken(token: InputToken): void;
  /** The terminal is gone. */
  onEnd(): void;
}

/** The keys of a terminal that is in raw mode, and brackets what is pasted. */
export interface Keyboard {
  /** Gives the terminal back as it was, to another program or to the shell; keys are not read meanwhile. */
  pause(): void;
  /** Takes the terminal again after `pause`. */
  resume(): void;
  /** Gives the terminal back for good. */
  close(): void;
}

/**
 * Holds back a last Enter of what was typed before the terminal was in raw mode. Such lines come all at once and look as
 * lines pasted before pastes were bracketed: none may send, and the last one's end would only be an empty line.
 */
function createGate(tell: (token: InputToken) => void): (token: InputToken) => void {
  let held: InputToken | undefined;
  let isAhead = true;
  // What is there already is read in the next turn of the event loop; the first one may be over its reading already.
  setImmediate(() => setImmediate(() => (isAhead = false)));
  return (token) => {
    const before = held;
    held = undefined;
    // Once keys are pressed one at a time, what was held back is behind us.
    if (before !== undefined && isAhead) tell(before);
    if (isAhead && token.type === 'sequence' && token.sequence === '\n') held = token;
    else tell(token);
  };
}

/** Puts the terminal into raw mode and reads keys from it, until it is closed. */
export function openKeyboard({ stdin, stdout, env, onToken, onEnd }: KeyboardOptions): Keyboard {
  const hasKittyKeys = knowsKittyKeys(env);
  const tell = createGate(onToken);
  let parser = createKeyParser();
  let timer: NodeJS.Timeout | undefined;
  let isOpen = false;

  const onData = (chunk: Buffer | string): void => {
    clearTimeout(timer);
    for (const token of parser.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)) tell(token);
    if (parser.isUndecided()) {
      timer = setTimeout(() => {
        for (const token of parser.flush()) tell(token);
      }, ESCAPE_MS);
    }
  };

  function resume(): void {
    if (isOpen) return;
    isOpen = true;
    // What was begun before the pause is not gone on with.
    parser = createKeyParser();
    stdin.setRawMode?.(true);
    stdout.write(PASTE_ON + (hasKittyKeys ? KITTY_ON : ''));
    stdin.on('data', onData);
    stdin.on('end', onEnd);
    stdin.on('error', onEnd);
    stdin.resume();
  }

  function pause(): void {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    stdin.off('data', onData);
    stdin.off('end', onEnd);
    stdin.off('error', onEnd);
    stdin.pause();
    stdin.setRawMode?.(false);
    if (!stdout.destroyed && !stdout.writableEnded) stdout.write((hasKittyKeys ? KITTY_OFF : '') + PASTE_OFF);
  }

  resume();
  return { pause, resume, close: pause };
}
