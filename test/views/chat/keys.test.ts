import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KEY_ACTIONS, KEY_NAME } from '../../../src/config/key-actions.js';
import { keyActions, nameKey } from '../../../src/views/chat/keys.js';

test.each([
  ['\r', 'enter'],
  ['\n', 'ctrl-j'],
  ['\t', 'tab'],
  ['\x7f', 'backspace'],
  ['\b', 'ctrl-h'],
  ['\x1b', 'escape'],
  ['\x01', 'ctrl-a'],
  ['\x03', 'ctrl-c'],
  ['\x1b\r', 'alt-enter'],
  ['\x1b\x7f', 'alt-backspace'],
  ['\x1bb', 'alt-b'],
  ['\x1bF', 'alt-f'],
  ['\x1b[A', 'up'],
  ['\x1bOA', 'up'],
  ['\x1b[1;5C', 'ctrl-right'],
  ['\x1b[1;3D', 'alt-left'],
  ['\x1b[H', 'home'],
  ['\x1bOF', 'end'],
  ['\x1b[1~', 'home'],
  ['\x1b[4~', 'end'],
  ['\x1b[3~', 'delete'],
  ['\x1b[3;5~', 'ctrl-delete'],
  ['\x1bOM', 'enter'],
  ['\x1f', 'ctrl-underscore'],
  ['\x1b\b', 'ctrl-alt-h'],
  ['\x1bz', 'alt-z'],
  ['\x1b<', 'alt-less'],
  ['\x1b[Z', 'shift-tab'],
  ['\x1b[2~', 'insert'],
  ['\x1b[5~', 'page-up'],
  ['\x1b[6~', 'page-down'],
  ['\x1bOP', 'f1'],
  ['\x1bOR', 'f3'],
  ['\x1b[13~', 'f3'],
  ['\x1b[1;2P', 'shift-f1'],
  ['\x1b[24~', 'f12'],
  ['\x1b[24;5~', 'ctrl-f12'],
  ['\x1b[[A', 'f1'],
  ['\x1b[[E', 'f5'],
  ['\x1b[47;5u', 'ctrl-slash'],
  ['\x1b[45:95;6u', 'ctrl-shift-minus'],
  ['\x1b[122;6u', 'ctrl-shift-z'],
  ['\x1b[9;2u', 'shift-tab'],
  ['\x1b[57419u', 'up'],
  // kitty, with and without lock keys, and on a Cyrillic keyboard
  ['\x1b[13;2u', 'shift-enter'],
  ['\x1b[13;130u', 'shift-enter'],
  ['\x1b[13u', 'enter'],
  ['\x1b[27u', 'escape'],
  ['\x1b[99;5u', 'ctrl-c'],
  ['\x1b[1089::99;5u', 'ctrl-c'],
  ['\x1b[98;3u', 'alt-b'],
  ['\x1b[57414u', 'enter'],
  // xterm
  ['\x1b[27;2;13~', 'shift-enter'],
  ['\x1b[27;5;13~', 'ctrl-enter'],
])('%j is %s', (sequence, key) => {
  expect(nameKey(sequence)).toEqual({ key });
});

test.each([
  ['\x1b[233u', 'é'],
  ['\x1b[27;2;32~', ' '],
])('%j is the text %j', (sequence, text) => {
  expect(nameKey(sequence)).toEqual({ text });
});

test.each([
  '\x00',
  '\x1b[I',
  '\x1b[M',
  '\x1b[O',
  '\x1b[1;5R',
  '\x1b[?2026;2$y',
  '\x1b[?1;2c',
  '\x1b[>0;276;0c',
  '\x1b[0n',
  '\x1b[8;24;80t',
  '\x1b[?997;1n',
  '\x1b[155u',
  '\x1b[[Z',
  '\x85',
  '\x1b[?62;22c',
  '\x1b[24;80R',
  '\x1b[?5u',
  '\x1b[<0;1;1M',
  '\x1b[13;2:3u',
  '\x1b[97;9u',
  '\x1b[99999999u',
  '\x1b[57358u',
])('%j is no key', (sequence) => {
  expect(nameKey(sequence)).toBeUndefined();
});

test('no sequence is too odd to be looked at', () => {
  const digits = fc.string({ unit: fc.constantFrom('0', '1', '9', ';', ':') });
  fc.assert(
    fc.property(digits, fc.constantFrom('u', '~', 'A', 'R'), (parameters, final) => {
      const named = nameKey(`\x1b[${parameters}${final}`);
      if (named !== undefined && 'text' in named) expect(named.text).not.toMatch(/[\p{Cs}\p{Cc}]/u);
    }),
  );
});

describe('what keys do', () => {
  test('Enter sends, and every other way of Enter makes a new line', () => {
    const actions = ['enter', 'alt-enter', 'shift-enter', 'ctrl-enter', 'ctrl-j'].map((key) =>
      keyActions({}).get(key),
    );
    expect(actions).toEqual(['send', 'newline', 'newline', 'newline', 'newline']);
  });

  test('is by names that the configuration can write, and every action has a key', () => {
    const actions = keyActions({});
    for (const key of actions.keys()) expect(key).toMatch(KEY_NAME);
    const bound = new Set(actions.values());
    expect(KEY_ACTIONS.filter((action) => !bound.has(action))).toEqual(['none']);
  });

  test('can be changed, added to and taken away', () => {
    const actions = keyActions({ 'ctrl-t': 'show-thinking', 'ctrl-r': 'none', f5: 'search-history' });
    expect(['ctrl-t', 'ctrl-r', 'f5', 'ctrl-g'].map((key) => actions.get(key))).toEqual([
      'show-thinking',
      'none',
      'search-history',
      'open-editor',
    ]);
  });

  test.each<[Record<string, string>, string, string | undefined]>([
    [{ enter: 'newline' }, 'enter', 'send'],
    [{ enter: 'newline', 'alt-enter': 'send' }, 'enter', 'newline'],
    [{ 'ctrl-c': 'none' }, 'ctrl-c', 'interrupt'],
    [{ 'ctrl-c': 'none', escape: 'interrupt' }, 'ctrl-c', 'none'],
    // What no terminal sends counts for nothing.
    [{ 'ctrl-c': 'none', 'ctrl-f99': 'interrupt' }, 'ctrl-c', 'interrupt'],
    [{ a: 'send', 'shift-a': 'undo' }, 'a', undefined],
    [{ 'ctrl-t': 'fly' }, 'ctrl-t', 'transpose'],
  ])('lock nobody in: with %j, %s does %s', (configured, key, action) => {
    expect(keyActions(configured).get(key)).toBe(action);
  });

  test('is found under no name of the language', () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(keyActions({}).get(name)).toBeUndefined();
  });
});

test.each(['ctrl-t', 'alt-enter', 'ctrl-alt-shift-f12', 'shift-tab', 'f5', 'page-up', 'alt-minus'])(
  '%s is a key',
  (name) => {
    expect(name).toMatch(KEY_NAME);
  },
);
test.each(['t', 'shift-t', 'space', 'alt-ctrl-t', 'ctrl-', 'f13', 'ctrl-foo', 'Ctrl-T', ''])(
  '%j is none',
  (name) => {
    expect(name).not.toMatch(KEY_NAME);
  },
);
