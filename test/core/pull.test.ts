import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OllamaError } from '../../src/core/errors.js';
import { pullEventsFromValue, type OllamaPullEvent } from '../../src/core/pull-events.js';
import { reducePull, startPull, type PullState } from '../../src/core/pull.js';
import { pullTotals } from '../../src/core/pull-totals.js';
import { labelsOf, readPull, readRecording, VERSIONS } from './recorded.js';

const A = 'sha256:aaaaaaaaaaaa';
const B = 'sha256:bbbbbbbbbbbb';
const C = 'sha256:cccccccccccc';

type Step = readonly [at: number, line: Record<string, unknown> | OllamaPullEvent];

function fold(steps: readonly Step[], from: PullState = startPull('m', 0)): PullState {
  let state = from;
  for (const [at, line] of steps) {
    const events = 'type' in line ? [line as OllamaPullEvent] : pullEventsFromValue(line);
    for (const event of events) state = reducePull(state, event, at);
  }
  return state;
}

const status = (at: number, text: string): Step => [at, { status: text }];
const layer = (at: number, digest: string, total?: number, completed?: number): Step => [
  at,
  {
    status: `pulling ${digest.slice(7)}`,
    digest,
    ...(total === undefined ? {} : { total }),
    ...(completed === undefined ? {} : { completed }),
  },
];
const failure = (message: string): OllamaPullEvent => ({
  type: 'Error',
  message,
  error: new OllamaError('server_error', message),
});
const retry = (at: number): Step => [
  at,
  { type: 'Retry', attempt: 2, reason: 'cut', delayMs: 250, kind: 'cut' },
];
const layerOf = (state: PullState, digest: string) => state.layers.find((one) => one.digest === digest);

describe('the phase', () => {
  test.each([
    ['pulling manifest', 'manifest'],
    ['verifying sha256 digest', 'verifying'],
    ['writing manifest', 'writing'],
    ['removing unused layers', 'cleaning'],
    ['removing any unused layers', 'cleaning'],
    ['success', 'success'],
    ['retrieving manifest', 'manifest'],
    ['pushing manifest', 'writing'],
    ['gathering model components', 'working'],
    ['parsing GGUF', 'working'],
    ['converting model', 'working'],
    ['verifying conversion', 'verifying'],
    ['using existing layer sha256:a5fd3b62230a', 'working'],
    ['creating new layer sha256:a5fd3b62230a', 'working'],
    ['something new', 'connecting'],
  ])('after %j is %s', (text, phase) => {
    const state = fold([status(5, text)]);
    expect(state).toMatchObject({ phase, status: text, phaseSince: phase === 'connecting' ? 0 : 5 });
  });

  test('begins once, however often its line comes', () => {
    expect(fold([status(5, 'pulling manifest'), status(9, 'pulling manifest')]).phaseSince).toBe(5);
  });

  test('is downloading from the first line with a digest on', () => {
    expect(fold([status(1, 'pulling manifest'), layer(7, A, 10)])).toMatchObject({
      phase: 'downloading',
      phaseSince: 7,
      status: 'pulling manifest',
      active: A,
    });
  });

  test('is failed after an error, which keeps all that is known', () => {
    const state = fold([layer(1, A, 10, 4), [2, failure('oh')]]);
    expect(state).toMatchObject({ phase: 'failed', error: { message: 'oh' } });
    expect(layerOf(state, A)).toMatchObject({ completed: 4, done: false });
    expect(pullTotals(state, 2).totalKnown).toBe(false);
  });
});

