import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  continueLine,
  reduceComposer,
  sendComposer,
  startComposer,
} from '../../../src/views/chat/composer.js';
import type { Composer, EditKey } from '../../../src/views/chat/composer.js';
import { layoutComposer } from '../../../src/views/chat/composer-layout.js';
import { displayWidth } from '../../../src/format/width.js';

const WIDTH = 20;

/** A composer from a text in which `|` is the cursor, and back. */
function at(marked: string, history: readonly string[] = []): Composer {
  const cursor = marked.indexOf('|');
  return { ...startComposer(history), text: marked.replace('|', ''), cursor };
}
const mark = ({ text, cursor }: Composer): string => `${text.slice(0, cursor)}|${text.slice(cursor)}`;

const press = (composer: Composer, ...edits: readonly EditKey[]): Composer =>
  edits.reduce((now, edit) => reduceComposer(now, { type: 'edit', edit, width: WIDTH }), composer);

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

describe('whatever is pressed', () => {
  const edits: readonly EditKey[] = [
    'newline',
    'left',
    'right',
    'up',
    'down',
    'line-start',
    'line-end',
    'word-left',
    'word-right',
    'delete-back',
    'delete-forward',
    'delete-word-back',
    'delete-word-forward',
    'kill-to-start',
    'kill-to-end',
  ];
  const piece = fc.oneof(
    fc.constantFrom(
      '👩‍👩‍👧',
      '🇫🇷',
      '\u0301',
      'é',
      '日本',
      ' ',
      '\n',
      '\r\n',
      '\t',
      '\u200d',
      '👍🏽',
      'word',
      '\u001B[A',
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  const action = fc.oneof(
    fc.record({ type: fc.constant('insert' as const), text: piece }),
    fc.record({
      type: fc.constant('edit' as const),
      edit: fc.constantFrom(...edits),
      width: fc.integer({ min: 2, max: 12 }),
    }),
  );
  const run = (actions: readonly Parameters<typeof reduceComposer>[1][]) =>
    actions.reduce(reduceComposer, startComposer(['old 👩‍👩‍👧 entry', 'two\nlines']));

  test('the text is well-formed and clean, and the cursor stands between two graphemes', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const { text, cursor } = run(actions);
        expect(text).not.toMatch(/\p{Cs}/u);
        expect(text).not.toMatch(/[^\P{Cc}\n\t]/u);
        const boundaries = new Set([text.length]);
        for (const { index } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) {
          boundaries.add(index);
        }
        expect(boundaries).toContain(cursor);
      }),
      { numRuns: 500 },
    );
  });

  test('the cursor has a cell before a character without a width at the end of a full row', () => {
    const { rows, cursorRow, cursorColumn } = layoutComposer('\t\u200d', 1, 4);
    expect(rows.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect([cursorRow, cursorColumn]).toEqual([1, 0]);
  });

  test('the rows hold the whole text within their width, and the cursor', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), fc.integer({ min: 4, max: 12 }), (actions, width) => {
        const { text, cursor } = run(actions);
        const { rows, cursorRow, cursorColumn } = layoutComposer(text, cursor, width);
        for (const row of rows) expect(displayWidth(row.text)).toBeLessThanOrEqual(width);
        expect(cursorColumn).toBeLessThan(width);
        const { start, end } = rows[cursorRow] ?? { start: -1, end: -1 };
        expect(cursor >= start && cursor <= end).toBe(true);
        const covered = rows.map((row) => text.slice(row.start, row.end)).join('');
        expect(covered).toBe(text.replaceAll('\n', ''));
      }),
      { numRuns: 300 },
    );
  });
});
