import { describe, expect, test } from 'vitest';
import { continueLine, reduceComposer } from '../../../src/views/chat/composer.js';
import type { EditKey } from '../../../src/views/chat/composer.js';
import { sendComposer, startComposer } from '../../../src/views/chat/composer-state.js';
import type { Composer } from '../../../src/views/chat/composer-state.js';
import { at, insert, mark, press } from './composer-states.js';

describe('an edit', () => {
  test.each<[EditKey, string, string]>([
    ['newline', 'a|b', 'a\n|b'],
    ['left', 'ab|', 'a|b'],
    ['left', '|ab', '|ab'],
    ['left', 'a\n|b', 'a|\nb'],
    ['left', 'x👩‍👩‍👧|', 'x|👩‍👩‍👧'],
    ['left', 'e\u0301|', '|e\u0301'],
    ['left', '🇫🇷🇩🇪|', '🇫🇷|🇩🇪'],
    ['right', '|👩‍👩‍👧x', '👩‍👩‍👧|x'],
    ['right', 'a|\nb', 'a\n|b'],
    ['right', 'ab|', 'ab|'],
    ['line-start', 'one\ntwo|', 'one\n|two'],
    ['line-end', '|one\ntwo', 'one|\ntwo'],
    ['word-left', 'one two  |', 'one |two  '],
    ['word-left', 'one, two|', 'one, |two'],
    ['word-left', 'one\n  |', '|one\n  '],
    ['word-left', '|', '|'],
    ['word-right', '|one two', 'one| two'],
    ['word-right', 'one| , two', 'one , two|'],
    ['delete-back', 'ab|c', 'a|c'],
    ['delete-back', 'a\n|b', 'a|b'],
    ['delete-back', 'x👩‍👩‍👧|y', 'x|y'],
    ['delete-back', '|a', '|a'],
    ['delete-forward', 'a|bc', 'a|c'],
    ['delete-forward', 'a|👍🏽c', 'a|c'],
    ['delete-forward', 'a|', 'a|'],
    ['delete-word-back', 'one two|', 'one |'],
    ['delete-word-back', 'one two  |x', 'one |x'],
    ['delete-word-forward', 'one| two x', 'one| x'],
    ['kill-to-start', 'a\none| two', 'a\n| two'],
    ['kill-to-end', 'one| two\nb', 'one|\nb'],
    ['kill-to-end', 'one|\nb', 'one|b'],
    ['kill-to-end', 'one|', 'one|'],
    ['text-start', 'one\ntwo|', '|one\ntwo'],
    ['text-end', 'o|ne\ntwo', 'one\ntwo|'],
    ['transpose', 'a|b', 'ba|'],
    ['transpose', 'xab|', 'xba|'],
    ['transpose', 'x\n|ab', 'x\n|ab'],
    ['transpose', '👩‍👩‍👧|日', '日👩‍👩‍👧|'],
    ['transpose', '|', '|'],
    ['yank', 'a|', 'a|'],
    ['undo', 'a|', 'a|'],
    ['redo', 'a|', 'a|'],
    // What a deletion brings together may be one grapheme: the cursor never stands inside.
    ['delete-back', 'ex|\u0301', 'e\u0301|'],
  ])('%s makes %j into %j', (edit, before, after) => {
    expect(mark(press(at(before), edit))).toBe(after);
  });

  test.each<[EditKey[], string, string]>([
    [['up'], 'long line\nab|', 'lo|ng line\nab'],
    [['up', 'up'], 'abcdef\nx\nabcd|ef', 'abcd|ef\nx\nabcdef'],
    [['down'], 'ab|cd\nx\nabcd', 'abcd\nx|\nabcd'],
    [['down', 'down'], 'abc|d\nx\nabcd', 'abcd\nx\nabc|d'],
    [['up'], '日本\nab|', '日|本\nab'],
    [['up'], '日本\nabc|', '日|本\nabc'],
    // Rows as they are drawn: 24 letters in rows of 20.
    [['up'], 'abcdefghijklmnopqrstuvwx|', 'abcd|efghijklmnopqrstuvwx'],
    [['down'], 'ab|cdefghijklmnopqrstuvwx', 'abcdefghijklmnopqrstuv|wx'],
  ])('%j moves over %j to %j', (edits, before, after) => {
    expect(mark(press(at(before), ...edits))).toBe(after);
  });
});

test('up goes through a row that is not quite full, as a wide character did not fit into it', () => {
  const up = (composer: Composer): Composer =>
    reduceComposer(composer, { type: 'edit', edit: 'up', width: 5 });
  const first = up(at('日日日日日\nabcd|'));
  expect(mark(first)).toBe('日日日日日|\nabcd');
  expect(mark(up(first))).toBe('日日日|日日\nabcd');
  expect(mark(up(up(first)))).toBe('日|日日日日\nabcd');
});

