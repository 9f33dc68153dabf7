import { KEY_ACTIONS, KEY_NAME } from '../../config/key-actions.js';
import type { KeyAction } from '../../config/key-actions.js';

const LETTER_KEYS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
  P: 'f1',
  Q: 'f2',
  // Not R: a terminal's report of its cursor ends so.
  S: 'f4',
};

const TILDE_KEYS: Readonly<Record<number, string>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'page-up',
  6: 'page-down',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
};

// The Linux console's: ESC [ [ and one of these.
const CONSOLE_KEYS: Readonly<Record<string, string>> = { A: 'f1', B: 'f2', C: 'f3', D: 'f4', E: 'f5' };

const CODE_KEYS: Readonly<Record<number, string>> = {
  8: 'backspace',
  9: 'tab',
  13: 'enter',
  27: 'escape',
  127: 'backspace',
  // kitty's numbers for the keypad.
  57414: 'enter',
  57417: 'left',
  57418: 'right',
  57419: 'up',
  57420: 'down',
  57421: 'page-up',
  57422: 'page-down',
  57423: 'home',
  57424: 'end',
  57425: 'insert',
  57426: 'delete',
};

/** Characters that a key of the configuration can't be named by, since a name is letters, digits and dashes. */
const CHARACTER_NAMES: Readonly<Record<string, string>> = {
  ' ': 'space',
  '-': 'minus',
  _: 'underscore',
  '/': 'slash',
  '\\': 'backslash',
  '.': 'dot',
  ',': 'comma',
  '<': 'less',
  '>': 'greater',
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

function nameCharacter(char: string): string {
  const small = char.toLowerCase();
  return (Object.hasOwn(CHARACTER_NAMES, small) ? CHARACTER_NAMES[small] : undefined) ?? small;
}

/** A key given by its code point, as kitty (`CSI 13;2u`) and xterm (`CSI 27;2;13~`) send it. */
function nameCode(code: number, baseCode: number, modifiers: number): NamedKey | undefined {
  const special = CODE_KEYS[code];
  if (special !== undefined) return withModifiers(special, modifiers);
  if ((modifiers & UNUSED_MODIFIERS) !== 0) return undefined;
  const isText =
    code >= 32 && code <= 0x10ffff && !(code >= 0x7f && code <= 0x9f) && !(code >= 0xe000 && code <= 0xf8ff);
  if (!isText || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  if ((modifiers & 6) === 0) return { text: String.fromCodePoint(code) };
  // The key's place on a Latin keyboard, where the terminal tells it: Ctrl-C is Ctrl-C on a Cyrillic one too.
  return withModifiers(nameCharacter(String.fromCodePoint(baseCode)), modifiers);
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
  if (final === 'Z') return withModifiers('tab', modifiers | 1);
  const key = final === '~' ? TILDE_KEYS[first] : LETTER_KEYS[final];
  return key === undefined ? undefined : withModifiers(key, modifiers);
}

function nameControl(char: string): string | undefined {
  if (char === '\r') return 'enter';
  if (char === '\t') return 'tab';
  if (char === '\u001B') return 'escape';
  if (char === '\u007F') return 'backspace';
  // Ctrl-_ and, on most terminals, Ctrl-/ too.
  if (char === '\u001F') return 'ctrl-underscore';
  const code = char.charCodeAt(0);
  return code >= 1 && code <= 26 ? `ctrl-${String.fromCharCode(code + 96)}` : undefined;
}

function nameKeypad(final: string): NamedKey | undefined {
  if (final === 'M') return { key: 'enter' };
  return final === 'R' ? { key: 'f3' } : nameCsi('', final);
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
  if (keypad !== undefined) return nameKeypad(keypad);
  const [, console] = /^\u001B\[\[([A-E])$/.exec(sequence) ?? [];
  if (console !== undefined) return { key: CONSOLE_KEYS[console] ?? '' };
  const [, alt] = /^\u001B([^\u001B[\]O])$/u.exec(sequence) ?? [];
  if (alt === undefined) return undefined;
  const key = alt < ' ' || alt === '\u007F' ? nameControl(alt) : nameCharacter(alt);
  if (key === undefined) return undefined;
  // Alt and a control key, as one name: `ctrl-alt-h`.
  return { key: key.startsWith('ctrl-') ? `ctrl-alt-${key.slice(5)}` : `alt-${key}` };
}

/** What the keys do that the configuration says nothing of. Keys that are not named here do nothing. */
const BUILT_IN: Readonly<Record<string, KeyAction>> = {
  enter: 'send',
  'alt-enter': 'newline',
  'shift-enter': 'newline',
  'ctrl-enter': 'newline',
  'ctrl-j': 'newline',
  'ctrl-c': 'interrupt',
  'ctrl-d': 'end-of-input',
  'ctrl-l': 'clear-screen',
  'ctrl-z': 'suspend',
  'ctrl-g': 'open-editor',
  'ctrl-o': 'show-thinking',
  'ctrl-r': 'search-history',
  'ctrl-s': 'search-forward',
  tab: 'complete',
  'shift-tab': 'complete-back',
  escape: 'escape',
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
  'ctrl-home': 'text-start',
  'alt-less': 'text-start',
  'ctrl-end': 'text-end',
  'alt-greater': 'text-end',
  'alt-b': 'word-left',
  'alt-left': 'word-left',
  'ctrl-left': 'word-left',
  'alt-f': 'word-right',
  'alt-right': 'word-right',
  'ctrl-right': 'word-right',
  'ctrl-w': 'delete-word-back',
  'alt-backspace': 'delete-word-back',
  'ctrl-backspace': 'delete-word-back',
  'ctrl-alt-h': 'delete-word-back',
  'alt-d': 'delete-word-forward',
  'alt-delete': 'delete-word-forward',
  'ctrl-delete': 'delete-word-forward',
  'ctrl-u': 'kill-to-start',
  'ctrl-k': 'kill-to-end',
  'ctrl-y': 'yank',
  'ctrl-t': 'transpose',
  'ctrl-underscore': 'undo',
  'ctrl-slash': 'undo',
  // Ctrl-_ where the terminal tells the keys by their places.
  'ctrl-shift-minus': 'undo',
  'alt-z': 'undo',
  'alt-y': 'redo',
  'ctrl-shift-z': 'redo',
};

const isAction = (text: string): text is KeyAction => KEY_ACTIONS.some((action) => action === text);

/**
 * What each key does, by its name: the built-in table, and what the configuration (`keys`) changes in it. Where that would
 * leave no key to send or to stop with, Enter sends and Ctrl-C stops: nobody is locked in.
 */
export function keyActions(configured: Readonly<Record<string, string>>): ReadonlyMap<string, KeyAction> {
  const actions = new Map(Object.entries(BUILT_IN));
  for (const [key, action] of Object.entries(configured)) {
    if (KEY_NAME.test(key) && isAction(action)) actions.set(key, action);
  }
  const bound = new Set(actions.values());
  if (!bound.has('send')) actions.set('enter', 'send');
  if (!bound.has('interrupt')) actions.set('ctrl-c', 'interrupt');
  return actions;
}
