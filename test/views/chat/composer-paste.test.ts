import { describe, expect, test } from 'vitest';
import { continueLine, pressComposer, reduceComposer } from '../../../src/views/chat/composer.js';
import { layoutComposer } from '../../../src/views/chat/composer-layout.js';
import { expandComposer, sendComposer, startComposer } from '../../../src/views/chat/composer-state.js';
import type { Composer } from '../../../src/views/chat/composer-state.js';
import { at, insert, mark, paste, press, WIDTH } from './composer-states.js';

const LINES = Array.from({ length: 40 }, (_, index) => `line ${index + 1}`).join('\n');
const drawn = (composer: Composer, width = 60): string =>
  layoutComposer(composer, width)
    .rows.map(({ text }) => text)
    .join('\n');

describe('a paste', () => {
  test.each([
    ['seven lines', Array(7).fill('x').join('\n'), Array(7).fill('x').join('\n')],
    ['eight lines', Array(8).fill('x').join('\n'), '[Pasted 8 lines]'],
    [
      'seven lines and a line end',
      `${Array(7).fill('x').join('\n')}\n`,
      `${Array(7).fill('x').join('\n')}\n`,
    ],
    ['forty lines', LINES, '[Pasted 40 lines]'],
    ['lines with the ends of Windows', LINES.replaceAll('\n', '\r\n'), '[Pasted 40 lines]'],
    ['999 characters', 'x'.repeat(999), 'x'.repeat(999)],
    ['1,000 characters', 'x'.repeat(1000), '[Pasted 1k characters]'],
    ['1,234 characters', 'x'.repeat(1234), '[Pasted 1.2k characters]'],
    ['a million characters', '日'.repeat(1_000_000), '[Pasted 1M characters]'],
  ])('of %s is drawn as itself or as a chip, and sent whole', (_, text, shown) => {
    const pasted = paste(startComposer([]), text);
    expect(drawn(pasted, 2000)).toBe(shown);
    expect(expandComposer(pasted)).toBe(text.replaceAll('\r\n', '\n'));
  });

  test('never sends, loses its controls, and is typed on after', () => {
    const pasted = paste(at('a|b'), '\u001B[31mred\r\nnext\u0007\r\u0080');
    expect(mark(pasted)).toBe('a[31mred\nnext\n|b');
    expect(expandComposer(paste(startComposer([]), `\u001B[201~${LINES}\u0085`))).toBe(`[201~${LINES}`);
  });

  test('stands where it was put, twice in a row too, and is one character to every key', () => {
    const two = paste(paste(at('before |after'), LINES), 'y'.repeat(2000));
    expect(drawn(two, 80)).toBe('before [Pasted 40 lines][Pasted 2k characters]after');
    expect(expandComposer(two)).toBe(`before ${LINES}${'y'.repeat(2000)}after`);
    expect(expandComposer(press(two, 'delete-back'))).toBe(`before ${LINES}after`);
    expect(expandComposer(press(two, 'left', 'delete-back'))).toBe(`before ${'y'.repeat(2000)}after`);
    expect(expandComposer(press(two, 'left', 'left', 'delete-forward'))).toBe(
      `before ${'y'.repeat(2000)}after`,
    );
    expect(expandComposer(press(two, 'delete-word-back'))).toBe(`before ${LINES}after`);
    expect(expandComposer(press(two, 'word-left', 'word-left', 'word-right', 'kill-to-start'))).toBe(
      `${'y'.repeat(2000)}after`,
    );
  });

  test('is taken back whole by one undo, and brought again by redo', () => {
    const typed = insert(startComposer([]), 'see: ');
    const pasted = paste(typed, LINES);
    expect(press(pasted, 'undo')).toMatchObject({ text: typed.text, cursor: typed.cursor });
    expect(expandComposer(press(pasted, 'undo', 'redo'))).toBe(`see: ${LINES}`);
    expect(mark(press(paste(typed, 'short'), 'undo'))).toBe('see: |');
    // What is typed behind it is a run of its own.
    expect(expandComposer(press(insert(pasted, '!'), 'undo'))).toBe(`see: ${LINES}`);
  });

  test('can be killed and yanked, also into the next text', () => {
    const killed = press(paste(at('|'), LINES), 'kill-to-start');
    expect(killed.text).toBe('');
    expect(expandComposer(press(killed, 'yank', 'yank'))).toBe(LINES + LINES);
    expect(expandComposer(press(sendComposer(killed), 'yank'))).toBe(LINES);
    const long = 'z'.repeat(1_000_000);
    const yanked = press(sendComposer(press(paste(at('|'), long), 'kill-to-start')), 'yank');
    expect([drawn(yanked), expandComposer(yanked)]).toEqual(['[Text of 1M characters]', long]);
  });

  test('is in the history as it was sent', () => {
    const sent = sendComposer(insert(paste(startComposer([]), LINES), ' why?'));
    expect(sent.history).toEqual([`${LINES} why?`]);
    expect(sent.chips).toEqual([]);
    expect(expandComposer(press(sent, 'up'))).toBe(`${LINES} why?`);
  });

  test('has a label that is text like any other when it is typed', () => {
    const both = insert(paste(startComposer([]), LINES), '[Pasted 40 lines]');
    expect(expandComposer(both)).toBe(`${LINES}[Pasted 40 lines]`);
    expect(expandComposer(press(both, 'delete-back'))).toBe(`${LINES}[Pasted 40 lines`);
  });

  test('is not joined by an accent that is typed behind it', () => {
    const accented = insert(paste(startComposer([]), LINES), '\u0301');
    expect(expandComposer(press(accented, 'delete-back'))).toBe(LINES);
  });

  test('stays plain once there are more than there are signs for', () => {
    const many = Array.from({ length: 33 }, (_, index) => `${index}:${'x'.repeat(1000)}`);
    const pasted = many.reduce(paste, startComposer([]));
    expect(pasted.chips).toHaveLength(32);
    expect(expandComposer(pasted)).toBe(many.join(''));
  });

  test('holds a `"""` block open or closes it as typed text does', () => {
    expect(continueLine(paste(at('"""|'), LINES))).toBeDefined();
    expect(continueLine(paste(at('"""|'), `${LINES}"""`))).toBeUndefined();
  });

  test('of nothing but spaces is not sent', () => {
    expect(pressComposer(paste(startComposer([]), ' '.repeat(2000)), 'send', WIDTH).rest).toBeUndefined();
  });
});

test.each([2, 5, 12, 17, 18])(
  'a chip is cut to rows of %d cells, with the cursor before and behind it',
  (width) => {
    const pasted = paste(startComposer([]), LINES);
    const label = '[Pasted 40 lines]'.slice(0, width);
    const behind = layoutComposer(pasted, width);
    expect(behind.rows.map(({ text }) => text)).toEqual(label.length === width ? [label, ''] : [label]);
    expect([behind.cursorRow, behind.cursorColumn]).toEqual(
      label.length === width ? [1, 0] : [0, label.length],
    );
    expect(layoutComposer(press(pasted, 'left'), width)).toMatchObject({ cursorRow: 0, cursorColumn: 0 });
  },
);

test('a text too long to be drawn with each key comes back from the editor as a chip', () => {
  const long = 'word '.repeat(5000);
  const replaced = reduceComposer(at('old|'), { type: 'replace', text: long });
  expect(drawn(replaced)).toBe('[Text of 25k characters]');
  expect(expandComposer(replaced)).toBe(long);
  expect(mark(press(replaced, 'undo'))).toBe('old|');
  expect(drawn(press(startComposer([long]), 'up'))).toBe('[Text of 25k characters]');
});