describe('a layer', () => {
  test('stands in the order of its first line', () => {
    const state = fold([layer(1, B, 1, 1), layer(2, A, 1, 1), layer(3, B, 1, 1), layer(4, C, 1, 1)]);
    expect(state.layers.map((one) => one.digest)).toEqual([B, A, C]);
  });

  test('without `completed` has nothing yet', () => {
    expect(layerOf(fold([layer(1, A, 10)]), A)).toMatchObject({ total: 10, completed: 0, reported: 0 });
  });

  test('keeps its total when a line leaves it out', () => {
    expect(layerOf(fold([layer(1, A, 10, 1), layer(2, A, undefined, 5)]), A)).toMatchObject({
      total: 10,
      completed: 5,
    });
  });

  test('never falls below its high-water mark, and says how far the server fell back', () => {
    const state = fold([layer(1, A, 100), layer(2, A, 100, 80), layer(3, A, 100, 30)]);
    expect(layerOf(state, A)).toMatchObject({ completed: 80, reported: 30 });
    expect(pullTotals(state, 3)).toMatchObject({ completed: 80, refetching: 50 });
  });

  test('is not more than whole, and its total does not shrink', () => {
    expect(layerOf(fold([layer(1, A, 10, 99)]), A)).toMatchObject({ completed: 10, total: 10 });
    expect(layerOf(fold([layer(1, A, 10, 9), layer(2, A, 5, 5)]), A)).toMatchObject({
      completed: 9,
      total: 10,
    });
  });

  test('is done when another digest follows', () => {
    const state = fold([layer(1, A, 40, 39), layer(2, B, 5)]);
    expect(layerOf(state, A)).toMatchObject({ done: true, completed: 40 });
    expect(layerOf(state, B)?.done).toBe(false);
  });

  test('is done when a line without a digest follows', () => {
    const state = fold([layer(1, A, 40, 39), status(2, 'verifying sha256 digest')]);
    expect(layerOf(state, A)).toMatchObject({ done: true, completed: 40 });
    expect(state.active).toBeUndefined();
  });

  test('is done with the success, and not by a last 100 %', () => {
    const before = fold([layer(1, A, 40, 40)]);
    expect(layerOf(before, A)?.done).toBe(false);
    expect(layerOf(fold([[2, { type: 'Success' }]], before), A)?.done).toBe(true);
  });

  test('of a total that was never told is what came of it', () => {
    expect(layerOf(fold([layer(1, A, undefined, 7), layer(2, B, 1)]), A)).toMatchObject({
      total: 7,
      completed: 7,
      done: true,
    });
  });

  test('is not done because a retry names another one first', () => {
    const state = fold([layer(1, A, 40, 20), retry(2), status(3, 'pulling manifest'), layer(4, B, 5, 5)]);
    expect(layerOf(state, A)).toMatchObject({ done: false, completed: 20 });
  });

  test('that is named again with less after a retry is open again, its mark kept', () => {
    const state = fold([layer(1, A, 40, 20), layer(2, B, 9, 3), retry(3), layer(4, A, 40, 25)]);
    expect(layerOf(state, A)).toMatchObject({ done: false, completed: 40, reported: 25 });
    expect(layerOf(fold([layer(5, A, 40, 40), layer(6, B, 9, 3)], state), A)).toMatchObject({ done: true });
  });

  test('with the digest sha256:model is one like any other', () => {
    const state = fold([
      [1, { status: 'pulling model', digest: 'sha256:model', total: 100, completed: 60 }],
      [2, { status: 'pulling model', digest: 'sha256:model', total: 100, completed: 50 }],
      status(3, 'writing manifest'),
    ]);
    expect(state.layers).toMatchObject([{ digest: 'sha256:model', done: true, completed: 100 }]);
  });

  test('is not made of numbers without a digest', () => {
    expect(fold([[1, { status: 'x', total: 5, completed: 5 }]]).layers).toEqual([]);
  });
});

