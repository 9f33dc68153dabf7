import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KEY_ACTIONS } from '../../../src/config/key-actions.js';
import { displayWidth } from '../../../src/format/width.js';
import { pressComposer, reduceComposer } from '../../../src/views/chat/composer.js';
import { layoutComposer } from '../../../src/views/chat/composer-layout.js';
import { shownText } from '../../../src/views/chat/composer-search.js';
import { expandComposer, sendComposer, startComposer, undo } from '../../../src/views/chat/composer-state.js';
import type { Composer } from '../../../src/views/chat/composer-state.js';

const ODD = [
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
  '\u0080',
  '\\',
  '"""',
];
const LONG = ['x\n'.repeat(12), '日本\u0301 '.repeat(300), 'a\u0085b'.repeat(500)];

const piece = fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: 'binary', maxLength: 4 }));
const change: fc.Arbitrary<(composer: Composer) => Composer> = fc.oneof(
  {
    weight: 4,
    arbitrary: piece.map((text) => (one: Composer) => reduceComposer(one, { type: 'insert', text })),
  },
  {
    weight: 2,
    arbitrary: fc
      .oneof(piece, fc.constantFrom(...LONG))
      .map((text) => (one: Composer) => reduceComposer(one, { type: 'paste', text })),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constantFrom(...KEY_ACTIONS), fc.integer({ min: 2, max: 12 })).map(
      ([action, width]) =>
        (one: Composer) =>
          pressComposer(one, action, width).composer,
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(6), fc.array(piece, { maxLength: 3 }))
      .map(([back, options]) => (one: Composer) => {
        const { text, cursor } = one;
        // From a boundary, as every completion is: nothing before a word is joined to it.
        const from = text.slice(0, cursor).lastIndexOf(' ', cursor - back) + 1;
        return reduceComposer(one, {
          type: 'offer',
          text,
          cursor,
          completion: { from, to: cursor, options },
        });
      }),
  },
  {
    weight: 1,
    arbitrary: piece.map((text) => (one: Composer) => reduceComposer(one, { type: 'replace', text })),
  },
);
const changes = fc.array(change, { maxLength: 40 });
const run = (
  steps: readonly ((composer: Composer) => Composer)[],
  first = startComposer(['old 👩‍👩‍👧 entry', 'two\nlines']),
) => steps.reduce((composer, step) => step(composer), first);

function expectWellFormed({ text, cursor }: { text: string; cursor: number }): void {
  expect(text).not.toMatch(/\p{Cs}/u);
  const boundaries = new Set([text.length]);
  for (const { index } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text))
    boundaries.add(index);
  expect(boundaries).toContain(cursor);
}

describe('whatever is pressed, pasted and completed', () => {
  test('the text is well-formed and clean, and the cursor stands between two graphemes', () => {
    fc.assert(
      fc.property(changes, (steps) => {
        const composer = run(steps);
        expectWellFormed(composer);
        expectWellFormed(shownText(composer));
        const sent = expandComposer(composer);
        expect(sent).not.toMatch(/[^\P{Cc}\n\t]/u);
        expect(sent).not.toMatch(/\p{Cs}/u);
        // A chip is the only thing that stands for another, and each is known.
        const signs = composer.text.match(/[^\P{Cc}\n\t]/gu) ?? [];
        for (const sign of signs) expect(composer.chips[sign.charCodeAt(0) - 0x80]).toBeDefined();
      }),
      { numRuns: 400 },
    );
  });

  test('undo goes back to the start, and redo from there to the end', () => {
    fc.assert(
      fc.property(changes, (steps) => {
        const end = run([...steps, (one) => pressComposer(one, 'escape', 10).composer]);
        const states = [end];
        let now = end;
        while (now.past !== undefined) {
          now = undo(now);
          states.push(now);
        }
        expect([now.text, now.entry]).toEqual(['', 2]);
        for (const state of states.reverse()) {
          expect([now.text, now.cursor, now.entry]).toEqual([state.text, state.cursor, state.entry]);
          now = reduceComposer(now, { type: 'edit', edit: 'redo', width: 10 });
        }
      }),
      { numRuns: 200 },
    );
  });

  test('undo of a paste gives exactly what was there', () => {
    fc.assert(
      fc.property(changes, fc.oneof(piece, fc.constantFrom(...LONG)), (steps, text) => {
        const before = pressComposer(run(steps), 'left', 10).composer;
        const pasted = reduceComposer(before, { type: 'paste', text });
        fc.pre(pasted.text !== before.text);
        const after = undo(pasted);
        expect([after.text, after.cursor]).toEqual([before.text, before.cursor]);
        expect(expandComposer(after)).toBe(expandComposer(before));
      }),
      { numRuns: 200 },
    );
  });

  test('what is sent is what comes back from the history', () => {
    fc.assert(
      fc.property(changes, (steps) => {
        const composer = run(steps);
        const written = expandComposer(composer);
        fc.pre(written.trim() !== '');
        const back = pressComposer(sendComposer(composer), 'up', 10).composer;
        expect(expandComposer(back)).toBe(written);
      }),
      { numRuns: 100 },
    );
  });
});

describe('the layout', () => {
  test('has a cell for the cursor before a character without a width at the end of a full row', () => {
    const { rows, cursorRow, cursorColumn } = layoutComposer({ text: '\t\u200d', cursor: 1, chips: [] }, 4);
    expect(rows.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect([cursorRow, cursorColumn]).toEqual([1, 0]);
  });

  test('holds the whole text in rows within their width, and the cursor', () => {
    fc.assert(
      fc.property(changes, fc.integer({ min: 4, max: 12 }), (steps, width) => {
        const composer = run(steps);
        const { text, cursor } = composer;
        const { rows, cursorRow, cursorColumn } = layoutComposer(composer, width);
        for (const row of rows) expect(displayWidth(row.text)).toBeLessThanOrEqual(width);
        expect(cursorColumn).toBeLessThan(width);
        const { start, end } = rows[cursorRow] ?? { start: -1, end: -1 };
        expect(cursor >= start && cursor <= end).toBe(true);
        const covered = rows.map((row) => text.slice(row.start, row.end)).join('');
        expect(covered).toBe(text.replaceAll('\n', ''));
        for (const row of rows) expect(row.text).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 300 },
    );
  });
});
