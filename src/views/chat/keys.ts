import type { EditKey } from './composer.js';

const LETTER_KEYS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
};

const TILDE_KEYS: Readonly<Record<number, string>> = {
  1: 'home',
  3: 'delete',
  4: 'end',
  7: 'home',
  8: 'end',
};

const CODE_KEYS: Readonly<Record<number, string>> = {
  8: 'backspace',
  9: 'tab',
  13: 'enter',
  27: 'escape',
  127: 'backspace',
  57414: 'enter',
};

// Bits of the modifier parameter less one; the lock keys (64, 128) make no difference. Source: xterm's ctlseqs, kitty's keyboard protocol.
const MODIFIERS = [
  [4, 'ctrl-'],
  [2, 'alt-'],
  [1, 'shift-'],
] as const;
const UNUSED_MODIFIERS = 8 | 16 | 32;

/** A key by its name (`ctrl-a`, `alt-enter`, `up`), or the text that a terminal sent as a key's number. */
export type NamedKey = { readonly key: string } | { readonly text: string };

function withModifiers(key: string, modifiers: number): NamedKey | undefined {
  if ((modifiers & UNUSED_MODIFIERS) !== 0) return undefined;
  const prefix = MODIFIERS.map(([bit, name]) => ((modifiers & bit) === 0 ? '' : name)).join('');
  return { key: prefix + key };
}

/** A key given by its code point, as kitty (`CSI 13;2u`) and xterm (`CSI 27;2;13~`) send it. */
function nameCode(code: number, baseCode: number, modifiers: number): NamedKey | undefined {
  const special = CODE_KEYS[code];
  if (special !== undefined) return withModifiers(special, modifiers);
  if ((modifiers & UNUSED_MODIFIERS) !== 0) return undefined;
  const isText = code >= 32 && code <= 0x10ffff && !(code >= 0xe000 && code <= 0xf8ff);
  if (!isText || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  if ((modifiers & 6) === 0) return { text: String.fromCodePoint(code) };
  // The key's place on a Latin keyboard, where the terminal tells it: Ctrl-C is Ctrl-C on a Cyrillic one too.
  return withModifiers(String.fromCodePoint(baseCode).toLowerCase(), modifiers);
}

function nameCsi(parameters: string, final: string): NamedKey | undefined {
  const fields = parameters.split(';').map((field) => field.split(':').map(Number));
  const [[first = 0, , base = first] = [], [second = 1, event = 1] = [], [third = 0] = []] = fields;
  if (fields.flat().some((value) => !Number.isInteger(value) || value > 0x10ffff)) return undefined;
  // Key releases are not asked for; should one come, it is no key.
  if (event === 3) return undefined;
  const modifiers = Math.max(0, second - 1);
  if (final === 'u') return nameCode(first, base === 0 ? first : base, modifiers);
  if (final === '~' && first === 27) return nameCode(third, third, modifiers);
  const key = final === '~' ? TILDE_KEYS[first] : LETTER_KEYS[final];
  return key === undefined ? undefined : withModifiers(key, modifiers);
}

function nameControl(char: string): string | undefined {
  if (char === '\r') return 'enter';
  if (char === '\t') return 'tab';
  if (char === '\u001B') return 'escape';
  if (char === '\u007F') return 'backspace';
  const code = char.charCodeAt(0);
  return code >= 1 && code <= 26 ? `ctrl-${String.fromCharCode(code + 96)}` : undefined;
}

/** The name of the key that sends these bytes; undefined for a sequence that is no key, such as a terminal's answer. */
export function nameKey(sequence: string): NamedKey | undefined {
  if (sequence.length === 1) {
    const key = nameControl(sequence);
    return key === undefined ? undefined : { key };
  }
  const csi = /^\u001B\[([\d;:]*)([A-Za-z~])$/.exec(sequence);
  if (csi !== null) return nameCsi(csi[1] ?? '', csi[2] ?? '');
  const [, keypad] = /^\u001BO([A-Za-z])$/.exec(sequence) ?? [];
  if (keypad !== undefined) return keypad === 'M' ? { key: 'enter' } : nameCsi('', keypad);
  const [, alt] = /^\u001B([^\u001B[\]O])$/u.exec(sequence) ?? [];
  if (alt === undefined) return undefined;
  const key = alt < ' ' || alt === '\u007F' ? nameControl(alt) : alt.toLowerCase();
  return key === undefined ? undefined : { key: `alt-${key}` };
}

/** What a key does outside the text. */
export type ControlKey = 'enter' | 'interrupt' | 'end-of-input' | 'clear-screen';

/** Which key does what. Keys that are not named here do nothing. */
export const KEY_ACTIONS: Readonly<Record<string, EditKey | ControlKey>> = {
  enter: 'enter',
  'alt-enter': 'newline',
  'shift-enter': 'newline',
  'ctrl-enter': 'newline',
  'ctrl-j': 'newline',
  'ctrl-c': 'interrupt',
  'ctrl-d': 'end-of-input',
  'ctrl-l': 'clear-screen',
  backspace: 'delete-back',
  'shift-backspace': 'delete-back',
  'ctrl-h': 'delete-back',
  delete: 'delete-forward',
  left: 'left',
  'ctrl-b': 'left',
  right: 'right',
  'ctrl-f': 'right',
  up: 'up',
  'ctrl-p': 'up',
  down: 'down',
  'ctrl-n': 'down',
  home: 'line-start',
  'ctrl-a': 'line-start',
  end: 'line-end',
  'ctrl-e': 'line-end',
  'alt-b': 'word-left',
  'alt-left': 'word-left',
  'ctrl-left': 'word-left',
  'alt-f': 'word-right',
  'alt-right': 'word-right',
  'ctrl-right': 'word-right',
  'ctrl-w': 'delete-word-back',
  'alt-backspace': 'delete-word-back',
  'ctrl-backspace': 'delete-word-back',
  'alt-d': 'delete-word-forward',
  'ctrl-u': 'kill-to-start',
  'ctrl-k': 'kill-to-end',
};
