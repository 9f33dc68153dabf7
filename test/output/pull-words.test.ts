import { describe, expect, test } from 'vitest';
import { pullTotals } from '../../src/core/pull-totals.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import type { PullState } from '../../src/core/pull.js';
import {
  boardWords,
  countPercent,
  layerNotes,
  nameLayer,
  outcomeWords,
  presentWords,
  totalNotes,
} from '../../src/output/pull-words.js';

test.each([
  ['sha256:74701a8c35f6c8d9a4b91f3f3497643001d63e0c7a84e085bed452548fa88d45', '74701a8c35f6'],
  ['sha256:model', 'model'],
  ['74701a8c', '74701a8c'],
  ['', ''],
  ['sha256:\u001b[31mred', '[31mred'],
])('a layer with the digest %j is called %j', (digest, name) => {
  expect(nameLayer(digest)).toBe(name);
});

test.each([
  [0, 100, true, 0],
  [999, 1000, true, 99],
  [1000, 1000, true, 100],
  [1000, 1000, false, 99],
  [5, 0, true, 0],
])('%i of %i (final: %s) is %i %%', (completed, total, final, percent) => {
  expect(countPercent(completed, total, final)).toBe(percent);
});

describe('how a pull went', () => {
  const layer = (total: number, reused: number) => ({
    digest: `sha256:${total}`,
    total,
    completed: total,
    reported: total,
    reused,
    done: true,
  });
  const ended = (...layers: PullState['layers']): PullState => ({
    ...startPull('tiny', 0),
    phase: 'success',
    phaseSince: 27_000,
    layers,
  });

  test.each([
    [ended(layer(1.3e9, 0)), '1.3 GB in 27s, 48 MB/s'],
    [ended(layer(1.3e9, 0), layer(1400, 1400)), '1.3 GB in 27s, 48 MB/s; 1 of 2 layers was here already'],
    [
      ended(layer(1.3e9, 0), layer(5, 5), layer(6, 6)),
      '1.3 GB in 27s, 48 MB/s; 2 of 3 layers were here already',
    ],
    [ended(layer(1.3e9, 0.3e9)), '1.0 GB in 27s, 37 MB/s; 300 MB was kept from an earlier try'],
    [ended(layer(1.3e9, 1.3e9)), '1.3 GB, was here already'],
    [ended(), 'complete'],
  ])('%#: %s', (state, words) => {
    expect(outcomeWords(state)).toBe(words);
  });
});

describe('how a push and a create went', () => {
  const layer = (total: number, reused: number) => ({
    digest: `sha256:${total}`,
    total,
    completed: total,
    reported: total,
    reused,
    done: true,
  });
  const ended = (...layers: PullState['layers']): PullState => ({
    ...startPull('mine', 0),
    phase: 'success',
    phaseSince: 10_000,
    layers,
  });

  test.each([
    [
      'Pushing',
      ended(layer(1e9, 0), layer(5, 5)),
      '1.0 GB pushed in 10s, 100 MB/s; 1 of 2 layers was there already',
    ],
    ['Pushing', ended(layer(1e9, 1e9)), '1.0 GB, was there already'],
    ['Creating', ended(), 'created in 10s'],
    ['Creating', ended(layer(1e9, 0)), 'created in 10s, 1.0 GB moved'],
  ] as const)('%s %#: %s', (verb, state, words) => {
    expect(outcomeWords(state, verb)).toBe(words);
  });
});

test.each([
  [
    { layers: 5, size: 4.106e9, present: 3, presentBytes: 4.1e9 },
    '3 of 5 layers are here already (4.1 GB), 6.0 MB to fetch',
  ],
  [
    { layers: 2, size: 900, present: 1, presentBytes: 400 },
    '1 of 2 layers is here already (400 B), 500 B to fetch',
  ],
  [{ layers: 1, size: 400, present: 1, presentBytes: 400 }, '1 of 1 layer is here already (400 B)'],
  [{ layers: 1, size: 400, present: 0, presentBytes: 0 }, undefined],
])('what of a manifest is here: %j', (manifest, words) => {
  expect(presentWords(manifest)?.[0]).toBe(words);
});

test('a retry counts down to its try, and says nothing once it is over', () => {
  const event = {
    type: 'Retry',
    attempt: 3,
    reason: 'connection reset',
    delayMs: 4_000,
    kind: 'cut',
  } as const;
  const state = reducePull(startPull('tiny', 0), event, 1_000);
  const notes = (now: number) => totalNotes(state, { now, host: '', verb: 'Pulling' });
  expect([1_000, 2_500, 4_999, 5_000].map((now) => notes(now)[0])).toEqual([
    'try 3 in 4s: connection reset',
    'try 3 in 3s: connection reset',
    'try 3 in 1s: connection reset',
    'try 3: connection reset',
  ]);
  expect(
    totalNotes(reducePull(state, { type: 'Success' }, 1), { now: 1, host: '', verb: 'Pulling' }),
  ).toEqual([]);
});

test.each([
  [12_000, 45_000, 'no data for 12s, asking again at 45s'],
  [12_000, 0, 'no data for 12s'],
  [12_000, undefined, 'no data for 12s'],
  [45_000, 45_000, 'no data for 45s'],
])('after %i ms of silence, where %s is the limit: %s', (silentMs, stallMs, words) => {
  const state = { ...startPull('tiny', 0), silentMs };
  expect(layerNotes(state, pullTotals(state, 0), stallMs)[0]).toBe(words);
  // Before any layer it is said of the whole.
  expect(totalNotes(state, { now: 0, host: '', verb: 'Pulling', stallMs })[0]).toBe(words);
});

test('bytes that are fetched again because they were wrong are said to be', () => {
  const digest = 'sha256:a';
  const events = [
    { type: 'ChunkProgress', digest, total: 100, completed: 100 },
    { type: 'Retry', attempt: 2, reason: 'digest mismatch', delayMs: 0, kind: 'digest', digest },
    { type: 'ChunkProgress', digest, total: 100, completed: 40 },
  ] as const;
  const state = events.reduce((at, event) => reducePull(at, event, 1), startPull('tiny', 0));
  expect(layerNotes(state, pullTotals(state, 1), undefined)).toEqual([
    'fetching 60 B again: its digest was wrong',
    'fetching 60 B again',
  ]);
});

test('how far several are', () => {
  const state = startPull('a', 0);
  const [done, failed] = [
    { ...state, phase: 'success' as const },
    { ...state, phase: 'failed' as const },
  ];
  const board = (...pulls: PullState[]) => ({ pulls, waiting: [], startedAt: 0, count: 3 });
  expect(boardWords(board(state))).toBe('');
  expect(boardWords(board(state, done))).toBe('1 of 3 done');
  expect(boardWords(board(failed, failed))).toBe('2 failed');
  expect(boardWords(board(failed, done, done))).toBe('2 of 3 done, 1 failed');
});
