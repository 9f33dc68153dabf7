import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../../src/format/width.js';
import type { Row } from '../../../src/output/pull-meter.js';
import { symbols } from '../../../src/output/symbols.js';
import { drawFrame } from '../../../src/views/pull/frame.js';
import type { FrameInput } from '../../../src/views/pull/frame.js';
import { anyState } from '../pull-states.js';
import { boardWith, done, failed, large, NOW, SCENES, small } from './pulls.js';

const ABOUT = { host: '127.0.0.1:11434', verb: 'Pulling', stallMs: 45_000, now: NOW, rows: 24 } as const;

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

function draw(input: Pick<FrameInput, 'board' | 'columns'> & Partial<FrameInput>): string {
  return show(drawFrame({ ...ABOUT, signs: symbols(true), ...input }));
}

test.each([40, 80, 200])('every scene at %i columns', async (columns) => {
  const frames = SCENES.map(({ title, ...scene }) => `--- ${title}\n${draw({ columns, ...scene })}\n`);
  await expect(frames.join('\n')).toMatchFileSnapshot(`frames/${columns}.txt`);
});

describe('several pulls in few rows', () => {
  const board = boardWith([small, large], ['a', 'b']);
  const start = (rows: number): string[] =>
    draw({ board, columns: 80, rows })
      .split('\n')
      .map((line) => line.slice(0, 16).trimEnd());

  test.each([
    [
      12,
      [
        ' Pulling 4 model',
        '',
        ' total so far',
        '',
        ' llama3.2:1b',
        '   777777777777',
        ' qwen3:8b',
        '   bbbbbbbbbbbb',
      ],
    ],
    [8, [' Pulling 4 model', '', ' total so far', '', ' llama3.2:1b', ' qwen3:8b', ' 2 more waiting:']],
    [5, [' total so far', ' llama3.2:1b', ' qwen3:8b', ' 2 more waiting:']],
    [4, [' total so far', ' llama3.2:1b', ' 1 more running:']],
    [3, [' total so far', ' 2 more running:']],
    [2, [' total so far']],
    [1, [' total so far']],
  ])('%i rows keep what matters most', (rows, lines) => {
    expect(start(rows).slice(0, lines.length)).toEqual(lines);
    expect(start(rows).length).toBeLessThanOrEqual(Math.max(1, rows - 1));
  });

  test('who is folded away is named', () => {
    expect(draw({ board, columns: 80, rows: 4 })).toContain(
      ' 1 more running: qwen3:8b; 2 more waiting: a, b',
    );
  });
});

test('the total is said to be so far until the size of each model is known', () => {
  const verifying = { ...large, phase: 'verifying' as const };
  expect(draw({ board: boardWith([small, large]), columns: 80 })).toContain(' total so far ');
  expect(draw({ board: boardWith([small, verifying]), columns: 80 })).toContain(' total  ');
  expect(draw({ board: boardWith([small, verifying], ['other']), columns: 80 })).toContain(' total so far ');
});

test('how many are done is said beside the number of models', () => {
  const first = (text: string): string => text.split('\n')[0] ?? '';
  expect(first(draw({ board: boardWith([small], ['b']), columns: 80 }))).toMatch(
    /^ Pulling 2 models {2,}from/,
  );
  expect(first(draw({ board: boardWith([done], ['b']), columns: 80 }))).toMatch(
    /^ Pulling 2 models, 1 of 2 done {2,}from/,
  );
});

test('what a failure has made it skip is no longer called waiting', () => {
  const board = { ...boardWith([failed, small], []), skipped: ['b', 'c'], count: 4 };
  const frame = draw({ board, columns: 80 });
  expect(frame).toMatch(/^ Pulling 4 models, 1 failed, 2 skipped {2,}from/);
  expect(frame).toContain('\n 2 skipped: b, c\n');
  expect(frame).not.toContain('waiting: ');
});

const anyBoard = fc
  .tuple(
    fc.array(anyState, { minLength: 1, maxLength: 5 }),
    fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { maxLength: 4 }),
  )
  .map(([pulls, waiting]) => boardWith(pulls, waiting));
const anyLook = fc.record({
  columns: fc.integer({ min: 1, max: 220 }),
  rows: fc.integer({ min: 1, max: 60 }),
  now: fc.nat(100_000),
  verb: fc.constantFrom('Pulling', 'Pushing', 'Creating'),
});

test('of any boards no line is as wide as the terminal, and the lines are fewer than its rows', () => {
  fc.assert(
    fc.property(anyBoard, anyLook, fc.boolean(), (board, look, unicode) => {
      const frame = drawFrame({ ...ABOUT, ...look, board, signs: symbols(unicode) });
      expect(frame.length).toBeLessThanOrEqual(Math.max(1, look.rows - 1));
      for (const line of show(frame).split('\n')) {
        expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(1, look.columns - 1));
      }
    }),
    { numRuns: 200 },
  );
});

test('no name reaches a frame with a control or bidi character in it', () => {
  fc.assert(
    fc.property(anyBoard, anyLook, (board, look) => {
      for (const row of drawFrame({ ...ABOUT, ...look, board, signs: symbols(true) })) {
        for (const { text } of row) expect(text).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
      }
    }),
  );
});
