import fc from 'fast-check';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { OllamaPullEvent } from '../../src/core/pull-events.js';
import { boardOf } from '../../src/core/pull-board.js';
import { reducePull, startPull } from '../../src/core/pull.js';
import { nextLines, NOTHING_SAID, openPullLines } from '../../src/output/pull-lines.js';
import { anyEvent, fold, layersInARow } from '../views/pull-states.js';
import { readRecordedPull } from '../views/recorded-pull.js';

const HOST = '127.0.0.1:11434';
const ABOUT = { host: HOST, verb: 'Pulling', stallMs: 45_000 } as const;

/** What the display writes of a recorded pull. */
async function record(label: string): Promise<string> {
  const stream = new PassThrough({ encoding: 'utf8' });
  let now = 0;
  const display = openPullLines({ stream, host: HOST, model: 'tiny', now: () => now });
  const steps = readRecordedPull(label);
  for (const { at, event, state } of steps) {
    now = at;
    display.show(boardOf(state), event);
  }
  const last = steps.at(-1);
  if (last) await display.ended(boardOf(last.state), last.state);
  await display.close();
  return String(stream.read() ?? '');
}

test.each([
  [
    'pull',
    `\
2%  5.2 MB of 253 MB so far
11%  28 MB of 253 MB so far
20%  53 MB of 253 MB so far  133 MB/s
31%  80 MB of 253 MB so far  139 MB/s
42%  108 MB of 253 MB so far  142 MB/s
53%  135 MB of 253 MB so far  144 MB/s
60%  153 MB of 253 MB so far  145 MB/s
70%  180 MB of 253 MB so far  139 MB/s
81%  205 MB of 253 MB so far  134 MB/s
91%  232 MB of 253 MB so far  130 MB/s
verifying
writing manifest
done: tiny, 253 MB in 9.2s, 27 MB/s
`,
  ],
  ['pull-resumed', 'verifying\nwriting manifest\ndone: tiny, 915 B in 6.2s, 147 B/s\n'],
  ['pull-present', 'verifying\nwriting manifest\ndone: tiny, 253 MB, was here already\n'],
  ['pull-500', '0%  0 B of 253 MB so far\n'],
  ['pull-missing', ''],
  [
    'pull-dropped',
    `\
2%  7.0 MB of 253 MB so far
13%  33 MB of 253 MB so far
20%  52 MB of 253 MB so far  149 MB/s
31%  79 MB of 253 MB so far  100 MB/s
40%  103 MB of 253 MB so far  84 MB/s
50%  127 MB of 253 MB so far  83 MB/s
60%  152 MB of 253 MB so far  90 MB/s
70%  179 MB of 253 MB so far  96 MB/s
81%  207 MB of 253 MB so far  98 MB/s
90%  230 MB of 253 MB so far  91 MB/s
verifying
writing manifest
done: tiny, 253 MB in 9.7s, 26 MB/s
`,
  ],
])('the recorded %s', async (label, lines) => {
  const head = 'pulling tiny from 127.0.0.1:11434\nreading the manifest\n';
  expect(await record(label)).toBe(head + lines);
});

test('bytes that are fetched again are told once each time', async () => {
  const lines = (await record('pull-stalled')).split('\n');
  expect(lines.filter((line) => line.includes('again'))).toEqual([
    'fetching 9.9 MB again after a bad connection',
  ]);
});

test('the first line is there before anything was heard', () => {
  const stream = new PassThrough({ encoding: 'utf8' });
  const display = openPullLines({
    stream,
    host: HOST,
    model: 'tiny',
    now: () => 0,
  });
  expect(stream.read()).toBe('pulling tiny from 127.0.0.1:11434\n');
  return display.close();
});

/** The lines of events, each with its time in seconds. */
function tell(events: readonly (readonly [seconds: number, event: OllamaPullEvent | undefined])[]): string[] {
  let state = startPull('tiny', 0);
  let said = nextLines(NOTHING_SAID, state, { ...ABOUT, now: 0 }).said;
  return events.flatMap(([seconds, event]) => {
    const now = seconds * 1000;
    if (event) state = reducePull(state, event, now);
    const next = nextLines(said, state, { ...ABOUT, now });
    said = next.said;
    return next.lines.map((line) => `${seconds}: ${line}`);
  });
}

