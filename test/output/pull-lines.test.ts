import fc from 'fast-check';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import { nextLines, NOTHING_SAID, openPullLines } from '../../src/output/pull-lines.js';
import { anyEvent, fold, layersInARow } from '../views/pull-states.js';
import { readRecordedPull } from '../views/recorded-pull.js';

const HOST = '127.0.0.1:11434';

/** What the display writes of a recorded pull. */
async function record(label: string): Promise<string> {
  const stream = new PassThrough({ encoding: 'utf8' });
  let now = 0;
  const display = openPullLines({ stream, host: HOST, model: 'tiny', now: () => now });
  const steps = readRecordedPull(label);
  for (const { at, event, state } of steps) {
    now = at;
    display.show(state, event);
  }
  const last = steps.at(-1);
  if (last) await display.end(last.state);
  await display.close();
  return String(stream.read() ?? '');
}

test('a pull', async () => {
  expect(await record('pull')).toBe('');
});
test('a pull that goes on with what an earlier one left', async () => {
  expect(await record('pull-resumed')).toBe('');
});
test('a pull of what is there already', async () => {
  expect(await record('pull-present')).toBe('');
});
test('a pull that brings nothing ends without a word of success', async () => {
  expect(await record('pull-500')).toBe('');
});
test('a pull whose connection was cut under the server', async () => {
  expect(await record('pull-dropped')).toBe('');
});
test('a pull that stood still for half a minute says so by its figures', async () => {
  expect(await record('pull-stalled')).toBe('');
});
