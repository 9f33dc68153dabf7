import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstalledModel } from '../../src/core/wire.js';
import { findDoubles, leastFreed, measureSharing } from '../../src/models/shared.js';

function model(name: string, size: number, more: Partial<InstalledModel> = {}): InstalledModel {
  const details = { family: 'llama', parameter_size: '1B', quantization_level: 'Q4_0' };
  return { name, model: name, size, digest: name, modified_at: '2026-01-01T00:00:00Z', details, ...more };
}

const weights =
  (of: Readonly<Record<string, string>>) =>
  (digest: string): readonly string[] | undefined =>
    of[digest] === undefined ? undefined : [of[digest]];

const A = model('a', 1000);
const A_AGAIN = model('a2', 1000, { digest: 'a' });
const MADE_OF_A = model('b', 1010);
const OTHER = model('c', 5000, {
  details: { family: 'qwen', parameter_size: '8B', quantization_level: 'Q4_0' },
});
const CLOUD = model('d:cloud', 400, { digest: 'd', remote_host: 'https://elsewhere.example' });

describe('the bytes that models share', () => {
  it.each([
    ['nothing', [], {}, 0, true],
    ['one model', [A], {}, 0, true],
    ['models that look different, whose weights nobody knows', [A, OTHER], {}, 0, true],
    ['two names of one manifest', [A, A_AGAIN], {}, 1000, true],
    ['three names of one manifest', [A, A_AGAIN, model('a3', 1000, { digest: 'a' })], {}, 2000, true],
    ['two manifests of the same weights', [A, MADE_OF_A], { a: 'w', b: 'w' }, 1000, true],
    ['two manifests of other weights', [A, MADE_OF_A], { a: 'w', b: 'v' }, 0, true],
    [
      'two that look the same, of one of which the weights are not known',
      [A, MADE_OF_A],
      { a: 'w' },
      1000,
      false,
    ],
    ['a model that runs elsewhere', [A, { ...CLOUD, digest: 'a' }], {}, 0, true],
  ])('of %s', (_what, models, known, bytes, isKnown) => {
    expect(measureSharing(models, weights(known))).toEqual({ bytes, known: isKnown });
  });

  it('are never as many as the bytes themselves, and never below none', () => {
    const models = fc.uniqueArray(
      fc.record({ at: fc.nat(20), size: fc.nat(1e9), look: fc.nat(2), weights: fc.option(fc.nat(3)) }),
      { selector: ({ at }) => at },
    );
    fc.assert(
      fc.property(models, (drawn) => {
        const all = drawn.map(({ at, size, look }) =>
          model(String(at), size, { details: { family: String(look) } }),
        );
        const of = new Map(drawn.map((one) => [String(one.at), one.weights]));
        const weightsOf = (digest: string): string[] | undefined => {
          const w = of.get(digest);
          return w === null || w === undefined ? undefined : [String(w)];
        };
        const total = all.reduce((sum, { size }) => sum + size, 0);
        const { bytes } = measureSharing(all, weightsOf);
        expect(bytes).toBeGreaterThanOrEqual(0);
        expect(bytes).toBeLessThanOrEqual(total);
        const freed = leastFreed(all, new Set(all.slice(0, 2)), weightsOf).bytes;
        expect(freed).toBeLessThanOrEqual(all.slice(0, 2).reduce((sum, { size }) => sum + size, 0));
        expect(freed).toBeGreaterThanOrEqual(0);
        expect(leastFreed(all, new Set(all), weightsOf).bytes).toBe(total - bytes);
      }),
    );
  });
});

describe('the models to ask about', () => {
  it('are those that have a double of another manifest', () => {
    expect(findDoubles([A, OTHER, A_AGAIN, CLOUD])).toEqual([]);
    expect(findDoubles([A, OTHER, MADE_OF_A, CLOUD])).toEqual([A, MADE_OF_A]);
  });
});

describe('what a removal frees', () => {
  it.each([
    ['all of a model that stands alone', [OTHER], 5000, true],
    ['nothing of weights that stay in use', [A], 0, true],
    ['only what is its own', [MADE_OF_A], 10, true],
    ['all of the weights with the last of their models', [A, MADE_OF_A], 1010, true],
  ])('is %s', (_what, removed, bytes, known) => {
    const freed = leastFreed([A, MADE_OF_A, OTHER], new Set(removed), weights({ a: 'w', b: 'w' }));
    expect(freed).toEqual({ bytes, known });
  });

  it('is never promised to be more than it is', () => {
    const drawn = fc.array(
      fc.record({
        weights: fc.nat(3),
        own: fc.nat(1000),
        told: fc.boolean(),
        goes: fc.boolean(),
        twice: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(drawn, fc.array(fc.nat(1e6), { minLength: 4, maxLength: 4 }), (picks, weightSizes) => {
        const made = picks.flatMap((pick, n) => {
          const size = (weightSizes[pick.weights] ?? 0) + pick.own;
          // Models of the same weights look the same.
          const details = { family: String(pick.weights % 2) };
          const one = model(String(n), size, { details });
          const item = { ...pick, model: one };
          return pick.twice ? [item, { ...item, goes: true, model: { ...one, name: `${n} again` } }] : [item];
        });
        const bytesOf = (items: typeof made): number => {
          const manifests = new Map(items.map((item) => [item.model.digest, item]));
          const weightsUsed = new Set(items.map((item) => item.weights));
          const own = [...manifests.values()].reduce((total, item) => total + item.own, 0);
          return own + [...weightsUsed].reduce((total, n) => total + (weightSizes[n] ?? 0), 0);
        };
        const truth = bytesOf(made) - bytesOf(made.filter(({ goes }) => !goes));
        const gone = new Set(made.filter(({ goes }) => goes).map((item) => item.model));
        const told = (digest: string): string[] | undefined => {
          const pick = picks[Number(digest)];
          return pick?.told === true ? [String(pick.weights)] : undefined;
        };
        const freed = leastFreed(
          made.map((item) => item.model),
          gone,
          told,
        );
        expect(freed.bytes).toBeLessThanOrEqual(truth);
        expect(freed.bytes).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('is the least that it can be where the weights are not known', () => {
    expect(leastFreed([A, MADE_OF_A], new Set([A]), () => undefined)).toEqual({ bytes: 0, known: false });
    expect(leastFreed([A, MADE_OF_A], new Set([A]), weights({ a: 'v', b: 'w' })).bytes).toBe(1000);
  });
});
