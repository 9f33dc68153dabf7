import { PassThrough } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import type { Io } from '../../src/io.js';
import { openLook } from '../../src/output/look.js';
import type { LoadedModel } from '../../src/output/running-columns.js';
import { openPsView, type PsView } from '../../src/views/ps.js';
import { testIo } from '../support/io.js';
import { openScreen, type Screen } from './screen.js';

let view: PsView | undefined;
afterEach(() => view?.close());

const loaded = (name: string): LoadedModel => ({
  name,
  model: name,
  size: 1000,
  size_vram: 1000,
  digest: '',
  details: {},
  expires_at: '2318-01-01T00:00:00Z',
});

async function open(screen: Screen, first: readonly LoadedModel[]) {
  const modes: boolean[] = [];
  const told: string[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (raw: boolean) => modes.push(raw),
  });
  const io: Io = { ...testIo().io, stdin, stdout: screen.stream, interrupt: () => told.push('interrupt') };
  const look = await openLook(io, screen.stream, { color: 'never' });
  const options = { io, host: 'here', everyMs: 1000, look, onQuit: () => told.push('quit') };
  view = openPsView(options, first);
  return { view, modes, told, stdin };
}

test('the first frame is there when the view is opened, and later ones when something changed', async () => {
  const screen = openScreen(80);
  const { view: shown } = await open(screen, [loaded('a:1')]);
  expect(await screen.text()).toMatch(
    /^ 1 loaded on here +every 1s\n\n NAME .*\n a:1 .* forever\n\n q ends$/,
  );
  expect(screen.cursorVisible()).toBe(false);
  shown.show({ models: [loaded('a:1'), loaded('b:2')] });
  await vi.waitFor(async () => expect(await screen.text()).toContain(' 2 loaded'), 5000);
  shown.show({ error: new Error('broken \u001b[2J'), since: Date.now() });
  await vi.waitFor(async () => expect(await screen.text()).toContain('trying on: broken [2J'), 5000);
  expect(await screen.text()).toContain('b:2');
});

test('q quits, Ctrl-C interrupts, and other keys do nothing', async () => {
  const { stdin, told } = await open(openScreen(80), []);
  stdin.write('x\u001b[A');
  stdin.write('q');
  stdin.write('\u0003');
  await vi.waitFor(() => expect(told).toEqual(['quit', 'interrupt']), 5000);
  stdin.end();
  await vi.waitFor(() => expect(told).toEqual(['quit', 'interrupt', 'quit']), 5000);
});

test('closing wipes the view and gives the terminal back', async () => {
  const screen = openScreen(80);
  screen.stream.write('$ ollama-cli ps --watch\n');
  const { view: shown, modes, stdin } = await open(screen, [loaded('a:1')]);
  expect(modes).toEqual([true]);
  shown.close();
  expect(await screen.text()).toBe('$ ollama-cli ps --watch');
  expect(screen.cursorVisible()).toBe(true);
  expect(modes).toEqual([true, false]);
  expect(stdin.listenerCount('data')).toBe(0);
});
