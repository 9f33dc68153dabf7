import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { countRows, diffFrames, openSurface } from '../../../src/views/pull/surface.js';
import type { Surface } from '../../../src/views/pull/surface.js';
import { openScreen } from '../screen.js';
import type { Screen } from '../screen.js';

let surface: Surface | undefined;
afterEach(() => surface?.close());

/** A surface on a screen, whose clock is always late enough for the next frame. */
function open(screen: Screen, env = {}, redraw: () => void = () => undefined): Surface {
  let now = 0;
  surface = openSurface(screen.stream, env, redraw, () => (now += 1_000));
  return surface;
}

const anyFrame = fc
  .array(fc.constantFrom('', 'total', 'a layer', 'another layer', '━━━╸──'), { minLength: 1, maxLength: 8 })
  .filter((lines) => lines.join('\n') !== '');

test('after any frames the screen shows the last one, below what stood there before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 6 }), async (frames) => {
      const screen = openScreen(40, 12);
      screen.stream.write('before\n');
      const { stdout, close } = open(screen);
      for (const frame of frames) stdout.write(frame.join('\n'));
      expect(await screen.all()).toBe(['before', ...(frames.at(-1) ?? [])].join('\n').trimEnd());
      close();
      screen.stream.write('after\n');
      expect(await screen.all()).toBe('before\nafter');
    }),
    { numRuns: 60 },
  );
});

describe('diffFrames', () => {
  test('writes nothing where nothing changed', () => {
    expect(diffFrames(['a', 'b'], ['a', 'b'])).toBe('');
  });

  test('writes the lines that changed and no other', () => {
    expect(diffFrames(['a', 'b', 'c', 'd'], ['a', 'B', 'c', 'd'])).toBe('\u001b[3A\rB\u001b[K\n\n\n');
  });
});

test.each([
  [['x'.repeat(80), 'short', ''], 40, 4],
  [['x'.repeat(81)], 40, 3],
  [['\u001b[36m' + '━'.repeat(40) + '\u001b[39m'], 40, 1],
])('%# counts the rows of broken lines', (lines, columns, rows) => {
  expect(countRows(lines, columns)).toBe(rows);
});

test('the cursor is hidden while something is drawn, and shown again by close', async () => {
  const screen = openScreen(40);
  const { stdout, close } = open(screen);
  expect(screen.writes).toEqual([]);
  stdout.write('frame');
  expect(screen.cursorVisible()).toBe(false);
  close();
  close();
  expect(screen.cursorVisible()).toBe(true);
  expect(screen.writes.filter((text) => text.includes('\u001b[?25h'))).toHaveLength(1);
  stdout.write('late');
  expect(await screen.all()).toBe('');
});

test('a surface that never drew writes nothing at its end', () => {
  const screen = openScreen(40);
  open(screen).close();
  expect(screen.writes).toEqual([]);
});

test('a stream that has ended is left alone', () => {
  const screen = openScreen(40);
  const { stdout, close } = open(screen);
  stdout.write('frame');
  screen.stream.end();
  stdout.write('next frame');
  expect(close).not.toThrow();
});

test('in a terminal that got narrower the broken lines go, and what stood above stays', async () => {
  const screen = openScreen(80);
  screen.stream.write('before\n');
  const wide = ['x'.repeat(79), 'y'.repeat(79)];
  const { stdout } = open(screen, {}, () => stdout.write('x\ny'));
  stdout.write(wide.join('\n'));
  await screen.resize(30, 24);
  expect(await screen.all()).toBe('before\nx\ny');
  await screen.resize(100, 24);
  expect(await screen.all()).toBe('before\nx\ny');
});

test('a terminal that cuts lines instead of breaking them loses nothing of what stood above', async () => {
  const screen = openScreen(80);
  const { stdout } = open(screen, { XTERM_VERSION: 'XTerm(390)' });
  stdout.write('x'.repeat(79));
  await screen.resize(30, 24);
  expect(screen.writes.join('')).toContain('\u001b[1A\r\u001b[J');
  expect(screen.writes.join('')).not.toContain('\u001b[3A');
});

test('its size is the terminal’s, or the one asked for in the environment', () => {
  const screen = openScreen(91, 33);
  expect(open(screen)).toMatchObject({ columns: 91, rows: 33 });
  surface?.close();
  expect(open(screen, { OLLAMA_CLI_FORCE_TTY: '60' }).stdout.columns).toBe(60);
});
