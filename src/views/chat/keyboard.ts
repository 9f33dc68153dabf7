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

/** Puts the terminal into raw mode and reads keys from it; what comes back gives the terminal back as it was. */
export function openKeyboard({ stdin, stdout, env, onToken, onEnd }: KeyboardOptions): () => void {
  const parser = createKeyParser();
  const hasKittyKeys = knowsKittyKeys(env);
  let timer: NodeJS.Timeout | undefined;

  const onData = (chunk: Buffer | string): void => {
    clearTimeout(timer);
    for (const token of parser.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)) onToken(token);
    if (parser.isUndecided()) {
      timer = setTimeout(() => {
        for (const token of parser.flush()) onToken(token);
      }, ESCAPE_MS);
    }
  };

  stdin.setRawMode?.(true);
  stdout.write(PASTE_ON + (hasKittyKeys ? KITTY_ON : ''));
  stdin.on('data', onData);
  stdin.on('end', onEnd);
  stdin.on('error', onEnd);
  stdin.resume();

  return () => {
    clearTimeout(timer);
    stdin.off('data', onData);
    stdin.off('end', onEnd);
    stdin.off('error', onEnd);
    stdin.pause();
    stdin.setRawMode?.(false);
    if (!stdout.destroyed && !stdout.writableEnded) stdout.write((hasKittyKeys ? KITTY_OFF : '') + PASTE_OFF);
  };
}