describe('what was there before this pull', () => {
  test('one single line for a whole layer: it was there', () => {
    const state = fold([layer(10, A, 864, 864), layer(10, B, 5)]);
    expect(layerOf(state, A)?.reused).toBe(864);
    expect(pullTotals(state, 10)).toMatchObject({ reused: 864, downloaded: 0 });
  });

  test('the same whole line again and again: it was fetched', () => {
    const lines = Array.from({ length: 16 }, (_, index) => layer(10 + index * 60, A, 640, 640));
    const state = fold([...lines, status(1_000, 'verifying sha256 digest')]);
    expect(layerOf(state, A)?.reused).toBe(0);
    expect(pullTotals(state, 1_000)).toMatchObject({ reused: 0, downloaded: 640 });
  });

  test('a first number far above the pace: the server went on where it was', () => {
    const state = fold([
      layer(100, A, 9e8, 5e8),
      layer(160, A, 9e8, 5e8 + 60_000),
      layer(220, A, 9e8, 5e8 + 120_000),
    ]);
    expect(layerOf(state, A)?.reused).toBe(5e8);
    expect(pullTotals(state, 220)).toMatchObject({ downloaded: 120_000 });
  });

  test('a first number that the pace explains: it came now', () => {
    const state = fold([layer(60, A, 9e8, 60_000), layer(120, A, 9e8, 120_000)]);
    expect(layerOf(state, A)?.reused).toBe(0);
    expect(pullTotals(state, 120)).toMatchObject({ downloaded: 120_000 });
  });

  test('a layer that began at nothing was not there', () => {
    const state = fold([layer(60, A, 100), layer(120, A, 100, 100), layer(180, A, 100, 100)]);
    expect(layerOf(state, A)?.reused).toBe(0);
  });
});

describe('the pace', () => {
  const steady = (from: number, to: number, bytesPerMs: number, start = 0): Step[] =>
    Array.from({ length: (to - from) / 100 + 1 }, (_, index) =>
      layer(from + index * 100, A, 1e9, start + index * 100 * bytesPerMs),
    );

  test('is the mean of what came, and tells when the rest will have', () => {
    const state = fold(steady(0, 5_000, 1_000));
    const totals = pullTotals(state, 5_000);
    expect(totals.bytesPerSecond).toBeCloseTo(1e6, -3);
    expect(totals.etaSeconds).toBeCloseTo((1e9 - 5e6) / 1e6, 0);
  });

  test('forgets what lies more than twelve seconds back', () => {
    const state = fold(steady(20_100, 40_000, 10, 2e7), fold(steady(0, 20_000, 1_000)));
    expect(pullTotals(state, 40_000).bytesPerSecond).toBeCloseTo(1e4, -3);
    expect(state.samples.length).toBeLessThan(70);
  });

  test('leaves out what was there before', () => {
    const resumed = steady(0, 5_000, 100, 7e8);
    expect(pullTotals(fold(resumed), 5_000).bytesPerSecond).toBeCloseTo(1e5, -3);
  });

  test('leaves out a layer that was there, between two that are fetched', () => {
    const state = fold([...steady(0, 4_000, 100), layer(4_050, B, 9e8, 9e8), layer(4_100, C, 1e9)]);
    expect(pullTotals(state, 4_100).bytesPerSecond).toBeLessThan(1.1e5);
  });

  test('is absent, and the time left too, while nothing moves', () => {
    const state = fold([...steady(0, 4_000, 100), layer(5_000, A, 1e9, 4e5)]);
    expect(pullTotals(state, 7_000).bytesPerSecond).toBeDefined();
    expect(pullTotals(state, 7_001)).toMatchObject({ bytesPerSecond: undefined, etaSeconds: undefined });
  });

  test('comes back after a standstill without counting the pause', () => {
    const still = fold(steady(0, 4_000, 1_000));
    const state = fold(steady(60_000, 61_000, 1_000, 4.1e6), still);
    expect(pullTotals(state, 61_000).bytesPerSecond).toBeCloseTo(1e6, -5);
  });

  test('is absent outside of a download, and before there is a span to measure', () => {
    const state = fold(steady(0, 4_000, 100));
    expect(
      pullTotals(fold([status(4_100, 'verifying sha256 digest')], state), 4_100).bytesPerSecond,
    ).toBeUndefined();
    expect(pullTotals(fold([layer(0, A, 10), layer(50, A, 10, 5)]), 50).bytesPerSecond).toBeUndefined();
    expect(pullTotals(startPull('m', 0), 0)).toMatchObject({ bytesPerSecond: undefined, total: 0 });
  });

  test('there is no time left to tell when nothing is left', () => {
    const state = fold([layer(0, A, 2_000), layer(1_000, A, 2_000, 1_000), layer(2_000, A, 2_000, 2_000)]);
    expect(pullTotals(state, 2_000).bytesPerSecond).toBeGreaterThan(0);
    expect(pullTotals(state, 2_000).etaSeconds).toBeUndefined();
  });
});

