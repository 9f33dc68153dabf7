import { describe, expect, it } from 'vitest';
import { readPullFlags } from '../../src/pulls/flags.js';
import { parseStartTime, waitFor } from '../../src/pulls/start-time.js';

const NOON = new Date(2026, 0, 31, 12, 0, 0).getTime();

describe('readPullFlags', () => {
  it.each([
    [{}, {}],
    [{ jobs: '1' }, { jobs: 1 }],
    [
      { jobs: '16', retries: '0', stall: '300ms' },
      { jobs: 16, retries: 0, stallMs: 300 },
    ],
    [{ stall: '0' }, { stallMs: 0 }],
    [{ stall: 'off' }, { stallMs: 0 }],
    [
      { keepGoing: true, insecure: true, yes: true, bell: true, as: 'b' },
      { keepGoing: true, insecure: true, yes: true, bell: true, as: 'b' },
    ],
    [{ at: '12:01' }, { at: new Date(NOON + 60_000) }],
  ])('%j', (flags, options) => {
    expect(readPullFlags(flags, NOON)).toEqual(options);
  });

  it.each([
    [{ jobs: '0' }, '--jobs takes a number from 1 to 16, not "0"'],
    [{ jobs: '17' }, '--jobs'],
    [{ jobs: '2.5' }, '--jobs'],
    [{ retries: '-1' }, '--retries takes a number from 0'],
    [{ retries: '' }, '--retries'],
    [{ stall: '45' }, '--stall: "45" is not a duration'],
    [{ at: 'soon' }, '"soon" is no time'],
  ])('refuses %j', (flags, message) => {
    expect(() => readPullFlags(flags, NOON)).toThrow(message);
  });
});

describe('parseStartTime', () => {
  it.each([
    ['13:30', new Date(2026, 0, 31, 13, 30)],
    ['12:00', new Date(2026, 1, 1, 12, 0)],
    ['2:05', new Date(2026, 1, 1, 2, 5)],
    ['00:00', new Date(2026, 1, 1, 0, 0)],
    ['2026-02-03T04:05', new Date(2026, 1, 3, 4, 5)],
    ['2026-02-03 04:05', new Date(2026, 1, 3, 4, 5)],
    ['2026-02-03T04:05:06Z', new Date(Date.UTC(2026, 1, 3, 4, 5, 6))],
  ])('%s', (text, at) => {
    expect(parseStartTime(text, NOON)).toEqual(at);
  });

  it.each(['24:00', '12:60', '12', '2026', '2026-02-03', '2026-13-01T00:00', '2026-01-30T02:00', 'T02:00'])(
    'refuses %s',
    (text) => {
      expect(() => parseStartTime(text, NOON)).toThrow(/is no time|is past/);
    },
  );
});

describe('waitFor', () => {
  it('tells how long is left, and is over when the time has come', async () => {
    const left: number[] = [];
    const at = Date.now() + 60;
    const io = { now: () => Date.now(), signal: new AbortController().signal };
    await waitFor(new Date(at), io, async (ms) => void left.push(ms));
    expect(Date.now()).toBeGreaterThanOrEqual(at);
    expect(left.length).toBeGreaterThan(0);
    expect(left[0]).toBeLessThanOrEqual(60);
    await waitFor(new Date(at), io, () => Promise.reject(new Error('never told')));
  });

  it('ends with the signal', async () => {
    const stop = new AbortController();
    const io = { now: () => Date.now(), signal: stop.signal };
    const waiting = waitFor(new Date(Date.now() + 3_600_000), io, async () => stop.abort('SIGINT'));
    await expect(waiting).rejects.toBe('SIGINT');
  });
});
