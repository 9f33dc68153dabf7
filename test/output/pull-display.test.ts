import { PassThrough } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { openPullDisplay } from '../../src/output/pull-display.js';
import type { PullDisplay, PullDisplayKind, PullDisplayOptions } from '../../src/output/pull-display.js';
import { readRecordedPull } from '../views/recorded-pull.js';
import { openScreen } from '../views/screen.js';

let display: PullDisplay | undefined;
afterEach(() => display?.close());

async function open(
  kind: PullDisplayKind,
  stream: PullDisplayOptions['stream'],
  options: Partial<PullDisplayOptions> = {},
) {
  display = await openPullDisplay(kind, {
    stream,
    env: {},
    host: '127.0.0.1:11434',
    model: 'tiny',
    colorLevel: 0,
    unicode: true,
    now: Date.now,
    ...options,
  });
  return display;
}

const steps = readRecordedPull('pull');
const half = steps.find(({ state }) => state.received > 130e6);
const last = steps.at(-1);
const failed = readRecordedPull('pull-corrupt').at(-1);
if (!half || !last || !failed) throw new Error('the recordings are shorter');

test('none writes nothing', async () => {
  const stream = new PassThrough({ encoding: 'utf8' });
  const none = await open('none', stream);
  none.show(half.state, half.event);
  await none.end(last.state);
  await none.close();
  expect(stream.read()).toBeNull();
});

test.each(['ink', 'bar', 'lines'] as const)('%s is plain lines where there is no terminal', async (kind) => {
  const stream = new PassThrough({ encoding: 'utf8' });
  const shown = await open(kind, stream, { colorLevel: 3 });
  shown.show(half.state, half.event);
  await shown.end(last.state);
  await shown.close();
  const text = String(stream.read());
  expect(text).toMatch(
    /^pulling tiny from 127\.0\.0\.1:11434\n53% {2}135 MB of 253 MB so far.*\ndone: tiny, 253 MB in 9\.2s, 27 MB\/s\n$/,
  );
});

const frames = {
  ink: / total so far {2}━+╸─+ {2}53%/,
  bar: /^\$ pull\n tiny {6}━+╸?─+ {2}53% {3}135 MB \/ 253 MB/,
} as const;

test.each(['ink', 'bar'] as const)('%s shows a pull and leaves one line of its outcome', async (kind) => {
  const screen = openScreen(80);
  screen.stream.write('$ pull\n');
  let now = 0;
  const shown = await open(kind, screen.stream, { now: () => now });
  expect(await screen.text()).toContain('connecting to 127.0.0.1:11434');
  now = half.at;
  shown.show(half.state, half.event);
  await vi.waitFor(async () => expect(await screen.text()).toMatch(frames[kind]), { timeout: 5_000 });
  expect(screen.cursorVisible()).toBe(false);
  now = last.at;
  shown.show(last.state, last.event);
  await shown.end(last.state);
  await shown.close();
  await shown.close();
  expect(await screen.all()).toBe('$ pull\n✓ tiny  253 MB in 9.2s, 27 MB/s');
  expect(screen.cursorVisible()).toBe(true);
});

test.each(['ink', 'bar'] as const)(
  '%s leaves nothing of a pull that failed: its error is the command’s to tell',
  async (kind) => {
    const screen = openScreen(80);
    screen.stream.write('$ pull\n');
    const shown = await open(kind, screen.stream);
    shown.show(failed.state, failed.event);
    await shown.end(failed.state);
    expect(await screen.all()).toBe('$ pull');
    expect(screen.cursorVisible()).toBe(true);
  },
);

test.each(['ink', 'bar'] as const)(
  '%s goes on with the next model below the outcome of the first',
  async (kind) => {
    const screen = openScreen(80);
    const shown = await open(kind, screen.stream);
    await shown.end(last.state);
    shown.show({ ...half.state, model: 'second' }, half.event);
    await vi.waitFor(async () => expect(await screen.text()).toContain('second'), { timeout: 5_000 });
    expect((await screen.text()).split('\n')[0]).toBe('✓ tiny  253 MB in 9.2s, 27 MB/s');
    await shown.close();
    expect(await screen.all()).toBe('✓ tiny  253 MB in 9.2s, 27 MB/s');
  },
);

test.each([20, 40, 80])('the bar is one line of a terminal of %i cells', async (columns) => {
  const screen = openScreen(columns);
  const shown = await open('bar', screen.stream, {
    model: 'a-model-with-a-name-longer-than-the-line:latest',
  });
  shown.show({ ...half.state, model: 'a-model-with-a-name-longer-than-the-line:latest' }, half.event);
  await vi.waitFor(async () => expect(await screen.text()).toContain('53%'), { timeout: 5_000 });
  expect((await screen.text()).split('\n')).toHaveLength(1);
});