test('the total is known only once the last layer has been named', () => {
  const during = fold([status(0, 'pulling manifest'), layer(1, A, 10, 10), layer(2, B, 5, 5)]);
  expect(pullTotals(during, 2)).toMatchObject({ total: 15, totalKnown: false });
  expect(pullTotals(fold([status(3, 'verifying sha256 digest')], during), 3).totalKnown).toBe(true);
});

test('silence is kept until something comes again', () => {
  const silent = fold([layer(1, A, 10, 5), [11_000, { type: 'Stall', silentMs: 10_000 }]]);
  expect(silent).toMatchObject({ silentMs: 10_000, heardAt: 1 });
  expect(fold([status(12_000, 'x')], silent).silentMs).toBe(0);
  expect(fold([layer(12_000, A, 10, 6)], silent).silentMs).toBe(0);
  expect(fold([layer(12_000, B, 10)], silent).silentMs).toBe(0);
  expect(fold([retry(12_000)], silent).silentMs).toBe(0);
});

test('numbers that stand still are no end of a standstill', () => {
  const still = fold([layer(1, A, 10, 5), [11_000, { type: 'Stall', silentMs: 10_000 }]]);
  expect(fold([layer(12_000, A, 10, 5)], still).silentMs).toBe(10_000);
});

test.each(['verifying sha256 digest', 'writing manifest', 'quantizing F16 model to Q4_K_M'])(
  'silence during %j is no standstill',
  (text) => {
    const state = fold([layer(1, A, 10, 5), status(2, text), [12_000, { type: 'Stall', silentMs: 10_000 }]]);
    expect(state.silentMs).toBe(0);
  },
);

test('a retry is told with its number, its reason and its wait', () => {
  expect(fold([layer(1, A, 10, 5), retry(2)])).toMatchObject({
    retry: { attempt: 2, reason: 'cut', delayMs: 250 },
    active: undefined,
  });
});

test('folding changes no state that was there before', () => {
  const state = fold([layer(1, A, 10, 5)]);
  const copy = structuredClone(state);
  reducePull(state, { type: 'ChunkProgress', digest: A, total: 10, completed: 9 }, 2);
  reducePull(state, { type: 'Success' }, 2);
  expect(state).toEqual(copy);
});

const manifest = (at: number, ...layers: readonly (readonly [string, number, boolean])[]): Step => [
  at,
  { type: 'Manifest', layers: layers.map(([digest, size, present]) => ({ digest, size, present })) },
];
const WHOLE = manifest(1, [A, 1_000, false], [B, 40, true], [C, 7, false]);

