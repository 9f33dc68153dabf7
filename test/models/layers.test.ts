import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstalledModel } from '../../src/core/wire.js';
import { freedBy, measureDisk, splitByWeights, type Part } from '../../src/models/layers.js';

const parts = new Map<string, Part[]>([
  [
    'a:1',
    [
      { key: 'weights', size: 100 },
      { key: 'a', size: 3 },
    ],
  ],
  [
    'b:1',
    [
      { key: 'weights', size: 100 },
      { key: 'b', size: 5 },
    ],
  ],
  ['c:1', [{ key: 'c', size: 7 }]],
]);

describe('what models take of the disk', () => {
  it('counts shared layers once, and what a model has alone', () => {
    const { total, unique } = measureDisk(parts);
    expect(total).toBe(115);
    expect(Object.fromEntries(unique)).toEqual({ 'a:1': 3, 'b:1': 5, 'c:1': 7 });
  });

  it.each([
    [['a:1'], 3, 100, ['b:1']],
    [['A:1', 'b:1'], 108, 0, []],
    [['c:1'], 7, 0, []],
    [['a:1', 'b:1', 'c:1'], 115, 0, []],
    [['none:1'], 0, 0, []],
    [[], 0, 0, []],
  ])('removing %j frees %i and leaves %i', (removed, bytes, kept, keptBy) => {
    expect(freedBy(parts, removed)).toEqual({ bytes, kept, keptBy });
  });

  it('names as those that keep it none that has next to nothing of it', () => {
    const licence = { key: 'licence', size: 1 };
    const own = [...(parts.get('a:1') ?? []), licence];
    const all = new Map([...parts, ['a:1', own], ['c:1', [{ key: 'c', size: 7 }, licence]]]);
    expect(freedBy(all, ['a:1'])).toEqual({ bytes: 3, kept: 101, keptBy: ['b:1'] });
  });

  it('frees by all together what all together take, and by each alone what is its own', () => {
    const part = fc.record({ key: fc.constantFrom('p', 'q', 'r', 's'), size: fc.constant(10) });
    const library = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd'),
      fc.uniqueArray(part, { selector: (p) => p.key }),
    );
    fc.assert(
      fc.property(library, (models) => {
        const all = new Map(Object.entries(models));
        const { total, unique } = measureDisk(all);
        expect(freedBy(all, [...all.keys()]).bytes).toBe(total);
        for (const name of all.keys()) expect(freedBy(all, [name]).bytes).toBe(unique.get(name));
      }),
    );
  });

  it('takes weights to be as large as the smallest model made from them', () => {
    const model = (name: string, digest: string, size: number): InstalledModel =>
      ({ name, model: name, digest, size, modified_at: '', details: {} }) as InstalledModel;
    const models = [
      model('a:1', 'd1', 103),
      model('b:1', 'd2', 105),
      model('c:1', 'd3', 7),
      model('A2:1', 'd1', 103),
    ];
    const split = splitByWeights(models, ({ digest }) => (digest === 'd3' ? undefined : 'w'));
    expect(measureDisk(split).total).toBe(103 + 2 + 7);
    expect(freedBy(split, ['b:1'])).toEqual({ bytes: 2, kept: 103, keptBy: ['a:1', 'a2:1'] });
    // Two names of one manifest: nothing goes with one of them.
    expect(freedBy(split, ['a:1']).bytes).toBe(0);
  });
});
