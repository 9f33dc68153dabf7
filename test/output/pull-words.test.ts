import { describe, expect, test } from 'vitest';
import { startPull } from '../../src/core/pull.js';
import type { PullState } from '../../src/core/pull.js';
import { countPercent, nameLayer, nameModel, outcomeWords } from '../../src/output/pull-words.js';

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
  ['tiny', undefined, 'tiny'],
  ['tiny', { position: 1, count: 1 }, 'tiny'],
  ['tiny', { position: 2, count: 3 }, 'tiny (2 of 3)'],
  ['ti\u001bny', undefined, 'tiny'],
])('the model %j is called with its place %j: %j', (model, queue, name) => {
  expect(nameModel(model, queue)).toBe(name);
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