describe('a manifest', () => {
  test('makes all layers and the true total known, and what is there done', () => {
    const state = fold([status(0, 'pulling manifest'), WHOLE]);
    expect(state).toMatchObject({
      phase: 'manifest',
      manifest: { layers: 3, size: 1_047, present: 1, presentBytes: 40 },
      layers: [
        { digest: A, total: 1_000, completed: 0, done: false },
        { digest: B, total: 40, completed: 40, reused: 40, done: true },
        { digest: C, total: 7, completed: 0, reused: 0, done: false },
      ],
    });
    expect(pullTotals(state, 1)).toMatchObject({
      total: 1_047,
      totalKnown: true,
      completed: 40,
      reused: 40,
      downloaded: 0,
      refetching: 0,
    });
  });

  test('that comes late finds what the server has named already in its place', () => {
    const state = fold([
      layer(0, B, 40, 40),
      layer(60, A, 1_000, 10),
      manifest(70, [B, 40, true], [A, 1_000, false], [C, 7, false]),
    ]);
    expect(state.layers.map((one) => one.digest)).toEqual([B, A, C]);
    expect(layerOf(state, A)).toMatchObject({ completed: 10, done: false });
    expect(pullTotals(state, 70)).toMatchObject({ total: 1_047, completed: 50, totalKnown: true });
  });

  test('that comes after the last layer calls nothing reused that the server passed without a word', () => {
    const state = fold([
      layer(0, A, 1_000, 1_000),
      status(60, 'verifying sha256 digest'),
      manifest(70, [A, 1_000, true], [C, 7, true]),
    ]);
    expect(layerOf(state, C)).toMatchObject({ done: true, completed: 7, reused: 0 });
    const absent = fold([status(60, 'verifying sha256 digest'), manifest(70, [C, 7, false])]);
    expect(layerOf(absent, C)).toMatchObject({ done: true, completed: 7, reused: 0 });
  });

  test('tells a whole layer that was fetched from one that was there, without waiting for a second line', () => {
    const fetched = fold([WHOLE, layer(60, C, 7, 7)]);
    expect(pullTotals(fetched, 60)).toMatchObject({ reused: 40, downloaded: 7 });
    const late = fold([layer(60, C, 7, 7), WHOLE]);
    expect(pullTotals(late, 60)).toMatchObject({ reused: 40, downloaded: 7 });
  });

  test('leaves a layer that is gone on with to the pace', () => {
    const big: Step = manifest(0, [A, 9e8, false]);
    const state = fold([
      big,
      layer(100, A, 9e8, 5e8),
      layer(160, A, 9e8, 5e8 + 60_000),
      layer(220, A, 9e8, 5e8 + 120_000),
    ]);
    expect(layerOf(state, A)?.reused).toBe(5e8);
    expect(pullTotals(state, 220)).toMatchObject({ downloaded: 120_000, total: 9e8 });
  });

  test('layers that come too quickly to be named are done before the server verifies', () => {
    const state = fold([WHOLE, layer(60, A, 1_000), status(120, 'verifying sha256 digest')]);
    expect(state.layers.every((one) => one.done)).toBe(true);
    expect(pullTotals(state, 120)).toMatchObject({ completed: 1_047, downloaded: 1_007, reused: 40 });
  });

  test('a layer that is too large to have come unnamed had been there', () => {
    const state = fold([
      manifest(0, [A, 9e8, false], [C, 7, false]),
      layer(60, C, 7, 7),
      status(120, 'verifying sha256 digest'),
    ]);
    expect(pullTotals(state, 120)).toMatchObject({ completed: 9e8 + 7, downloaded: 7, reused: 9e8 });
  });

  test('is not counted again by all layers told together', () => {
    const together = (at: number, completed: number): Step => [
      at,
      { status: 'pulling model', digest: 'sha256:model', total: 1_047, completed },
    ];
    const state = fold([WHOLE, together(60, 40), together(120, 240)]);
    expect(pullTotals(state, 120)).toMatchObject({
      total: 1_047,
      completed: 240,
      reused: 40,
      downloaded: 200,
    });
    const done = fold([status(180, 'writing manifest')], state);
    expect(pullTotals(done, 180)).toMatchObject({
      total: 1_047,
      completed: 1_047,
      reused: 40,
      downloaded: 1_007,
    });
  });

  test('a layer that it called present and that the server fetches all the same is no longer reused', () => {
    const state = fold([WHOLE, layer(60, B, 40, 10), layer(120, B, 40, 20)]);
    expect(layerOf(state, B)).toMatchObject({ completed: 40, reported: 20, done: false });
    expect(layerOf(state, B)?.reused).toBeLessThanOrEqual(10);
  });
});

