import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { OllamaError } from '../../src/core/errors.js';
import { boardOf } from '../../src/core/pull-board.js';
import type { PullState } from '../../src/core/pull.js';
import { openPullDisplay } from '../../src/output/pull-display.js';
import type { PullDisplay, PullDisplayKind, PullDisplayOptions } from '../../src/output/pull-display.js';
import { readRecordedPull } from '../views/recorded-pull.js';
import { openScreen } from '../views/screen.js';
import type { Screen } from '../views/screen.js';

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
  none.show(boardOf(half.state), half.event);
  await none.ended(boardOf(last.state), last.state);
  await none.close();
  expect(stream.read()).toBeNull();
});

test.each(['ink', 'bar', 'lines'] as const)('%s is plain lines where there is no terminal', async (kind) => {
  const stream = new PassThrough({ encoding: 'utf8' });
  const shown = await open(kind, stream, { colorLevel: 3 });
  shown.show(boardOf(half.state), half.event);
  await shown.ended(boardOf(last.state), last.state);
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
  shown.show(boardOf(half.state), half.event);
  await vi.waitFor(async () => expect(await screen.text()).toMatch(frames[kind]), { timeout: 5_000 });
  expect(screen.cursorVisible()).toBe(false);
  now = last.at;
  shown.show(boardOf(last.state), last.event);
  await shown.ended(boardOf(last.state), last.state);
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
    shown.show(boardOf(failed.state), failed.event);
    await shown.ended(boardOf(failed.state), failed.state);
    expect(await screen.all()).toBe('$ pull');
    expect(screen.cursorVisible()).toBe(true);
  },
);

const small = { ...half.state, model: 'small' };
const large = { ...half.state, model: 'large' };
const ended = { ...last.state, model: 'small' };
const lost = { ...failed.state, model: 'small' };

test.each([
  ['ink', / Pulling 2 models {2,}.*\n\n total so far .*\d%.*\n\n small .*\d%.*\n 1 more waiting: large\n/],
  ['bar', /^ 0 of 2 {4}━.*\d%.*$/],
] as const)(
  '%s shows several at once, and leaves the line of each above those that still run',
  async (kind, shape) => {
    const screen = openScreen(80);
    const shown = await open(kind, screen.stream, { model: undefined, now: () => half.at });
    expect(screen.writes).toEqual([]);
    shown.show({ pulls: [small], waiting: ['large'], startedAt: 0, count: 2 }, half.event);
    await vi.waitFor(async () => expect(await screen.text()).toMatch(shape), { timeout: 5_000 });
    const second = { pulls: [ended, large], waiting: [], startedAt: 0, count: 2 };
    shown.show(second, last.event);
    await shown.ended(second, ended);
    await shown.say('small is tiny too');
    expect((await screen.text()).split('\n').slice(0, 2)).toEqual([
      '✓ small  253 MB in 9.2s, 27 MB/s',
      'small is tiny too',
    ]);
    await vi.waitFor(async () => expect(await screen.text()).toMatch(/large|1 of 2/), { timeout: 5_000 });
    expect(screen.cursorVisible()).toBe(false);
    const over = { pulls: [ended, { ...last.state, model: 'large' }], waiting: [], startedAt: 0, count: 2 };
    await shown.ended(over, { ...last.state, model: 'large' });
    await shown.close();
    expect(await screen.all()).toBe(
      '✓ small  253 MB in 9.2s, 27 MB/s\nsmall is tiny too\n✓ large  253 MB in 9.2s, 27 MB/s',
    );
    expect(screen.cursorVisible()).toBe(true);
  },
);

const failure = {
  message: 'There is no model "small" in the registry.',
  steps: [{ label: 'look it up', command: 'https://ollama.com/library', note: 'which names there are' }],
};

test.each([
  ['ink', 80, '✗ small: There is no model "small" in the registry.'],
  ['bar', 80, '✗ small: There is no model "small" in the registry.'],
  ['lines', 80, 'failed: small: There is no model "small" in the registry.'],
])('%s tells once which of several failed, and what to do', async (kind, columns, first) => {
  const screen = openScreen(columns);
  const shown = await open(kind as PullDisplayKind, screen.stream, { model: undefined });
  const board = { pulls: [lost, large], waiting: [], startedAt: 0, count: 2 };
  shown.show(board, failed.event);
  await shown.ended(board, lost, failure);
  await shown.close();
  const text = await screen.all();
  expect(`\n${text}`).toContain(
    `\n${first}\n  look it up        https://ollama.com/library  (which names there are)`,
  );
  expect(text.split('There is no model')).toHaveLength(2);
});

