import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { OllamaError } from '../../src/core/errors.js';
import { interruption, relay, timeLimit } from '../../src/core/time-limit.js';
import { parseHost } from '../../src/core/url.js';

const late = (): OllamaError => new OllamaError('timeout', 'Too late.');

test('a relay is aborted by the outer signal for its reason, or by itself, and not once it has let go', () => {
  const outer = new AbortController();
  const [bound, own, released] = [relay(outer.signal), relay(outer.signal), relay(outer.signal)];
  own.abort('own');
  released.release();
  outer.abort('SIGINT');
  expect(bound.signal.reason).toBe('SIGINT');
  expect(own.signal.reason).toBe('own');
  expect(released.signal.aborted).toBe(false);
  expect(relay(outer.signal).signal.reason).toBe('SIGINT');
});

test('a signal may have any number of relays, and Node warns of none', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const outer = new AbortController();
  const relays = Array.from({ length: 40 }, () => relay(outer.signal));
  // Node warns in a turn of its own.
  await sleep(0);
  expect(warnings).toEqual([]);
  outer.abort();
  expect(relays.every(({ signal }) => signal.aborted)).toBe(true);
});

test('a limit ends by its own error, by the outer signal, or not at all once it is lifted', async () => {
  const outer = new AbortController();
  const [short, lifted, none] = [
    timeLimit(outer.signal, 1, late),
    timeLimit(outer.signal, 1, late),
    timeLimit(outer.signal, undefined, late),
  ];
  lifted.lift();
  await sleep(20);
  expect(short.signal?.reason).toMatchObject({ code: 'timeout' });
  expect(lifted.signal?.aborted).toBe(false);
  expect(none.signal).toBe(outer.signal);
  outer.abort('SIGINT');
  expect(lifted.signal?.reason).toBe('SIGINT');
});

test.each([
  [late(), 'timeout', 'Too late.'],
  [new DOMException('x', 'TimeoutError'), 'timeout', 'http://127.0.0.1:11434 gave no answer in time.'],
  ['SIGINT', 'interrupted', 'Interrupted.'],
])('an end for %s is told as %s', (reason, code, message) => {
  expect(interruption(reason, parseHost(''))).toMatchObject({ code, message });
});
