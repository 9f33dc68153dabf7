import { describe, expect, test } from 'vitest';
import { pressComposer } from '../../../src/views/chat/composer.js';
import { shownText, tellSearch } from '../../../src/views/chat/composer-search.js';
import type { Composer } from '../../../src/views/chat/composer-state.js';
import type { KeyAction } from '../../../src/config/key-actions.js';
import { at, insert, mark, paste, press, pressKeys, WIDTH } from './composer-states.js';

const HISTORY = ['list the files', 'Why is the sky blue?', 'two\nlines of FILES', 'list the files', 'say hi'];

const search = (query: string, draft = 'dra|ft'): Composer =>
  Array.from(query).reduce(insert, pressKeys(at(draft, HISTORY), 'search-history'));
const shown = (composer: Composer): string => {
  const { text, cursor } = shownText(composer);
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
};

describe('Ctrl-R', () => {
  test('shows the newest entry with what is typed, and goes to older ones, each text once', () => {
    expect(shown(search(''))).toBe('dra|ft');
    expect(tellSearch(search(''))).toBe('search what you sent before');
    const found = search('files');
    expect(shown(found)).toBe('list the |files');
    const older = pressKeys(found, 'search-history');
    expect(shown(older)).toBe('two\nlines of |FILES');
    const oldest = pressKeys(older, 'search-history');
    expect(shown(oldest)).toBe('list the |files');
    expect(tellSearch(oldest)).toBe('search: files');
    const end = pressKeys(oldest, 'search-history');
    expect(shown(end)).toBe('list the |files');
    expect(tellSearch(end)).toBe('search: files (no more found)');
    expect(shown(pressKeys(end, 'search-forward'))).toBe('two\nlines of |FILES');
  });

  test('finds what was sent, whatever was made of it on the way through the history', () => {
    const changed = insert(press(at('|', HISTORY), 'up'), '!');
    expect(mark(changed)).toBe('say hi!|');
    const elsewhere = press(changed, 'down');
    const found = Array.from('say').reduce(insert, pressKeys(elsewhere, 'search-history'));
    expect(mark(pressKeys(found, 'send'))).toBe('|say hi');
  });

  test('takes a great letter as such', () => {
    expect(shown(search('FILES'))).toBe('two\nlines of |FILES');
    expect(shown(search('why'))).toBe('|Why is the sky blue?');
  });

  test('keeps showing what was found when a letter more finds nothing, and finds anew with one less', () => {
    const missed = search('skyx');
    expect(shown(missed)).toBe('Why is the |sky blue?');
    expect(tellSearch(missed)).toContain('no more found');
    const again = pressKeys(missed, 'delete-back');
    expect(tellSearch(again)).toBe('search: sky');
    expect(shown(pressKeys(again, 'delete-back', 'delete-back', 'delete-back', 'delete-back'))).toBe(
      'dra|ft',
    );
  });

  test.each<[KeyAction, string]>([
    ['send', 'Why is the |sky blue?'],
    ['complete', 'Why is the |sky blue?'],
    ['right', 'Why is the s|ky blue?'],
    ['line-end', 'Why is the sky blue?|'],
    ['kill-to-end', 'Why is the |'],
    ['escape', 'dra|ft'],
    ['open-editor', 'dra|ft'],
    ['interrupt', 'dra|ft'],
  ])('ends by %s with %j, and nothing is sent', (action, after) => {
    const { composer, rest } = pressComposer(search('sky'), action, WIDTH);
    expect(mark(composer)).toBe(after);
    expect(rest).toBeUndefined();
    expect(tellSearch(composer)).toBeUndefined();
  });

  test('leaves other keys to the chat, with what was found', () => {
    const { composer, rest } = pressComposer(search('sky'), 'show-thinking', WIDTH);
    expect([mark(composer), rest]).toEqual(['Why is the |sky blue?', 'show-thinking']);
  });

  test('loses no draft, and goes on in the history from what was found', () => {
    const taken = pressKeys(search('sky'), 'send');
    expect(mark(press(taken, 'undo'))).toBe('dra|ft');
    expect(mark(press(taken, 'up'))).toBe('list the files|');
    expect(mark(press(taken, 'down', 'down', 'down', 'down', 'down'))).toBe('draft|');
  });

  test('that found nothing leaves the text as it is', () => {
    expect(mark(pressKeys(search('zzz'), 'send'))).toBe('dra|ft');
    expect(mark(pressKeys(pressKeys(at('x|', []), 'search-history', 'search-history'), 'send'))).toBe('x|');
  });

  test('takes a paste into what is searched for, and never a control', () => {
    expect(shown(paste(search(''), 'sky\u001B blue\n'))).toBe('Why is the |sky blue?');
    expect(tellSearch(paste(search(''), 'a\tb\nc'))).toContain('search: a b c');
  });

  test('looks at a part of an enormous entry, around what was found', () => {
    const text = `${'x '.repeat(40_000)}needle${' y'.repeat(5000)}`;
    const found = insert(pressKeys(at('|', [text]), 'search-history'), 'needle');
    expect(shownText(found).text.length).toBeLessThan(5000);
    expect(shown(found)).toContain('|needle');
  });
});