test.each(['ink', 'bar'] as const)('%s breaks no word of what it leaves in few columns', async (kind) => {
  const screen = openScreen(40);
  const shown = await open(kind, screen.stream, { model: undefined });
  const board = { pulls: [lost, ended], waiting: [], startedAt: 0, count: 2 };
  await shown.ended(board, lost, failure);
  await shown.ended(board, { ...ended, model: 'a-model-with-a-long-name' });
  await shown.say('a-model-with-a-long-name is another-name too');
  expect(await screen.all()).toBe(`\
✗ small: There is no model "small" in
  the registry.
  look it up
    https://ollama.com/library
    (which names there are)
✓ a-model-with-a-long-name  253 MB in
  9.2s, 27 MB/s
a-model-with-a-long-name is another-name
too`);
});

test.each(['ink', 'bar', 'lines'] as const)('%s says nothing of what a person has stopped', async (kind) => {
  const screen = openScreen(80);
  const shown = await open(kind, screen.stream, { model: undefined });
  const stopped = { ...lost, error: new OllamaError('interrupted', 'stopped') };
  await shown.ended({ pulls: [stopped, stopped], waiting: [], startedAt: 0, count: 2 }, stopped);
  await shown.close();
  expect(await screen.all()).toBe('');
});

describe('a bell', () => {
  const ring = async (kind: PullDisplayKind, screen: Screen, state: PullState) => {
    const shown = await open(kind, screen.stream, { bell: true });
    await shown.ended(boardOf(state), state);
    await shown.close();
    await shown.close();
    return screen.writes.join('').split('\u0007').length - 1;
  };

  test.each(['ink', 'bar', 'lines'] as const)(
    'rings once at the end on a terminal, with %s',
    async (kind) => {
      expect(await ring(kind, openScreen(80), ended)).toBe(1);
      expect(await ring(kind, openScreen(80), lost)).toBe(1);
    },
  );

  test('does not ring for a pull that was stopped, nor in a pipe', async () => {
    const stopped = { ...lost, error: new OllamaError('interrupted', 'stopped') };
    expect(await ring('ink', openScreen(80), stopped)).toBe(0);
    const stream = new PassThrough({ encoding: 'utf8' });
    const shown = await open('lines', stream, { bell: true });
    await shown.ended(boardOf(ended), ended);
    await shown.close();
    expect(String(stream.read())).not.toContain('\u0007');
  });
});

describe('the progress beside the screen', () => {
  const env = { WT_SESSION: 'a' };
  const sequences = (screen: Screen) => screen.writes.join('').match(/(?<=\u001b\]9;4;)[^\u0007]*/g);

  test.each(['ink', 'bar'] as const)('is shown with %s, and taken away at its end', async (kind) => {
    const screen = openScreen(80);
    const shown = await open(kind, screen.stream, { env, now: () => half.at });
    shown.show(boardOf(half.state), half.event);
    await shown.close();
    expect(sequences(screen)).toEqual(['1;53', '0']);
  });

  test.each(['ink', 'bar'] as const)(
    'with %s is taken away at once when the program is told to end',
    async (kind) => {
      const screen = openScreen(80);
      const ending = new AbortController();
      const shown = await open(kind, screen.stream, { env, signal: ending.signal, now: () => half.at });
      shown.show(boardOf(half.state), half.event);
      ending.abort('SIGINT');
      expect(sequences(screen)).toEqual(['1;53', '0']);
      await shown.close();
      expect(sequences(screen)).toEqual(['1;53', '0']);
    },
  );

  test('is not shown with lines, which are for screen readers too', async () => {
    const screen = openScreen(80);
    const shown = await open('lines', screen.stream, { env });
    shown.show(boardOf(half.state), half.event);
    await shown.close();
    expect(screen.writes.join('')).not.toContain('\u001b');
  });
});

test('a line that is said holds no escape code', async () => {
  const screen = openScreen(80);
  const shown = await open('ink', screen.stream);
  await shown.say('evil\u001b[2J\nline');
  await shown.close();
  await shown.say('late');
  expect(await screen.all()).toBe('evil[2J line\nlate');
});

test.each([20, 40, 80])('the bar is one line of a terminal of %i cells', async (columns) => {
  const screen = openScreen(columns);
  const shown = await open('bar', screen.stream, {
    model: 'a-model-with-a-name-longer-than-the-line:latest',
  });
  shown.show(
    boardOf({ ...half.state, model: 'a-model-with-a-name-longer-than-the-line:latest' }),
    half.event,
  );
  await vi.waitFor(async () => expect(await screen.text()).toContain('53%'), { timeout: 5_000 });
  expect((await screen.text()).split('\n')).toHaveLength(1);
});
