/** What keys of the chat may do; `none` takes a built-in meaning away. */
export const KEY_ACTIONS = [
  'none',
  'send',
  'newline',
  'left',
  'right',
  'up',
  'down',
  'line-start',
  'line-end',
  'text-start',
  'text-end',
  'word-left',
  'word-right',
  'delete-back',
  'delete-forward',
  'delete-word-back',
  'delete-word-forward',
  'kill-to-start',
  'kill-to-end',
  'yank',
  'transpose',
  'undo',
  'redo',
  'complete',
  'complete-back',
  'search-history',
  'search-forward',
  'open-editor',
  'show-thinking',
  'clear-screen',
  'interrupt',
  'end-of-input',
  'suspend',
  'escape',
] as const;

/** What a key of the chat does. */
export type KeyAction = (typeof KEY_ACTIONS)[number];

const SPECIAL_KEYS = [
  ...['enter', 'tab', 'escape', 'backspace', 'delete', 'insert'],
  ...['up', 'down', 'left', 'right', 'home', 'end', 'page-up', 'page-down'],
];
const CHARACTERS = ['space', 'minus', 'underscore', 'slash', 'backslash', 'dot', 'comma', 'less', 'greater'];

/**
 * What a key is called: its modifiers in this order, then the key (`ctrl-t`, `alt-enter`, `ctrl-shift-z`, `f5`). A letter
 * without Ctrl or Alt is no key, but text.
 */
export const KEY_NAME = new RegExp(
  `^(?:(?:ctrl-)?(?:alt-)?(?:shift-)?(?:f[1-9]|f1[0-2]|${SPECIAL_KEYS.join('|')})` +
    `|(?:ctrl-(?:alt-)?|alt-)(?:shift-)?(?:[a-z0-9]|${CHARACTERS.join('|')}))$`,
);