const progress = (completed: number, total = 1000, digest = 'sha256:a'): OllamaPullEvent => ({
  type: 'ChunkProgress',
  digest,
  total,
  completed,
});

test('a slow layer has a line each half minute, also when nothing arrives', () => {
  expect(
    tell([
      [0, progress(0)],
      [10, progress(5)],
      [30, undefined],
      [59, progress(8)],
      [60, progress(9)],
    ]),
  ).toEqual([
    '0: 0%  0 B of 1.0 kB so far',
    '30: 0%  5 B of 1.0 kB so far',
    '60: 0%  9 B of 1.0 kB so far  1 B/s',
  ]);
});

test('verifying, which the server says nothing of, has a line each half minute', () => {
  const lines = tell([
    [1, { type: 'Status', status: 'verifying sha256 digest' }],
    [20, undefined],
    [31, undefined],
    [61, undefined],
  ]);
  expect(lines).toEqual([
    '1: verifying',
    '31: verifying, 30s (the server reports nothing here)',
    '61: verifying, 1m 00s (the server reports nothing here)',
  ]);
});

test('a layer named late makes the share smaller, and that is said', () => {
  const events = [
    progress(800),
    progress(1000),
    progress(0, 1000, 'sha256:b'),
    progress(90, 1000, 'sha256:b'),
  ];
  expect(tell(events.map((event, index) => [index, event]))).toEqual([
    '0: 80%  800 B of 1.0 kB so far',
    '2: 50%  1.0 kB of 2.0 kB so far  100 B/s',
  ]);
});

test('silence is told when it begins and each half minute, and again when it comes back', () => {
  const stall = (seconds: number): [number, OllamaPullEvent] => [
    seconds,
    { type: 'Stall', silentMs: seconds * 1000 },
  ];
  const lines = tell([
    [0, progress(1)],
    stall(10),
    stall(20),
    stall(40),
    [41, progress(2)],
    [45, progress(3)],
    stall(60),
  ]);
  expect(lines.filter((line) => line.includes('no data'))).toEqual([
    '10: no data for 10s, asking again at 45s',
    '40: no data for 40s, asking again at 45s',
    '60: no data for 1m 00s',
  ]);
});

test('each try is told with what went wrong, and the manifest that it reads', () => {
  const retry = (attempt: number, delayMs: number): OllamaPullEvent => ({
    type: 'Retry',
    attempt,
    reason: 'connection reset\n\u001b[2J',
    delayMs,
    kind: 'cut',
  });
  const manifest: OllamaPullEvent = { type: 'Status', status: 'pulling manifest' };
  expect(
    tell([
      [0, manifest],
      [1, retry(2, 1500)],
      [3, retry(3, 0)],
      [4, progress(1)],
      [5, manifest],
    ]),
  ).toEqual([
    '0: reading the manifest',
    '1: try 2 in 1.5s: connection reset [2J',
    '3: try 3: connection reset [2J',
    '4: 0%  1 B of 1.0 kB so far',
    '5: reading the manifest',
  ]);
});

test('a layer without a size is told in bytes', () => {
  expect(tell([[0, { type: 'ChunkProgress', digest: 'sha256:a', completed: 7 }]])).toEqual(['0: 7 B so far']);
});

test('nothing is said again of a state that stays, and every tenth is said once', () => {
  const events = layersInARow(1, 1000);
  expect(
    tell(events.flatMap((event) => [[1, event] as const, [2, event] as const, [3, event] as const])).length,
  ).toBe(2);
});

test('no escape code and no broken line, whatever the server says', () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.string(), (events, model) => {
      const state = fold(events, model);
      const { lines } = nextLines(NOTHING_SAID, state, { ...ABOUT, now: 100_000 });
      for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    }),
  );
});

