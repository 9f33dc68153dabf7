import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPacer } from '../../../src/views/pull/pace.js';

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

test('draws at once, then at most once an interval, and the last time surely', () => {
  const drawn: number[] = [];
  const pacer = createPacer(() => drawn.push(Date.now()), 100, Date.now);
  for (let at = 0; at <= 250; at += 1) {
    pacer.ask();
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(1_000);
  expect(drawn).toEqual([0, 100, 200, 300]);
});

test('after a rest it draws at once again', () => {
  const drawn: number[] = [];
  const pacer = createPacer(() => drawn.push(Date.now()), 100, Date.now);
  pacer.ask();
  vi.advanceTimersByTime(500);
  pacer.ask();
  expect(drawn).toEqual([0, 500]);
});

test('a flush takes the place of the drawing that was due', () => {
  const drawn: number[] = [];
  const pacer = createPacer(() => drawn.push(Date.now()), 100, Date.now);
  pacer.ask();
  pacer.ask();
  vi.advanceTimersByTime(30);
  pacer.flush();
  vi.advanceTimersByTime(1_000);
  expect(drawn).toEqual([0, 30]);
});

test('nothing is drawn after the stop', () => {
  const drawn: number[] = [];
  const pacer = createPacer(() => drawn.push(Date.now()), 100, Date.now);
  pacer.ask();
  pacer.ask();
  pacer.stop();
  pacer.ask();
  pacer.flush();
  vi.advanceTimersByTime(1_000);
  expect(drawn).toEqual([0]);
});

test('a clock set back does not hold drawing up', () => {
  let now = 1_000_000;
  let drawn = 0;
  const pacer = createPacer(
    () => (drawn += 1),
    100,
    () => now,
  );
  pacer.ask();
  now = 5;
  pacer.ask();
  expect(drawn).toBe(2);
});
