import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boardOf } from '../../../src/core/pull-board.js';
import { reducePull } from '../../../src/core/pull.js';
import type { PullState } from '../../../src/core/pull.js';
import { displayWidth } from '../../../src/format/width.js';
import type { Row } from '../../../src/output/pull-meter.js';
import { symbols } from '../../../src/output/symbols.js';
import { drawFrame } from '../../../src/views/pull/frame.js';
import { anyState, fold, layersInARow } from '../pull-states.js';
import { readRecordedPull } from '../recorded-pull.js';

const ABOUT = { host: '127.0.0.1:11434', verb: 'Pulling', stallMs: 45_000 } as const;

function show(rows: readonly Row[]): string {
  return rows
    .map((row) =>
      row
        .map((part) => (part.spinner ? '* ' : part.text))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

function draw(state: PullState, columns: number, now: number, rows = 24, unicode = true): string {
  return show(drawFrame({ ...ABOUT, board: boardOf(state), now, columns, rows, signs: symbols(unicode) }));
}

/** The recorded pull of one large layer and some tiny ones, once it has brought as many bytes. */
function recordedAt(bytes: number): { state: PullState; at: number } {
  const step = readRecordedPull('pull', 'llama3.2:1b').find(({ state }) => state.received >= bytes);
  if (!step) throw new Error('the recording is shorter');
  return step;
}

describe('a recorded pull half-way', () => {
  const { state, at } = recordedAt(130e6);

  test('has at 80 columns a line a layer, and one for what is known of their sum', () => {
    expect(draw(state, 80, at)).toBe(`\
 Pulling llama3.2:1b                                       from 127.0.0.1:11434

 total so far  ━━━━━━━━━━━╸──────────  53%   135 MB / 253 MB  144 MB/s       1s

 a5fd3b62230a  ━━━━━━━━━━━╸──────────  53%   135 MB / 253 MB  144 MB/s       1s

 Ctrl-C stops; what has come stays on the server, and the same command goes on.`);
  });

  test('does not grow without end at 200 columns', () => {
    const lines = draw(state, 200, at).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBe(120);
    expect(lines[2]).toMatch(/^ total so far {2}━{33}╸?─+ {2}53% {3}135 MB \/ 253 MB {2}144 MB\/s {7}1s$/);
  });

  test('keeps at 40 columns the names, the bars and the pace of the whole', () => {
    expect(draw(state, 40, at)).toBe(`\
 llama3.2:1b
 so far ━━━━╸────  53% 144 MB/s      1s
 a5fd3… ━━━━╸────  53%`);
  });

  test('still has name, bar and percent at 20 columns', () => {
    expect(draw(state, 20, at)).toBe(` llama3.2:1b\n so far ━━━───  53%\n a5fd3… ━━━───  53%`);
  });

  test('is plain ASCII where the terminal has no more', () => {
    expect(draw(state, 40, at, 24, false)).toMatch(/^[\x20-\x7e\n]+$/);
  });
});

describe('states in words', () => {
  const steps = readRecordedPull('pull', 'llama3.2:1b');
  const active = recordedAt(130e6);
  const layer = active.state.layers[0];
  if (!layer) throw new Error('no layer');
  const fallen = reducePull(
    active.state,
    { type: 'ChunkProgress', digest: layer.digest, total: layer.total, completed: layer.completed - 35e6 },
    active.at,
  );
  const stalled = reducePull(active.state, { type: 'Stall', silentMs: 12_000 }, active.at);
  const retry = { type: 'Retry', attempt: 2, reason: 'connection reset', delayMs: 900, kind: 'cut' } as const;
  const inPhase = (phase: string): PullState => {
    const found = steps.find(({ state }) => state.phase === phase);
    if (!found) throw new Error(phase);
    return found.state;
  };
  const verifying = inPhase('verifying');

  test.each([
    ['before the first answer', fold([]), 0, ' total         * connecting to 127.0.0.1:11434'],
    ['waiting for an answer', fold([]), 5_000, ' total         * connecting to 127.0.0.1:11434, 5s'],
    ['the manifest', inPhase('manifest'), 100, ' total         * reading the manifest'],
    [
      'verifying',
      verifying,
      verifying.phaseSince + 41_000,
      ' total         * verifying, 41s (the server reports nothing here)',
    ],
    ['writing', inPhase('writing'), 9_300, ' total         * writing manifest'],
    [
      'cleaning up',
      fold([{ type: 'Status', status: 'removing any unused layers' }]),
      100,
      ' total         * removing unused layers',
    ],
    [
      'bytes fetched again',
      fallen,
      active.at,
      ' a5fd3b62230a  ━━━━━━━───────  53%  fetching 35 MB again after a bad connection',
    ],
    [
      'silence',
      stalled,
      active.at,
      ' a5fd3b62230a  ━━━━━━━━━━━──────────  53%  no data for 12s, asking again at 45s',
    ],
    [
      'another try',
      reducePull(active.state, retry, active.at),
      active.at,
      ' total so far  ━━━━━━━━━━━╸──────────  53%  try 2 in 1s: connection reset',
    ],
    ['another try before any layer', fold([retry]), 200, ' total         * try 2 in 1s: connection reset'],
    [
      'a layer without a size',
      fold([{ type: 'ChunkProgress', digest: 'sha256:model', completed: 7 }]),
      100,
      ' model         * 7 B so far',
    ],
  ])('%s', (_, state, now, line) => {
    expect(draw(state, 80, now).split('\n')).toContain(line);
  });

  test('words too long for a narrow terminal are said shorter, in place of the bar', () => {
    expect(draw(fallen, 40, active.at)).toContain('\n a5fd3… fetching 35 MB again');
    expect(draw(verifying, 40, verifying.phaseSince + 41_000)).toContain('\n total  * verifying, 41s');
  });

  test('another try is no more news once it has named a layer', () => {
    const again = { type: 'ChunkProgress', digest: layer.digest, total: layer.total, completed: 1 } as const;
    const going = reducePull(reducePull(active.state, retry, active.at), again, active.at);
    expect(draw(going, 80, active.at)).not.toContain('try 2');
  });

  test('layers are told apart: fetched, and here already', () => {
    const present = readRecordedPull('pull-present').find(({ state }) => state.phase === 'verifying');
    const rows = present ? draw(present.state, 80, present.at).split('\n') : [];
    expect(rows).toContain(' a5fd3b62230a  already here                           253 MB');
    expect(draw(verifying, 80, 0).split('\n')).toContain(
      ' 98c5c0f10394  done                                     69 B',
    );
  });

  test('while nothing moves there is no pace, and 100 % is not said before the end is known', () => {
    const all = reducePull(
      active.state,
      { type: 'ChunkProgress', digest: layer.digest, total: layer.total, completed: layer.total },
      active.at,
    );
    const total = draw(all, 80, active.at + 60_000).split('\n')[2];
    expect(total).toBe(` total so far  ${'━'.repeat(22)}  99%   253 MB / 253 MB         —        —`);
  });
});

test('twenty layers in fifteen rows: the finished ones fold, the one that moves stays', () => {
  const frame = draw(fold(layersInARow(20)), 80, 6_000, 15).split('\n');
  expect(frame).toHaveLength(14);
  expect(frame[4]).toBe(' 13 layers done, 1.3 GB');
  expect(frame[5]).toContain('000000000014  done');
  expect(frame[11]).toContain('000000000020  ━');
});

test.each([
  [6, [' Pulling tiny', ' total so far', ' 18 layers done, 1.8 GB', ' 000000000019', ' 000000000020']],
  [3, [' total so far', ' 000000000020']],
  [2, [' total so far']],
  [1, [' total so far']],
])('with %i rows what matters most is left', (rows, starts) => {
  const frame = draw(fold(layersInARow(20)), 80, 6_000, rows).split('\n');
  expect(frame.map((line, index) => line.slice(0, starts[index]?.length))).toEqual(starts);
});

const size = { columns: fc.integer({ min: 1, max: 220 }), rows: fc.integer({ min: 1, max: 60 }) };

test('no line is as wide as the terminal, and the lines are fewer than its rows, whatever the server says', () => {
  fc.assert(
    fc.property(
      anyState,
      fc.nat(100_000),
      fc.record(size),
      fc.boolean(),
      (state, now, { columns, rows }, unicode) => {
        const frame = drawFrame({
          ...ABOUT,
          board: boardOf(state),
          now,
          columns,
          rows,
          signs: symbols(unicode),
        });
        const lines = show(frame).split('\n');
        expect(lines).toHaveLength(frame.length);
        expect(frame.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(1, columns - 1));
      },
    ),
    { numRuns: 300 },
  );
});

test('nothing of a server reaches a frame with a control or bidi character in it', () => {
  fc.assert(
    fc.property(anyState, fc.record(size), (state, { columns, rows }) => {
      const frame = drawFrame({
        ...ABOUT,
        board: boardOf(state),
        now: 0,
        columns,
        rows,
        host: 'h\u001b[2J',
        signs: symbols(true),
      });
      for (const row of frame) {
        for (const { text } of row) expect(text).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
      }
    }),
  );
});
