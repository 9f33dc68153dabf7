import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Block } from '../../../src/chat/blocks.js';
import { SLASH_COMMANDS } from '../../../src/chat/slash-commands.js';
import { displayWidth } from '../../../src/format/width.js';
import { openPlainText } from '../../../src/markdown/plain-text.js';
import { createStyles } from '../../../src/output/styles.js';
import { symbols } from '../../../src/output/symbols.js';
import { drawChoice, findChoice, moveChoice } from '../../../src/views/chat/choice.js';
import { reduceComposer } from '../../../src/views/chat/composer.js';
import { startComposer } from '../../../src/views/chat/composer-state.js';
import type { Composer } from '../../../src/views/chat/composer-state.js';
import { drawBlock } from '../../../src/views/chat/draw.js';
import type { Look } from '../../../src/views/chat/draw.js';
import { drawFrame } from '../../../src/views/chat/frame.js';
import type { Live } from '../../../src/views/chat/frame.js';
import { tellBlock } from '../../../src/views/chat/tell.js';

const look = (unicode = true, width = 76): Look => ({
  styles: createStyles(0),
  signs: symbols(unicode),
  unicode,
  openText: () => openPlainText({ width: () => width }),
});
const write = (text: string): Composer => reduceComposer(startComposer([]), { type: 'insert', text });
const live = (fields: Partial<Live> = {}): Live => ({
  composer: write(''),
  tail: () => undefined,
  asking: undefined,
  status: [],
  ...fields,
});
const rows = (count: number, text: string): string[] => Array.from({ length: count }, () => text);
const busy = (most: number) => ({
  answer: rows(40, 'answer').slice(-most),
  isFirst: true,
  thought: rows(3, 'hm'),
  isUnfolded: false,
  calls: [`look_up ${'x'.repeat(300)}`],
});
const question = {
  title: 'This is more than the model can read at once.',
  details: ['It has 4,096 tokens of 2,048. '.repeat(8), 'One more line.'],
  choices: [
    { key: 'drop', label: 'drop the oldest turns', letter: 'd' },
    { key: 'compact', label: `summarise them ${'x'.repeat(100)}`, letter: 's' },
    { key: 'stop', label: 'stop', letter: 'n' },
  ],
};

