import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../../src/format/width.js';
import { createStyles } from '../../../src/output/styles.js';
import { symbols } from '../../../src/output/symbols.js';
import type { Block } from '../../../src/views/chat/blocks.js';
import { reduceComposer, startComposer } from '../../../src/views/chat/composer.js';
import { drawBlock } from '../../../src/views/chat/draw.js';
import { drawFrame } from '../../../src/views/chat/frame.js';
import { receiveEvents, startTurn } from '../../../src/views/chat/turn.js';
import { countPushed } from '../../../src/views/chat/surface.js';
import { listHelp } from '../../../src/chat/commands.js';

const look = (unicode = true) => ({ styles: createStyles(0), signs: symbols(unicode), unicode });
const write = (text: string) => reduceComposer(startComposer([]), { type: 'insert', text });
const turn = receiveEvents(startTurn(0), [{ type: 'token', text: 'word '.repeat(400) }], 1);

describe('the live part', () => {
  test('is the composer in its box, with the cursor in it and the state below', () => {
    const frame = drawFrame(
      { composer: write('hello'), turn: undefined, status: ['a', 'b'] },
      24,
      24,
      look(),
    );
    expect(frame.lines).toEqual([
      '',
      '╭──────────────────────╮',
      '│ › hello              │',
      '╰──────────────────────╯',
      ' a · b',
    ]);
    expect(frame.cursor).toEqual({ x: 9, y: 2 });
  });

  test('has ASCII forms', () => {
    const { lines } = drawFrame(
      { composer: write('hi'), turn: undefined, status: ['a', 'b'] },
      24,
      24,
      look(false),
    );
    expect(lines.join('\n')).toMatch(/^[\n -~]*$/);
    expect(lines.slice(1, 4)).toEqual([
      '+----------------------+',
      '| > hi                 |',
      '+----------------------+',
    ]);
  });

  test('shows the rows of a long text that are around the cursor', () => {
    const text = Array.from({ length: 40 }, (_, index) => `line ${index}`).join('\n');
    const end = drawFrame({ composer: write(text), turn: undefined, status: [] }, 40, 12, look());
    expect(end.lines.join('\n')).toContain('line 39');
    expect(end.lines.join('\n')).not.toContain('line 0 ');
    const top = drawFrame(
      { composer: { ...write(text), cursor: 0 }, turn: undefined, status: [] },
      40,
      12,
      look(),
    );
    expect(top.lines[2]).toContain('› line 0');
    expect(top.cursor).toEqual({ x: 4, y: 2 });
  });

  test.each([1, 2, 3, 5, 8, 9, 10, 15, 24, 60])(
    'is lower than a screen of %i rows and no wider than it',
    (rows) => {
      for (const columns of [10, 19, 20, 40, 80, 200]) {
        const live = {
          composer: write('日本語 text\n'.repeat(30)),
          turn,
          status: ['state', 'x'.repeat(300)],
        };
        const frame = drawFrame(live, columns, rows, look());
        expect(frame.lines.length).toBeLessThan(Math.max(2, rows));
        for (const line of frame.lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
        expect(frame.cursor.y).toBeLessThan(frame.lines.length);
        expect(frame.cursor.x).toBeLessThan(columns);
      }
    },
  );
});

describe('blocks in the scrollback', () => {
  const blocks: readonly Block[] = [
    { kind: 'header', parts: ['a-model-with-a-long-name:latest on 127.0.0.1:11434', 'context 40k', '/help'] },
    { kind: 'prompt', text: 'Why?\n'.repeat(3) + '日本語'.repeat(40) },
    { kind: 'thought', text: 'thought for 2.1s' },
    { kind: 'note', text: 'a note '.repeat(30) },
    { kind: 'help', groups: listHelp() },
    { kind: 'failure', message: 'it broke '.repeat(20), hint: 'try this '.repeat(20) },
    {
      kind: 'facts',
      facts: [
        { text: '43 tokens', rank: 1, warn: false },
        { text: 'x', rank: 2, warn: true },
      ],
    },
  ];

  test.each([20, 40, 80, 200])('fit %i columns', (columns) => {
    for (const block of blocks) {
      for (const line of drawBlock(block, columns, 24, look())) {
        expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('have ASCII forms', () => {
    const drawn = blocks.flatMap((block) => drawBlock(block, 80, 24, look(false))).join('\n');
    expect(drawn.replaceAll(/[日本語]/g, '')).toMatch(/^[\n -~]*$/);
  });

  test('of one answer join without a gap', () => {
    expect(drawBlock({ kind: 'answer', rows: ['a', 'b'], first: true }, 80, 24, look())).toEqual([
      '',
      '  a',
      '  b',
    ]);
    expect(drawBlock({ kind: 'answer', rows: ['c'], first: false }, 80, 24, look())).toEqual(['  c']);
  });

  test('of the models mark the one in use, and are cleaned', () => {
    const block: Block = { kind: 'models', names: ['a', 'b\u001B[2J'], current: 'a' };
    expect(drawBlock(block, 80, 24, look())).toEqual(['', '  › a', '    b[2J']);
  });
});

test('a narrower terminal has pushed the cursor down by the lines it broke above it', () => {
  const frame = { lines: [], widths: [0, 80, 30, 80], cursor: { x: 45, y: 2 } };
  expect(countPushed(frame, 80, false)).toBe(0);
  expect(countPushed(frame, 40, false)).toBe(2);
  expect(countPushed(frame, 20, false)).toBe(5);
  expect(countPushed(frame, 80, true)).toBe(0);
  expect(countPushed(frame, 20, true)).toBe(7);
});