test('the manifest is a line, with what the server had of it', () => {
  const manifest = (...present: boolean[]): OllamaPullEvent => ({
    type: 'Manifest',
    layers: present.map((isHere, index) => ({ digest: `sha256:${index}`, size: 1000, present: isHere })),
  });
  expect(tell([[1, manifest(true, false, false)]])).toContain(
    '1: manifest read: 3 layers, 3.0 kB, 1.0 kB of it here already',
  );
  expect(tell([[1, manifest(false)]])).toContain('1: manifest read: 1 layer, 1.0 kB');
  expect(tell([[1, manifest(true, true)]])).toContain(
    '1: manifest read: 2 layers, 2.0 kB, all of it here already',
  );
});

test('of a manifest that was read nobody is told that it is being read', () => {
  const manifest: OllamaPullEvent = {
    type: 'Manifest',
    layers: [{ digest: 'sha256:a', size: 1000, present: false }],
  };
  const status: OllamaPullEvent = { type: 'Status', status: 'pulling manifest' };
  const read = 'manifest read: 1 layer, 1.0 kB';
  expect(
    tell([
      [1, manifest],
      [2, status],
    ]),
  ).toEqual([`1: ${read}`]);
  expect(
    tell([
      [1, status],
      [2, manifest],
    ]),
  ).toEqual(['1: reading the manifest', `2: ${read}`]);
});

test('each step of a create is a line', () => {
  const status = (text: string): OllamaPullEvent => ({ type: 'Status', status: text });
  const text = tell([
    [1, status('parsing GGUF')],
    [2, status('quantizing F16 model to Q4_K_M: 0%')],
    [3, status('quantizing F16 model to Q4_K_M: 0%')],
    [4, status('quantizing F16 model to Q4_K_M: 10%')],
    [5, status(`creating new layer sha256:${'a'.repeat(64)}`)],
    [6, status('writing manifest')],
  ]);
  expect(text).toEqual([
    '1: parsing GGUF',
    '2: quantizing F16 model to Q4_K_M: 0%',
    '4: quantizing F16 model to Q4_K_M: 10%',
    '5: creating new layer aaaaaaaaaaaa',
    '6: writing manifest',
  ]);
});

test.each([
  ['Pushing', 'pushing tiny from box:11434\npushing manifest\ndone: tiny, complete\n'],
  ['Creating', 'creating tiny on box:11434\nwriting manifest\ndone: tiny, created in 5 ms\n'],
] as const)('%s is told in its own words', async (verb, text) => {
  const stream = new PassThrough({ encoding: 'utf8' });
  const display = openPullLines({ stream, host: 'box:11434', model: 'tiny', verb, now: () => 0 });
  const manifest = reducePull(startPull('tiny', 0), { type: 'Status', status: 'pushing manifest' }, 1);
  display.show(boardOf(manifest));
  const done = reducePull(manifest, { type: 'Success' }, 5);
  await display.ended(boardOf(done), done);
  await display.close();
  expect(stream.read()).toBe(text);
});

test('of several pulls each line names its model', async () => {
  const stream = new PassThrough({ encoding: 'utf8' });
  const display = openPullLines({ stream, host: HOST, now: () => 0 });
  const one = fold([progress(0), progress(100)], 'one');
  const two = fold([progress(0), progress(500)], 'two');
  display.show({ pulls: [one], waiting: ['two'], startedAt: 0, count: 2 });
  display.show({ pulls: [one, two], waiting: [], startedAt: 0, count: 2 });
  const done = reducePull(one, { type: 'Success' }, 1000);
  await display.ended({ pulls: [done, two], waiting: [], startedAt: 0, count: 2 }, done);
  await display.close();
  expect(String(stream.read()).split('\n')).toEqual([
    `pulling one from ${HOST}`,
    'one: 10%  100 B of 1.0 kB so far',
    `pulling two from ${HOST}`,
    'two: 50%  500 B of 1.0 kB so far',
    'done: one, 1.0 kB in 1.0s, 1.0 kB/s',
    '',
  ]);
});