describe('the live part', () => {
  test('is the composer in its box, with the cursor in it and the state below', () => {
    const frame = drawFrame(live({ composer: write('hello'), status: ['a', 'b'] }), 24, 24, look());
    expect(frame.lines).toEqual([
      '',
      '╭──────────────────────╮',
      '│ › hello              │',
      '╰──────────────────────╯',
      ' a · b',
    ]);
    expect(frame.cursor).toEqual({ x: 9, y: 2 });
  });

  test('tells the parts of the state that fit, each of them whole', () => {
    const status = ['loading the model, 12s', 'Ctrl-C stops', 'x'];
    expect(drawFrame(live({ status }), 30, 24, look()).lines.at(-1)).toBe(' loading the model, 12s · x');
    expect(drawFrame(live({ status }), 21, 24, look()).lines.at(-1)).toBe(' loading the model, …');
  });

  test('has ASCII forms', () => {
    const { lines } = drawFrame(live({ composer: write('hi'), tail: busy }), 24, 24, look(false));
    expect(lines.join('\n')).toMatch(/^[\n -~]*$/);
    expect(lines.slice(-4, -1)).toEqual([
      '+----------------------+',
      '| > hi                 |',
      '+----------------------+',
    ]);
  });

  test('shows the rows of a long text that are around the cursor', () => {
    const text = Array.from({ length: 40 }, (_, index) => `line ${index}`).join('\n');
    const end = drawFrame(live({ composer: write(text) }), 40, 12, look());
    expect(end.lines.join('\n')).toContain('line 39');
    expect(end.lines.join('\n')).not.toContain('line 0 ');
    const top = drawFrame(live({ composer: { ...write(text), cursor: 0 } }), 40, 12, look());
    expect(top.lines[2]).toContain('› line 0');
    expect(top.cursor).toEqual({ x: 4, y: 2 });
  });

  test('names what is on its way: the last of a thought, the answer behind it, a call', () => {
    const tail = () => ({
      answer: ['first row'],
      isFirst: true,
      thought: ['hm'],
      isUnfolded: false,
      calls: ['f {}'],
    });
    const { lines } = drawFrame(live({ tail }), 40, 24, look());
    expect(lines.slice(0, 7)).toEqual(['', '  ▸ thinking', '    hm', '', '  first row', '', '  · f {}']);
  });

  test('offers what Tab may put in, and says how many more there are', () => {
    const options = Array.from({ length: 9 }, (_, index) => `model-${index}`);
    const composer: Composer = { ...write('/model '), offer: { from: 7, to: 7, options, chosen: 1 } };
    const { lines } = drawFrame(live({ composer }), 40, 24, look());
    expect(lines).toContain('    model-0');
    expect(lines).toContain('  › model-1');
    expect(lines.at(-2)).toBe('    model-5  … 3 more');
  });

  test.each([1, 2, 3, 4, 5, 8, 9, 10, 15, 24, 60])(
    'is lower than a screen of %i rows and no wider than it',
    (height) => {
      for (const columns of [10, 19, 20, 40, 80, 200]) {
        const composer = write('日本語 text\n'.repeat(30));
        const status = ['state', 'x'.repeat(300)];
        const offer = { from: 0, to: 0, options: rows(20, '日本語'.repeat(50)), chosen: 19 };
        for (const state of [
          live({ composer, tail: busy, status }),
          live({ composer: { ...composer, offer }, tail: busy, status }),
          live({ composer, tail: busy, status, asking: { question, selected: 2 } }),
        ]) {
          const frame = drawFrame(state, columns, height, look(true, columns - 4));
          expect(frame.lines.length).toBeLessThan(Math.max(2, height));
          for (const line of frame.lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
          expect(frame.cursor.y).toBeLessThan(frame.lines.length);
          expect(frame.cursor.x).toBeLessThan(columns);
        }
      }
    },
  );
});

describe('a question', () => {
  test('stands in the place of the composer, its first choice marked', () => {
    const short = { ...question, details: ['4,096 tokens of 2,048.'], choices: question.choices.slice(0, 1) };
    const { lines, cursor } = drawFrame(
      live({ asking: { question: short, selected: 0 }, status: ['Esc turns away'] }),
      60,
      24,
      look(),
    );
    expect(lines).toEqual([
      '',
      '  This is more than the model can read at once.',
      '  4,096 tokens of 2,048.',
      '',
      '  › d  drop the oldest turns',
      '',
      ' Esc turns away',
    ]);
    expect(cursor).toEqual({ x: 2, y: 4 });
  });

  test('keeps its choices where its details do not fit, and says that there are more', () => {
    const { lines } = drawChoice({ question, selected: 0 }, 40, 8, look());
    expect(lines).toHaveLength(8);
    expect(lines.join('\n')).toMatch(/more rows\n\n {2}› d {2}drop the oldest turns\n {4}s {2}summarise/);
  });

  test('has its choices whole where there are rows for them, else a row each', () => {
    const long = { key: 'w', letter: 'w', label: 'a larger window: num_ctx 512 (it fits the memory)' };
    const asking = { question: { ...question, details: [], choices: [long, long] }, selected: 1 };
    const { lines, cursor } = drawChoice(asking, 40, 12, look());
    expect(lines.slice(2)).toEqual([
      '    w  a larger window: num_ctx 512',
      '       (it fits the memory)',
      '  › w  a larger window: num_ctx 512',
      '       (it fits the memory)',
    ]);
    expect(cursor.y).toBe(4);
    const cut = drawChoice(asking, 40, 4, look());
    expect(cut.lines.slice(2)).toEqual([
      '    w  a larger window: num_ctx 512 (…',
      '  › w  a larger window: num_ctx 512 (…',
    ]);
  });

  test('is answered by letter or number, and its marks go round', () => {
    expect(findChoice(question, 'S')?.key).toBe('compact');
    expect(findChoice(question, '3')?.key).toBe('stop');
    expect(findChoice(question, '0')).toBeUndefined();
    expect(findChoice(question, 'x')).toBeUndefined();
    expect(moveChoice({ question, selected: 0 }, -1).selected).toBe(2);
    expect(moveChoice({ question, selected: 2 }, 1).selected).toBe(0);
  });

  test('never needs more rows than there are, and always shows the marked choice', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 10, max: 100 }),
        fc.integer({ min: 0, max: 2 }),
        (most, columns, selected) => {
          const { lines, cursor } = drawChoice({ question, selected }, columns, most, look());
          expect(lines.length).toBeLessThanOrEqual(most);
          expect(lines[cursor.y]).toContain('›');
        },
      ),
    );
  });
});