describe('the history', () => {
  const history = ['first', 'second\nline'];

  test('is reached by Up from the first row and left by Down from the last, the draft kept', () => {
    const draft = at('dra|ft', history);
    const second = press(draft, 'up');
    expect(mark(second)).toBe('second\nline|');
    expect(mark(press(second, 'up'))).toBe('seco|nd\nline');
    const first = press(second, 'up', 'up');
    expect(mark(first)).toBe('first|');
    expect(mark(press(first, 'up'))).toBe('first|');
    expect(mark(press(first, 'down'))).toBe('second\nline|');
    expect(mark(press(first, 'down', 'down'))).toBe('draft|');
    expect(mark(press(first, 'down', 'down', 'down'))).toBe('draft|');
  });

  test('keeps what was made of an entry until something is sent', () => {
    const changed = insert(press(at('|', history), 'up'), '!');
    const back = press(press(changed, 'up', 'up', 'down'), 'down');
    expect(mark(press(changed, 'up', 'up'))).toBe('first|');
    expect(mark(back)).toBe('|');
    expect(mark(press(back, 'up'))).toBe('second\nline!|');
    expect(mark(press(sendComposer(back), 'up'))).toBe('second\nline|');
  });

  test('is no way to lose a draft: undo goes back over it', () => {
    const shown = press(at('draft|', ['old']), 'up');
    expect(mark(press(shown, 'undo'))).toBe('draft|');
    expect(mark(press(shown, 'undo', 'up'))).toBe('old|');
  });

  test('gets what is sent, but not twice in a row', () => {
    const sent = sendComposer(at('hello|', ['before']));
    expect(sent).toEqual(startComposer(['before', 'hello']));
    expect(sendComposer(at('hello|', ['hello'])).history).toEqual(['hello']);
  });
});

describe('Enter', () => {
  test.each([
    ['one \\|', 'one \n|'],
    ['"""a|', '"""a\n|'],
    ['"""a\nb| c', '"""a\nb\n| c'],
    ['/set system """a|', '/set system """a\n|'],
    ['/system """a|', '/system """a\n|'],
  ])('goes on after %j', (before, after) => {
    expect(mark(continueLine(at(before)) ?? startComposer([]))).toBe(after);
  });

  test.each(['one|', 'a \\|b', '"""a"""|', '"""a""" b|', 'say """|', '|'])('sends %j', (marked) => {
    expect(continueLine(at(marked))).toBeUndefined();
  });
});

test('what is typed or pasted is cleaned', () => {
  const pasted = reduceComposer(at('a|b'), { type: 'insert', text: '\u001B[31mred\r\nnext\u0007' });
  expect(mark(pasted)).toBe('a[31mred\nnext|b');
  expect(mark(reduceComposer(pasted, { type: 'replace', text: 'n\u0000ew' }))).toBe('new|');
});

describe('undo', () => {
  test('takes back a run of typing at once, and redo brings it back', () => {
    const typed = ['h', 'e', 'y'].reduce(insert, startComposer([]));
    const moved = insert(press(typed, 'left'), 'x');
    expect(mark(moved)).toBe('hex|y');
    expect(mark(press(moved, 'undo'))).toBe('he|y');
    expect(mark(press(moved, 'undo', 'undo'))).toBe('|');
    expect(mark(press(moved, 'undo', 'undo', 'undo', 'redo'))).toBe('he|y');
    expect(mark(press(moved, 'undo', 'undo', 'redo', 'redo', 'redo'))).toBe('hex|y');
  });

  test.each<[string, EditKey[], EditKey[], string]>([
    ['a run of erasing', ['delete-back', 'delete-back', 'delete-forward'], ['undo'], 'abc|def'],
    [
      'erasing where there was nothing before',
      ['delete-forward', 'text-end', 'delete-forward', 'delete-back'],
      ['undo'],
      'abcef|',
    ],
    ['a kill', ['kill-to-end', 'kill-to-start'], ['undo'], 'abc|'],
    ['a new line', ['newline', 'newline'], ['undo'], 'abc\n|def'],
    ['a yank', ['kill-to-end', 'yank'], ['undo'], 'abc|'],
  ])('takes back %s', (_, edits, undos, after) => {
    expect(mark(press(at('abc|def'), ...edits, ...undos))).toBe(after);
  });

  test('leaves nothing to redo once something else was typed', () => {
    const retyped = insert(press(insert(startComposer([]), 'a'), 'undo'), 'b');
    expect(mark(press(retyped, 'redo'))).toBe('b|');
    expect(mark(press(retyped, 'undo'))).toBe('|');
  });

  test('brings back what was cleared', () => {
    const cleared = reduceComposer(at('all of it|'), { type: 'replace', text: '' });
    expect(mark(press(cleared, 'undo'))).toBe('all of it|');
  });
});

describe('yank', () => {
  test.each<[string, EditKey[], string]>([
    ['one two| three', ['kill-to-end', 'yank', 'yank'], 'one two three three|'],
    ['one two three|', ['delete-word-back', 'delete-word-back', 'text-start', 'yank'], 'two three|one '],
    [
      'one| two three',
      ['delete-word-forward', 'delete-word-forward', 'text-start', 'yank'],
      ' two three|one',
    ],
    ['one| two', ['kill-to-end', 'kill-to-start', 'yank'], 'one two|'],
    // A move between kills begins anew.
    ['one two|', ['delete-word-back', 'left', 'delete-word-back', 'yank', 'yank'], 'oneone| '],
    // One that takes nothing keeps what was taken.
    ['one|', ['kill-to-start', 'kill-to-start', 'right', 'kill-to-end', 'yank'], 'one|'],
  ])('makes of %j after %j %j', (before, edits, after) => {
    expect(mark(press(at(before), ...edits))).toBe(after);
  });

  test('knows what was killed in the text before', () => {
    const sent = sendComposer(press(at('keep this|'), 'delete-word-back'));
    expect(mark(press(sent, 'yank'))).toBe('this|');
  });
});
