import { expect, test } from 'vitest';
import { cached } from '../../src/core/cache.js';

test('an answer is kept for its time, and no longer', async () => {
  let now = 0;
  let asked = 0;
  const cache = cached(
    100,
    () => now,
    () => Promise.resolve(++asked),
  );
  expect(await cache.get(false)).toBe(1);
  now = 99;
  expect(await cache.get(false)).toBe(1);
  now = 100;
  expect(await cache.get(false)).toBe(2);
});

test('force asks anew, and what it got is kept', async () => {
  let asked = 0;
  const cache = cached(
    100,
    () => 0,
    () => Promise.resolve(++asked),
  );
  await cache.get(false);
  expect(await cache.get(true)).toBe(2);
  expect(await cache.get(false)).toBe(2);
});

test('those who come while it is asked share the answer', async () => {
  let asked = 0;
  const cache = cached(
    100,
    () => 0,
    async () => {
      await Promise.resolve();
      return ++asked;
    },
  );
  expect(await Promise.all([cache.get(false), cache.get(false)])).toEqual([1, 1]);
});

test('a failure is not kept', async () => {
  let asked = 0;
  const cache = cached(
    100,
    () => 0,
    () => (++asked === 1 ? Promise.reject(new Error('no')) : Promise.resolve(asked)),
  );
  await expect(cache.get(false)).rejects.toThrow('no');
  expect(await cache.get(false)).toBe(2);
});

test('clearing forgets, also what is on its way', async () => {
  let asked = 0;
  const cache = cached(
    100,
    () => 0,
    () => Promise.resolve(++asked),
  );
  const first = cache.get(false);
  cache.clear();
  expect(await cache.get(false)).toBe(2);
  expect(await first).toBe(1);
  expect(await cache.get(false)).toBe(2);
});

test('a time of nothing keeps nothing', async () => {
  let asked = 0;
  const cache = cached(
    0,
    () => 0,
    () => Promise.resolve(++asked),
  );
  await cache.get(false);
  expect(await cache.get(false)).toBe(2);
});