const BLOCKS: readonly Block[] = [
  { kind: 'header', parts: ['a-model-with-a-long-name:latest on 127.0.0.1:11434', 'context 40k', '/help'] },
  { kind: 'prompt', text: 'Why?\n'.repeat(3) + '日本語'.repeat(40) },
  { kind: 'thought', title: 'thought for 2.1s', text: 'hm' },
  { kind: 'message', text: 'an answer' },
  { kind: 'note', text: 'a note '.repeat(30) },
  { kind: 'warning', text: 'a warning '.repeat(30) },
  {
    kind: 'tool',
    call: `get_time ${'{"city":"Rome"} '.repeat(30)}`,
    outcome: '12:30 '.repeat(60),
    isError: false,
  },
  { kind: 'tool', call: 'get_time {}', outcome: 'failed: no', isError: true },
  { kind: 'pairs', groups: [SLASH_COMMANDS.flatMap(({ help }) => help), [['a', 'b']]] },
  { kind: 'models', names: ['a', 'b'], current: 'a' },
  { kind: 'failure', message: 'it broke '.repeat(20), hint: 'try this '.repeat(20) },
  {
    kind: 'facts',
    facts: [
      { text: '43 tokens', rank: 1, warn: false },
      { text: 'x', rank: 2, warn: true },
    ],
  },
];

describe('blocks in the scrollback', () => {
  test.each([20, 40, 80, 200])('fit %i columns', (columns) => {
    for (const block of BLOCKS) {
      for (const line of drawBlock(block, columns, look(true, columns - 4))) {
        expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('have ASCII forms', () => {
    const drawn = BLOCKS.flatMap((block) => drawBlock(block, 80, look(false))).join('\n');
    expect(drawn.replaceAll(/[日本語]/g, '')).toMatch(/^[\n -~]*$/);
  });

  test('of the models mark the one in use, and are cleaned', () => {
    const block: Block = { kind: 'models', names: ['a', 'b\u001B[2J'], current: 'a' };
    expect(drawBlock(block, 80, look())).toEqual(['', '  › a', '    b[2J']);
  });

  test('of a call are its beginning and one row of what came of it', () => {
    const [, call, ...others] = drawBlock(
      { kind: 'tool', call: 'f {"a":1}', outcome: 'x'.repeat(200), isError: true },
      40,
      look(),
    );
    expect(call).toBe('  ✗ f {"a":1}');
    expect(others).toEqual([`    ${'x'.repeat(33)}…`]);
  });
});

test('in plain lines each block is told without a sign', () => {
  const told = BLOCKS.flatMap((block) => tellBlock(block, look(false).openText)).join('\n');
  expect(told).not.toMatch(/[›▸✓✗·…]/);
  for (const words of [
    'warning: a warning',
    'error: it broke',
    'called get_time',
    'failed to call get_time {}',
    'a (in use)',
    '(43 tokens, x)',
  ]) {
    expect(told).toContain(words);
  }
});