describe('what is reused', () => {
  test('is no longer what the server has thrown away', () => {
    const resumed = fold([
      layer(100, A, 9e8, 5e8),
      layer(160, A, 9e8, 5e8 + 60_000),
      layer(220, A, 9e8, 4e8),
    ]);
    expect(layerOf(resumed, A)?.reused).toBe(4e8);
    expect(pullTotals(resumed, 220).downloaded).toBe(1e8 + 60_000);
  });

  test('of a present layer stays so once the server has named it, without a doubt left', () => {
    const state = fold([WHOLE, layer(60, B, 40, 40), layer(120, B, 40, 40), layer(180, C, 7)]);
    expect(layerOf(state, B)).toMatchObject({ reused: 40, done: true });
    expect(state).toMatchObject({ guess: undefined, received: 0 });
  });

  test.each([
    ['few bytes may as well have come with this pull', 458_000, 459_000, 0],
    ['more than any line brings at once were kept from before', 5e8, 6e8, 5e8],
  ])('of a layer that was told once, before its end: %s', (_title, told, total, reused) => {
    const state = fold([layer(60, A, total, told), status(120, 'verifying sha256 digest')]);
    expect(layerOf(state, A)).toMatchObject({ done: true, completed: total, reused });
  });

  test('of all layers told together is what the manifest found, and counts for no pace', () => {
    const together = (at: number, completed: number): Step => [
      at,
      { status: 'pulling model', digest: 'sha256:model', total: 9e8, completed },
    ];
    const state = fold([
      manifest(0, [A, 4e8, true], [B, 5e8, false]),
      together(60, 4e8 + 1_000),
      together(120, 4e8 + 2_000),
    ]);
    expect(layerOf(state, 'sha256:model')?.reused).toBe(4e8);
    expect(state.received).toBe(2_000);
    const done = fold([status(180, 'writing manifest')], state);
    expect(pullTotals(done, 180)).toMatchObject({ reused: 4e8, downloaded: 5e8 });
  });
});

describe('a layer whose digest was wrong', () => {
  const again: Step = [
    3_000,
    { type: 'Retry', attempt: 2, reason: 'x', delayMs: 1, kind: 'digest', digest: A },
  ];

  test('is not reused, also where most of it was kept from an earlier try', () => {
    const resumed = fold([layer(100, A, 9e8, 5e8), layer(160, A, 9e8, 5e8 + 60_000), again]);
    expect(layerOf(resumed, A)?.reused).toBe(0);
  });

  test('is open again, its mark kept, all of it to come again', () => {
    const before = fold([
      layer(0, A, 100),
      layer(60, A, 100, 100),
      layer(120, B, 9, 9),
      status(200, 'verifying sha256 digest'),
    ]);
    const state = fold([again], before);
    expect(layerOf(state, A)).toMatchObject({ done: false, completed: 100, reported: 0, reused: 0 });
    expect(layerOf(state, B)?.done).toBe(true);
    expect(pullTotals(state, 3_000)).toMatchObject({ completed: 109, refetching: 100 });
    expect(state.retry).toMatchObject({ kind: 'digest', digest: A });
  });
});

describe('a push and a create', () => {
  test('a pushed layer that the registry had is not sent', () => {
    const pushing = (at: number, digest: string, total: number, completed: number): Step => [
      at,
      { status: `pushing ${digest.slice(7)}`, digest, total, completed },
    ];
    const state = fold([
      status(0, 'retrieving manifest'),
      pushing(60, A, 100, 100),
      pushing(120, B, 50, 0),
      pushing(180, B, 50, 50),
      status(240, 'pushing manifest'),
      status(300, 'success'),
    ]);
    expect(state.phase).toBe('success');
    expect(pullTotals(state, 300)).toMatchObject({ reused: 100, downloaded: 50, total: 150 });
  });

  test('what is quantized is counted, and nothing of it moves', () => {
    const zeros = '0000000000000000000';
    const step = (at: number, completed: number): Step => [
      at,
      { status: 'quantizing F16 model to Q4_K_M', digest: zeros, total: 100, completed },
    ];
    const state = fold([step(0, 10), step(1_000, 40), step(2_000, 70)]);
    expect(state).toMatchObject({ phase: 'working', phaseSince: 0, received: 0, active: zeros });
    expect(layerOf(state, zeros)).toMatchObject({ total: 100, completed: 70, done: false });
    expect(pullTotals(state, 2_000)).toMatchObject({ total: 0, downloaded: 0, bytesPerSecond: undefined });
    expect(fold([status(3_000, 'creating new layer sha256:a')], state)).toMatchObject({
      phase: 'working',
      phaseSince: 3_000,
      layers: [],
    });
  });
});

