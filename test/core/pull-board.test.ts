import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boardOf, boardTotals, hasEnded, startBoard } from '../../src/core/pull-board.js';
import { pullTotals } from '../../src/core/pull-totals.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import { anyEvent } from '../views/pull-states.js';
import {
  boardWith,
  digestOf,
  done,
  failed,
  large,
  NOW,
  progress,
  pullOf,
  small,
} from '../views/pull/pulls.js';

describe('the sums over several pulls', () => {
  test('are those of one, where there is one', () => {
    expect(pullTotals(small, NOW)).toMatchObject(boardTotals(boardOf(small), NOW));
  });

  test('add up what is known, what came, and the pace', () => {
    const [a, b] = [pullTotals(small, NOW), pullTotals(large, NOW)];
    const rate = (a.bytesPerSecond ?? 0) + (b.bytesPerSecond ?? 0);
    expect(boardTotals(boardWith([small, large]), NOW)).toMatchObject({
      total: a.total + b.total,
      completed: a.completed + b.completed,
      reused: 1400,
      bytesPerSecond: rate,
      etaSeconds: (a.total - a.completed + b.total - b.completed) / rate,
    });
  });

  test.each([
    ['every size is known', boardWith([small, done]), true],
    ['a size is not known yet', boardWith([small, large]), false],
    ['a model has not begun', boardWith([small], ['other']), false],
    ['what failed is no more awaited', boardWith([small, failed]), true],
    ['nothing has begun', boardWith([], ['other']), false],
  ])('the total where %s', (_, board, known) => {
    expect(boardTotals(board, NOW).totalKnown).toBe(known);
  });

  test('of a pull that failed only what came is counted', () => {
    expect(boardTotals(boardWith([failed, done]), NOW)).toMatchObject({
      total: 1e9 + 274e6,
      completed: 1e9 + 274e6,
      etaSeconds: undefined,
    });
  });

  test('what waits is counted as soon as its manifest is known', () => {
    const waits = pullOf('b', [
      1,
      { type: 'Manifest', layers: [{ digest: digestOf('1'), size: 500, present: false }] },
    ]);
    const board = { ...boardWith([small], ['b']), ahead: [waits] };
    expect(boardTotals(board, NOW)).toMatchObject({
      total: pullTotals(small, NOW).total + 500,
      totalKnown: true,
    });
  });

  test('a layer of two models is one', () => {
    const first = pullOf(
      'a',
      [1, progress('7', 100, 0)],
      [500, progress('7', 100, 40)],
      [900, progress('7', 100, 60)],
    );
    const second = pullOf(
      'b',
      [1, progress('7', 100, 0)],
      [500, progress('7', 100, 40)],
      [900, progress('7', 100, 60)],
    );
    const { bytesPerSecond } = pullTotals(first, 900);
    expect(boardTotals(boardWith([first, second]), 900)).toMatchObject({
      total: 100,
      completed: 60,
      downloaded: 60,
      bytesPerSecond,
    });
  });

  test('all layers told together are no layer of another model', () => {
    const model = (name: string) =>
      pullOf(name, [1, { type: 'ChunkProgress', digest: 'sha256:model', total: 100, completed: 0 }]);
    expect(boardTotals(boardWith([model('a'), model('b')]), 2).total).toBe(200);
  });

  test('have no pace while nothing moves', () => {
    expect(boardTotals(boardWith([small, large]), NOW + 60_000)).toMatchObject({
      bytesPerSecond: undefined,
      etaSeconds: undefined,
    });
  });
});

test('what has come never falls, whatever happens to the pulls', () => {
  const steps = fc.array(fc.tuple(fc.nat(2), anyEvent), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (events) => {
      const pulls = [startPull('a', 0), startPull('b', 0), startPull('c', 0)];
      let before = 0;
      events.forEach(([which, event], index) => {
        const state = pulls[which];
        if (!state || hasEnded(state)) return;
        pulls[which] = reducePull(state, event, index * 100);
        const { completed } = boardTotals(boardWith(pulls), index * 100);
        // Sums of the largest numbers are not exact.
        expect(completed).toBeGreaterThanOrEqual(before * (1 - 1e-12));
        before = completed;
      });
    }),
    { numRuns: 300 },
  );
});

test('a board begins with one pull that has not been heard of', () => {
  expect(startBoard('tiny', 5)).toEqual({
    pulls: [startPull('tiny', 5)],
    waiting: [],
    startedAt: 5,
    count: 1,
  });
  expect([small, done, failed].map(hasEnded)).toEqual([false, true, true]);
  expect(digestOf('a')).toHaveLength(71);
});
