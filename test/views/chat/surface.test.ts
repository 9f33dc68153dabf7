import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countPushed, openSurface, paintOver } from '../../../src/views/chat/surface.js';
import { openScreen } from '../screen.js';

const frame = (lines: readonly string[], x = 0, y = 0) => ({ lines, cursor: { x, y } });

const trimRows = (text: string): string => text.replaceAll(/ +$/gm, '').trimEnd();

describe('painting', () => {
  test('writes only what changed', () => {
    const before = frame(['one', 'two', 'three'], 1, 2);
    expect(paintOver(before, [], before)).toBe('');
    expect(paintOver(before, [], frame(['one', 'two', 'three'], 2, 2))).toBe('\x1b[3G');
    const change = paintOver(before, [], frame(['one', 'TWO', 'three'], 1, 2));
    expect(change).toContain('TWO');
    expect(change).not.toContain('one');
    expect(change).not.toContain('three');
  });

  test('does not write a row again that becomes final where it stands', () => {
    const change = paintOver(frame(['one', 'two', 'box']), ['one'], frame(['two', 'box']));
    expect(change).toBe('\x1b[1B\x1b[1G');
  });

  const line = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '日', 'é'), maxLength: 9 });
  const lines = fc.array(line, { minLength: 1, maxLength: 5 });

  test('leaves the same on the screen, however frames follow one another, and loses no final row', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ settled: fc.array(line, { maxLength: 9 }), live: lines }), { maxLength: 8 }),
        async (steps) => {
          const screen = openScreen(20, 6);
          const surface = openSurface(screen.stream, {}, () => undefined);
          const all: string[] = [];
          for (const { settled, live } of steps) {
            all.push(...settled);
            surface.paint(settled, frame(live, 0, live.length - 1));
            expect(trimRows(await screen.all())).toBe(trimRows([...all, ...live].join('\n')));
          }
          surface.close();
          expect(trimRows(await screen.all())).toBe(trimRows(all.join('\n')));
          expect(screen.cursorVisible()).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a cleared screen shows the live part alone, and what was there has scrolled away', async () => {
    const screen = openScreen(20, 6);
    const surface = openSurface(screen.stream, {}, () => undefined);
    surface.paint(['one', 'two'], frame(['live']));
    surface.clear();
    surface.paint([], frame(['live']));
    expect(await screen.text()).toBe('live');
    expect(await screen.all()).toMatch(/^one\ntwo\n/);
  });

  test('writes nothing once it is closed', () => {
    const screen = openScreen(20, 6);
    const surface = openSurface(screen.stream, {}, () => undefined);
    surface.paint([], frame(['live']));
    surface.close();
    const count = screen.writes.length;
    surface.paint(['late'], frame(['live']));
    surface.close();
    expect(screen.writes).toHaveLength(count);
  });
});

test('a narrower terminal has pushed the cursor down by the lines it broke above it', () => {
  const wide = { lines: ['', 'x'.repeat(80), 'x'.repeat(30), 'x'.repeat(80)], cursor: { x: 45, y: 2 } };
  expect(countPushed(wide, 80, false)).toBe(0);
  expect(countPushed(wide, 40, false)).toBe(2);
  expect(countPushed(wide, 20, false)).toBe(5);
  expect(countPushed(wide, 80, true)).toBe(0);
  expect(countPushed(wide, 20, true)).toBe(7);
});