describe('recorded pulls', () => {
  const recorded = VERSIONS.flatMap((version) =>
    labelsOf(version)
      .filter((label) => label.startsWith('pull') && readRecording(version, label).response.status === 200)
      .map((label) => ({ version, label })),
  );

  test.each(recorded)('$version $label keeps the rules', ({ version, label }) => {
    const steps = readPull(version, label);
    let state = startPull('m', 0);
    for (const { at, event } of steps) {
      const before = state;
      state = reducePull(state, event, at);
      expectSound(before, state);
    }
    const last = steps.at(-1)?.event.type;
    expect(state.phase === 'success').toBe(last === 'Success');
    expect(state.phase === 'failed').toBe(last === 'Error');
    if (last === 'Success') {
      expect(state.layers.every((one) => one.done && one.completed === one.total)).toBe(true);
    }
  });

  const ends = (version: string, label: string): PullState => {
    let state = startPull('m', 0);
    for (const { at, event } of readPull(version, label)) state = reducePull(state, event, at);
    return state;
  };

  test('a fresh pull has fetched every layer', () => {
    const state = ends('0.24.0', 'pull');
    expect(pullTotals(state, 0)).toMatchObject({ reused: 0, totalKnown: true });
    expect(pullTotals(state, 0).downloaded).toBe(pullTotals(state, 0).total);
    expect(state.layers.length).toBeGreaterThan(4);
  });

  test('a pull of what is there has fetched nothing', () => {
    const state = ends('0.24.0', 'pull-present');
    expect(pullTotals(state, 0)).toMatchObject({ downloaded: 0 });
    expect(pullTotals(state, 0).reused).toBe(pullTotals(ends('0.24.0', 'pull'), 0).total);
  });

  test('small layers told sixteen times a second were fetched, also where the weights were there unsaid', () => {
    const state = ends('0.24.0', 'pull-resumed');
    expect(pullTotals(state, 0)).toMatchObject({ total: 915, downloaded: 915, reused: 0 });
  });

  test('a stalled pull has no pace and no time left while it stands', () => {
    const steps = readPull('0.24.0', 'pull-stalled');
    let state = startPull('m', 0);
    let still = 0;
    for (const { at, event } of steps) {
      state = reducePull(state, event, at);
      if (state.phase !== 'downloading' || state.movedAt === undefined || at - state.movedAt <= 3_000)
        continue;
      still += 1;
      expect(pullTotals(state, at)).toMatchObject({ bytesPerSecond: undefined, etaSeconds: undefined });
    }
    expect(still).toBeGreaterThan(100);
    expect(state.phase).toBe('success');
  });
});

/** What holds between two states whatever event lies between. */
function expectSound(before: PullState, after: PullState): void {
  expect(after.layers.slice(0, before.layers.length).map((one) => one.digest)).toEqual(
    before.layers.map((one) => one.digest),
  );
  for (const one of after.layers) {
    const old = layerOf(before, one.digest);
    expect(one.completed).toBeGreaterThanOrEqual(old?.completed ?? 0);
    expect(one.total).toBeGreaterThanOrEqual(old?.total ?? 0);
    if (one.total > 0) expect(one.completed).toBeLessThanOrEqual(one.total);
    expect(one.reported).toBeLessThanOrEqual(one.completed);
    expect(one.reused).toBeLessThanOrEqual(one.completed);
    if (one.done) expect(one.completed).toBe(one.total);
  }
}

