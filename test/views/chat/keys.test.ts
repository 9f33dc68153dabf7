import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KEY_ACTIONS, nameKey } from '../../../src/views/chat/keys.js';

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
      if (named !== undefined && 'text' in named) expect(named.text).not.toMatch(/\p{Cs}/u);
    }),
  );
});

test('Enter sends, and every other way of Enter makes a new line', () => {
  const actions = ['enter', 'alt-enter', 'shift-enter', 'ctrl-enter', 'ctrl-j'].map(
    (key) => KEY_ACTIONS[key],
  );
  expect(actions).toEqual(['enter', 'newline', 'newline', 'newline', 'newline']);
});
