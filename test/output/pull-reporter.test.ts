import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { CliPullProgressReporter, TuiPullProgressReporter } from '../../src/output/pull-reporter.js';
import type { PullProgressReporter } from '../../src/core/client.js';
import { readRecordedPull } from '../views/recorded-pull.js';
import { openScreen } from '../views/screen.js';

async function report(reporter: PullProgressReporter, label: string): Promise<void> {
  for (const { event } of readRecordedPull(label)) await reporter.onEvent(event);
}

test('the plain reporter tells a pull in lines', async () => {
  const stream = new PassThrough({ encoding: 'utf8' });
  await report(new CliPullProgressReporter({ stream, host: 'box:11434', model: 'tiny' }), 'pull-present');
  expect(stream.read()).toBe(
    'pulling tiny from box:11434\nreading the manifest\nverifying\nwriting manifest\ndone: tiny, 253 MB, was here already\n',
  );
});

test('without names it still reads', async () => {
  const stream = new PassThrough({ encoding: 'utf8' });
  await report(new CliPullProgressReporter({ stream }), 'pull-present');
  expect(String(stream.read())).toMatch(
    /^pulling the model from the server\n[^]*\ndone: the model, 253 MB, was here already\n$/,
  );
});

test('a failure is told as one, with the server’s own words', async () => {
  const stream = new PassThrough({ encoding: 'utf8' });
  await report(new CliPullProgressReporter({ stream, model: 'tiny' }), 'pull-again');
  const text = String(stream.read());
  expect(text.endsWith('failed: max retries exceeded: EOF\n')).toBe(true);
  expect(text).not.toContain('done');
});

test('one reporter tells one pull after another', async () => {
  const stream = new PassThrough({ encoding: 'utf8' });
  const reporter = new CliPullProgressReporter({ stream, model: 'tiny' });
  await report(reporter, 'pull-present');
  await report(reporter, 'pull-present');
  expect(String(stream.read()).match(/^pulling tiny/gm)).toHaveLength(2);
});

test('the live reporter draws on a terminal, and leaves the outcome', async () => {
  const screen = openScreen(80);
  await report(new TuiPullProgressReporter({ stream: screen.stream, model: 'tiny' }), 'pull-present');
  expect(screen.writes.join('')).toContain('Pulling ');
  expect(await screen.all()).toMatch(/^(?:✓|\[ok\]) tiny {2}253 MB, was here already$/);
  expect(screen.cursorVisible()).toBe(true);
});

test('off a terminal the live reporter writes the same lines as the plain one', async () => {
  const streams = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })] as const;
  await report(new TuiPullProgressReporter({ stream: streams[0], model: 'tiny' }), 'pull-present');
  await report(new CliPullProgressReporter({ stream: streams[1], model: 'tiny' }), 'pull-present');
  expect(streams[0].read()).toBe(streams[1].read());
});