describe('any sequence of events', () => {
  const count = fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined });
  const digest = fc.constantFrom(A, B, C, 'sha256:model', '');
  const event: fc.Arbitrary<OllamaPullEvent> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .record({ digest, total: count, completed: count })
        .map(({ digest: name, total, completed }) => ({
          type: 'ChunkProgress' as const,
          digest: name,
          ...(total === undefined ? {} : { total }),
          ...(completed === undefined ? {} : { completed }),
        })),
    },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(
          'pulling manifest',
          'pulling aaaaaaaaaaaa',
          'verifying sha256 digest',
          'writing manifest',
          'odd',
        )
        .map((text) => ({ type: 'Status' as const, status: text })),
    },
    fc.constant({ type: 'Success' as const }),
    fc.constant(failure('oh')),
    fc.constant({ type: 'Stall' as const, silentMs: 10_000 }),
    fc
      .tuple(fc.constantFrom('cut' as const, 'digest' as const), fc.constantFrom(A, B))
      .map(([kind, name]) => ({
        type: 'Retry' as const,
        attempt: 2,
        reason: 'cut',
        delayMs: 1,
        kind,
        digest: name,
      })),
  );
  const sequence = fc.array(fc.tuple(event, fc.nat(4_000)), { maxLength: 40 });

  const entry = fc.record({
    digest: fc.constantFrom(A, B, C),
    size: fc.integer({ min: 0, max: 1_000 }),
    present: fc.boolean(),
  });
  const steps = fc.array(
    fc.tuple(
      fc.oneof(
        { weight: 9, arbitrary: event },
        { weight: 1, arbitrary: fc.array(entry).map((layers) => ({ type: 'Manifest' as const, layers })) },
      ),
      fc.nat(4_000),
    ),
    { maxLength: 40 },
  );

  test('with manifests among them keeps every sum within its total, and none ever falls', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        let now = 0;
        let state = startPull('m', 0);
        for (const [next, wait] of taken) {
          now += wait;
          const before = state;
          state = reducePull(state, next, now);
          expectSound(before, state);
          const [old, totals] = [pullTotals(before, now), pullTotals(state, now)];
          // A total that nobody has told yet lies below what came.
          const isTold = state.layers.every((one) => one.total > 0);
          if (isTold) expect(totals.completed).toBeLessThanOrEqual(totals.total);
          expect(totals.reused).toBeLessThanOrEqual(totals.completed);
          expect(totals.refetching).toBeGreaterThanOrEqual(0);
          if (before.manifest === undefined) continue;
          expect(totals.totalKnown).toBe(true);
          expect(totals.total).toBeGreaterThanOrEqual(old.total);
          expect(totals.completed).toBeGreaterThanOrEqual(old.completed);
          expect(totals.total).toBeGreaterThanOrEqual(before.manifest.size);
        }
      }),
    );
  });

  test('keeps marks, order and sums sound', () => {
    fc.assert(
      fc.property(sequence, (steps) => {
        let now = 0;
        let state = startPull('m', 0);
        for (const [next, wait] of steps) {
          now += wait;
          const before = state;
          state = reducePull(state, next, now);
          expectSound(before, state);
          const totals = pullTotals(state, now);
          const together = layerOf(state, 'sha256:model')?.completed ?? 0;
          const single = state.layers.reduce((sum, one) => sum + one.completed, 0) - together;
          // What is told of all layers together is none more.
          expect(totals.completed).toBe(Math.max(single, together));
          expect(totals.downloaded).toBeGreaterThanOrEqual(0);
          expect(totals.refetching).toBeGreaterThanOrEqual(0);
          if (totals.bytesPerSecond !== undefined) expect(totals.bytesPerSecond).toBeGreaterThan(0);
          if (totals.etaSeconds !== undefined) expect(totals.etaSeconds).toBeGreaterThan(0);
          expect(totals.etaSeconds === undefined || totals.bytesPerSecond !== undefined).toBe(true);
        }
      }),
    );
  });

  test('takes a layer as done only where the server went on to something else', () => {
    fc.assert(
      fc.property(sequence, (steps) => {
        let state = startPull('m', 0);
        for (const [next] of steps) {
          const before = state;
          state = reducePull(state, next, 0);
          const fresh = state.layers.filter((one) => one.done && layerOf(before, one.digest)?.done !== true);
          if (fresh.length === 0) continue;
          expect(['Status', 'ChunkProgress', 'Success']).toContain(next.type);
          if (next.type === 'Success') continue;
          // Before it verifies or writes, the server has got them all.
          if (next.type === 'Status' && /^(?:verifying|writing)/.test(next.status)) continue;
          expect(fresh.map((one) => one.digest)).toEqual([before.active]);
          if (next.type === 'ChunkProgress') expect(next.digest).not.toBe(before.active);
          if (next.type === 'Status') expect(next.status).not.toMatch(/^pulling/);
        }
      }),
    );
  });
});
