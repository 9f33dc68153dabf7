import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs, retryAfterMs, sleep } from '../../src/core/retry.js';

const policy = { attempts: 9, delay: 100, max_delay: 1_000 };

test.each([
  [2, 0, 50],
  [2, 0.5, 75],
  [3, 0, 100],
  [4, 0, 200],
  [5, 0, 400],
  [6, 0, 500],
  [60, 0.5, 750],
  [1, 0, 50],
])('the wait before try %i with chance %d is %i ms', (attempt, random, expected) => {
  expect(backoffMs(policy, attempt, random)).toBe(expected);
});

test('a wait is never below half of its full length nor above the limit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 40 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, random) => {
        const full = Math.min(1_000, 100 * 2 ** (attempt - 2));
        const wait = backoffMs(policy, attempt, random);
        expect(wait).toBeGreaterThanOrEqual(full / 2);
        expect(wait).toBeLessThanOrEqual(full);
      },
    ),
  );
});

const NOW = Date.UTC(2026, 0, 1, 0, 0, 0);

test.each([
  [undefined, undefined],
  ['3', 3_000],
  [' 0 ', 0],
  ['Thu, 01 Jan 2026 00:00:05 GMT', 5_000],
  ['Thu, 01 Jan 2026 00:00:00 GMT', 0],
  ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
  ['soon', undefined],
  ['', undefined],
])('Retry-After %j asks for %s ms', (header, expected) => {
  expect(retryAfterMs(header, NOW)).toBe(expected);
});

test('sleeping ends at once with the reason of an abort, before it or during it', async () => {
  const reason = new Error('enough');
  await expect(sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const sleeping = sleep(60_000, controller.signal);
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
});

test('sleeping resolves, and a later abort does nothing to it', async () => {
  const controller = new AbortController();
  await expect(sleep(1, controller.signal)).resolves.toBeUndefined();
  controller.abort();
});
