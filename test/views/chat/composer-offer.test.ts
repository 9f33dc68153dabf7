import { describe, expect, test } from 'vitest';
import { pressComposer, reduceComposer } from '../../../src/views/chat/composer.js';
import type { Composer } from '../../../src/views/chat/composer-state.js';
import { at, insert, mark, press, pressKeys, WIDTH } from './composer-states.js';

/** Offers options for the part from `from` to the cursor, as the chat does after Tab. */
function offer(composer: Composer, from: number, options: readonly string[]): Composer {
  const { text, cursor } = composer;
  return reduceComposer(composer, { type: 'offer', text, cursor, completion: { from, to: cursor, options } });
}

describe('Tab', () => {
  test('asks the chat what there is', () => {
    expect(pressComposer(at('/mo|'), 'complete', WIDTH).rest).toBe('complete');
  });

  test('puts the only option in its place, which one undo takes back', () => {
    const done = offer(at('read @m| now'), 5, ['@main.ts']);
    expect(mark(done)).toBe('read @main.ts| now');
    expect(done.offer).toBeUndefined();
    expect(mark(press(done, 'undo'))).toBe('read @m| now');
  });

  test('goes as far as all options do, then through them and round', () => {
    const offered = offer(at('/model l|'), 7, ['llama3.2:1b', 'llama3.2:3b']);
    expect(mark(offered)).toBe('/model llama3.2:|');
    expect(offered.offer).toMatchObject({ options: ['llama3.2:1b', 'llama3.2:3b'], chosen: undefined });
    const first = pressKeys(offered, 'complete');
    expect([mark(first), first.offer?.chosen]).toEqual(['/model llama3.2:1b|', 0]);
    expect(mark(pressKeys(first, 'complete'))).toBe('/model llama3.2:3b|');
    expect(mark(pressKeys(first, 'complete', 'complete'))).toBe('/model llama3.2:1b|');
    expect(mark(pressKeys(offered, 'complete-back'))).toBe('/model llama3.2:3b|');
    expect(mark(pressKeys(first, 'complete', 'undo'))).toBe('/model l|');
  });

  test('leaves what was typed where the options have no more in common, and undo goes back to it', () => {
    const offered = offer(insert(at('/model |'), 'b'), 7, ['gemma:1b', 'llama:1b']);
    expect(mark(offered)).toBe('/model b|');
    expect(mark(pressKeys(offered, 'complete', 'complete', 'undo'))).toBe('/model b|');
    expect(mark(pressKeys(offered, 'complete', 'undo', 'undo'))).toBe('/model |');
  });

  test('cuts what options have in common between characters', () => {
    expect(mark(offer(at('@|'), 0, ['@e\u0301', '@e\u0300']))).toBe('@|');
    expect(mark(offer(at('@|'), 0, ['@👩‍👩‍👧', '@👩‍👩‍👦']))).toBe('@|');
  });

  test('is over with any other key, and Esc only closes the list', () => {
    const offered = offer(at('/model l|'), 7, ['llama3.2:1b', 'llama3.2:3b']);
    expect(insert(offered, '1').offer).toBeUndefined();
    expect(pressKeys(offered, 'left').offer).toBeUndefined();
    const closed = pressComposer(offered, 'escape', WIDTH);
    expect(closed.rest).toBeUndefined();
    expect([mark(closed.composer), closed.composer.offer]).toEqual(['/model llama3.2:|', undefined]);
    expect(pressComposer(closed.composer, 'escape', WIDTH).rest).toBe('escape');
    expect(pressComposer(offered, 'send', WIDTH).rest).toBe('send');
  });

  test('offers nothing that comes after the text was typed on', () => {
    const before = at('/mo|');
    const typed = insert(before, 'x');
    const { text, cursor } = before;
    const late = reduceComposer(typed, {
      type: 'offer',
      text,
      cursor,
      completion: { from: 0, to: 3, options: ['/model '] },
    });
    expect(late).toBe(typed);
    expect(offer(before, 0, [])).toMatchObject({ text: '/mo', offer: undefined });
  });
});
