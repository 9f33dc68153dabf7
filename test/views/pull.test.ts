import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { boardOf } from '../../src/core/pull-board.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import type { PullState } from '../../src/core/pull.js';
import { createStyles } from '../../src/output/styles.js';
import { symbols } from '../../src/output/symbols.js';
import { openPullView } from '../../src/views/pull.js';
import type { PullView } from '../../src/views/pull.js';
import { fold, layersInARow } from './pull-states.js';
import { readRecordedPull } from './recorded-pull.js';
import { openScreen } from './screen.js';
import type { Screen } from './screen.js';

let view: PullView | undefined;
afterEach(() => view?.close());

function open(
  screen: Screen,
  state: PullState,
  options: { now?: () => number; colorLevel?: 0 | 1; unicode?: boolean } = {},
) {
  const { now = Date.now, colorLevel = 0, unicode = true } = options;
  view = openPullView(
    {
      stream: screen.stream,
      env: {},
      host: '127.0.0.1:11434',
      verb: 'Pulling',
      now,
      onEnd: () => undefined,
      styles: createStyles(colorLevel),
      signs: symbols(unicode),
      unicode,
    },
    boardOf(state),
  );
  return view;
}

async function until(screen: Screen, text: string | RegExp): Promise<string> {
  return await vi.waitFor(
    async () => {
      const shown = await screen.text();
      expect(shown).toMatch(text);
      return shown;
    },
    { timeout: 5_000 },
  );
}

test('the first frame is there when the view is opened, before anything was heard', async () => {
  const screen = openScreen(80);
  open(screen, startPull('llama3.2:1b', Date.now()));
  expect(await screen.text()).toMatch(
    /^ Pulling llama3\.2:1b +from 127\.0\.0\.1:11434\n\n total {9}[⠁⠂⠄⡀⢀⠠⠐⠈] connecting to 127\.0\.0\.1:11434\n\n Ctrl-C stops/,
  );
  expect(screen.cursorVisible()).toBe(false);
});

test('the spinner turns, and is ASCII where the terminal has no more', async () => {
  const screen = openScreen(80);
  open(screen, startPull('tiny', Date.now()), { unicode: false });
  await until(screen, /[|] connecting/);
  expect(await screen.text()).toMatch(/^[\x20-\x7e\n]+$/);
});

test('a pull that was recorded goes by, and the view is wiped at its end', async () => {
  const screen = openScreen(80);
  screen.stream.write('$ ollama-cli pull tiny\n');
  let now = 0;
  const shown = open(screen, startPull('tiny', 0), { now: () => now });
  const steps = readRecordedPull('pull');
  const half = steps.find(({ state }) => state.received > 130e6);
  const last = steps.at(-1);
  if (!half || !last) throw new Error('the recording is shorter');
  now = half.at;
  shown.show(boardOf(half.state));
  await until(screen, / a5fd3b62230a {2}━+╸─+ {2}53% {3}135 MB \/ 253 MB {2}144 MB\/s/);
  now = last.at;
  shown.show(boardOf(last.state));
  const text = await until(screen, /34986b3894a1 {2}done/);
  expect(text.split('\n')).toHaveLength(14);
  shown.close();
  expect(await screen.all()).toBe('$ ollama-cli pull tiny');
  expect(screen.cursorVisible()).toBe(true);
});

test('ten thousand events in a burst are a handful of frames, the last state among them', async () => {
  const screen = openScreen(80);
  let state = startPull('tiny', Date.now());
  const shown = open(screen, state);
  const total = 10_000_000;
  const began = Date.now();
  for (let completed = 0; completed <= total; completed += total / 10_000) {
    state = reducePull(
      state,
      { type: 'ChunkProgress', digest: 'sha256:model', total, completed },
      Date.now(),
    );
    shown.show(boardOf(state));
  }
  await until(screen, / model {9}━+ 100% {4}10 MB \/ {2}10 MB/);
  const frames = screen.writes.length;
  // The first frame, and then at most ten a second: also in a machine that took long for the burst.
  expect(frames).toBeLessThanOrEqual(2 + (Date.now() - began) / 100);
});

test('a state that does not change writes nothing more', async () => {
  const screen = openScreen(80);
  const state = fold(layersInARow(3));
  const shown = open(screen, state, { now: () => 600 });
  const before = screen.writes.length;
  shown.show(boardOf({ ...state }));
  await sleep(400);
  expect(screen.writes).toHaveLength(before);
});

test('what changes is written, what stays is not', async () => {
  const screen = openScreen(80);
  let state = fold(layersInARow(10));
  let now = 3_000;
  const shown = open(screen, state, { now: () => now });
  const before = screen.writes.join('').length;
  const digest = state.active ?? '';
  now += 1_000;
  state = reducePull(
    state,
    { type: 'ChunkProgress', digest, total: 100_000_000, completed: 80_000_000 },
    now,
  );
  shown.show(boardOf(state));
  await until(screen, /80 MB \/ 100 MB/);
  const written = screen.writes.join('').slice(before);
  expect(written).toContain('000000000010');
  expect(written).not.toContain('000000000009');
  expect(written).not.toContain('Pulling');
});

describe('a terminal that changes its size', () => {
  test.each([
    [40, 30],
    [200, 50],
    [60, 8],
    [20, 5],
  ])('to %i columns and %i rows shows one whole frame', async (columns, rows) => {
    const screen = openScreen(80, 24);
    screen.stream.write('$ ollama-cli pull tiny\n');
    open(screen, fold(layersInARow(6)), { now: () => 3_000 });
    await screen.resize(columns, rows);
    const text = await screen.text();
    expect(text.match(/so far/g)).toHaveLength(1);
    expect(text.split('\n').at(-1)).toMatch(columns > 60 ? /Ctrl-C stops/ : /000006|00000… ━/);
    // What had left the screen before it could be wiped is out of reach.
    if (rows > 20) expect((await screen.all()).startsWith(`$ ollama-cli pull tiny\n`)).toBe(true);
    if (rows > 20) expect((await screen.all()).match(/so far/g)).toHaveLength(1);
    view?.close();
    expect(await screen.text()).not.toContain('so far');
  });
});

test('twenty layers in fifteen rows stay on the screen', async () => {
  const screen = openScreen(80, 15);
  const shown = open(screen, fold(layersInARow(2)), { now: () => 3_000 });
  for (let layers = 3; layers <= 20; layers += 1) {
    shown.show(boardOf(fold(layersInARow(layers))));
    await sleep(20);
  }
  const text = await until(screen, / 000000000020 {2}━/);
  expect(text).toContain(' 13 layers done, 1.3 GB');
  expect(await screen.all()).toBe(text);
});

test('colours are of the level that was asked for, and never Ink’s own', async () => {
  const plain = openScreen(80);
  open(plain, fold(layersInARow(2)), { colorLevel: 0 });
  expect(plain.writes.join('')).not.toContain('\u001b[36m');
  view?.close();
  const coloured = openScreen(80);
  open(coloured, fold(layersInARow(2)), { colorLevel: 1 });
  expect(coloured.writes.join('')).toContain('\u001b[36m━');
});

test('a model named with an escape sequence is drawn as inert text', async () => {
  const screen = openScreen(80);
  open(screen, startPull('evil\u001b[2J\u001b]0;owned\u0007', Date.now()));
  expect(screen.writes.join('')).not.toMatch(/\u001b\[2J|\u001b\]|\u0007/);
  expect(await screen.text()).toContain('Pulling evil[2J]0;owned');
});
