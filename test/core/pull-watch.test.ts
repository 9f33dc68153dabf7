import { describe, expect, test } from 'vitest';
import { pullEventsFromValue } from '../../src/core/pull-events.js';
import { DEFAULT_STALL_MS, watchPull, type PullWatch } from '../../src/core/pull-watch.js';
import { readPull } from './recorded.js';

const A = 'sha256:aaaaaaaaaaaa';
const at = (completed: number, digest = A, total = 100) => ({
  status: digest === 'sha256:model' ? 'pulling model' : 'pulling aaaaaaaaaaaa',
  digest,
  total,
  completed,
});

function tell(watch: PullWatch, line: object, afterMs = 0): void {
  watch.pass(afterMs);
  for (const event of pullEventsFromValue(line)) watch.hear(event);
}

describe('a standstill', () => {
  test('is silence', () => {
    const watch = watchPull(DEFAULT_STALL_MS);
    tell(watch, at(5));
    watch.pass(44_999);
    expect(watch.isOver()).toBe(false);
    watch.pass(1);
    expect(watch.isOver()).toBe(true);
  });

  test('is the same numbers again and again', () => {
    const watch = watchPull(1_000);
    for (let n = 0; n < 16; n += 1) tell(watch, at(5), 60);
    expect(watch.isOver()).toBe(false);
    for (let n = 0; n < 2; n += 1) tell(watch, at(5), 60);
    expect(watch.isOver()).toBe(true);
  });

  test('is numbers without `completed`, as while the registry fails', () => {
    const watch = watchPull(1_000);
    for (let n = 0; n < 18; n += 1) tell(watch, { digest: A, total: 100 }, 60);
    expect(watch.isOver()).toBe(true);
  });

  test.each([
    ['a byte', at(6)],
    ['a fall, which the server mends', at(4)],
    ['another layer', at(5, 'sha256:bbbbbbbbbbbb')],
    ['another status', { status: 'pulling manifest' }],
  ])('is over with %s', (_what, line) => {
    const watch = watchPull(1_000);
    tell(watch, at(5));
    watch.pass(999);
    tell(watch, line);
    watch.pass(999);
    expect(watch.isOver()).toBe(false);
    watch.pass(1);
    expect(watch.isOver()).toBe(true);
  });

  test.each([
    ['verifying', { status: 'verifying sha256 digest' }, true],
    ['writing', { status: 'writing manifest' }, true],
    ['cleaning', { status: 'removing unused layers' }, true],
    ['what nobody knows yet', { status: 'blessing the layers' }, true],
    ['a safetensors model that is all there', at(100, 'sha256:model'), true],
    ['a safetensors model that is not', at(99, 'sha256:model'), false],
    ['one layer that is all there', at(100), false],
    ['reading the manifest', { status: 'pulling manifest' }, false],
  ])('may last during %s: %s', (_what, line, may) => {
    const watch = watchPull(1_000);
    tell(watch, at(5));
    tell(watch, line);
    watch.pass(3_600_000);
    expect(watch.isOver()).toBe(!may);
  });

  test('counts again once what sends nothing is over', () => {
    const watch = watchPull(1_000);
    tell(watch, { status: 'verifying sha256 digest' });
    tell(watch, { status: 'pulling manifest' }, 9_000);
    watch.pass(1_000);
    expect(watch.isOver()).toBe(true);
  });

  test('is never given up where that was asked for', () => {
    const watch = watchPull(0);
    tell(watch, at(5));
    watch.pass(1e9);
    expect(watch.isOver()).toBe(false);
    expect(watch.due()).toMatchObject({ type: 'Stall' });
  });
});

describe('a standstill is told of', () => {
  const told = (stallMs: number, tickMs: number, untilMs: number): number[] => {
    const watch = watchPull(stallMs);
    tell(watch, at(5));
    const times: number[] = [];
    for (let ms = tickMs; ms <= untilMs; ms += tickMs) {
      watch.pass(tickMs);
      const event = watch.due();
      if (event?.type !== 'Stall') continue;
      expect(event.digest).toBe(A);
      times.push(event.silentMs);
    }
    return times;
  };

  test('after ten seconds and each five more', () => {
    expect(told(DEFAULT_STALL_MS, 5_000, 27_000)).toEqual([10_000, 15_000, 20_000, 25_000]);
    expect(told(0, 1_000, 27_000)).toEqual([10_000, 15_000, 20_000, 25_000]);
    expect(told(600_000, 1_000, 12_000)).toEqual([10_000]);
  });

  test('sooner where the patience is shorter, by the same beat as silence is noticed', () => {
    expect(watchPull(450).beatMs).toBe(50);
    expect(told(450, 50, 260)).toEqual([100, 150, 200, 250]);
  });

  test('without a layer that is long complete', () => {
    const watch = watchPull(450);
    tell(watch, at(5));
    tell(watch, { status: 'verifying sha256 digest' });
    watch.pass(200);
    expect(watch.due()).toEqual({ type: 'Stall', silentMs: 200 });
  });
});

describe('recorded pulls', () => {
  const standstill = (label: string, stallMs: number): number | undefined => {
    const watch = watchPull(stallMs);
    let before = 0;
    for (const { at: now, event } of readPull('0.24.0', label)) {
      watch.pass(now - before);
      before = now;
      watch.hear(event);
      if (watch.isOver()) return now;
    }
    return undefined;
  };

  test('a server that mends a stalled part by itself after thirty seconds is left to do it', () => {
    expect(standstill('pull-stalled', DEFAULT_STALL_MS)).toBeUndefined();
    expect(standstill('pull-stalled', 20_000)).toBeGreaterThan(20_000);
  });

  test('a registry that fails without a word is noticed', () => {
    expect(standstill('pull-500', 3_000)).toBeGreaterThan(3_000);
  });

  test.each(['pull', 'pull-dropped', 'pull-corrupt', 'pull-resumed'])('%s never stands still', (label) => {
    expect(standstill(label, DEFAULT_STALL_MS)).toBeUndefined();
  });
});
