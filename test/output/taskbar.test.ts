import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openTaskbar, showsProgress, taskbarState } from '../../src/output/taskbar.js';
import { boardOf } from '../../src/core/pull-board.js';
import { startPull } from '../../src/core/pull.js';
import { boardWith, done, failed, NOW, pullOf, small, status } from '../views/pull/pulls.js';
import { openScreen } from '../views/screen.js';

describe('a terminal is known to show progress', () => {
  test.each<[boolean, Record<string, string>]>([
    [false, {}],
    [false, { TERM: 'xterm-256color' }],
    [true, { WT_SESSION: '6d8e' }],
    [true, { ConEmuANSI: 'ON' }],
    [false, { ConEmuANSI: 'OFF' }],
    [true, { TERM_PROGRAM: 'ghostty', TERM_PROGRAM_VERSION: '1.2.0' }],
    [true, { TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.6.6' }],
    [true, { TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.10.0beta1' }],
    [true, { TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '4.0' }],
    [false, { TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.6.5' }],
    [false, { TERM_PROGRAM: 'iTerm.app', TERM_PROGRAM_VERSION: '3.5.14' }],
    [false, { TERM_PROGRAM: 'iTerm.app' }],
    [true, { TERM_PROGRAM: 'WezTerm', TERM_PROGRAM_VERSION: '20250301-000000-abcdef12' }],
    [false, { TERM_PROGRAM: 'WezTerm', TERM_PROGRAM_VERSION: '20240203-110809-5046fc22' }],
    [true, { VTE_VERSION: '8000' }],
    [false, { VTE_VERSION: '7600' }],
    [false, { VTE_VERSION: 'new' }],
    [false, { TERM_PROGRAM: 'Apple_Terminal' }],
    [false, { WT_SESSION: '6d8e', TMUX: '/tmp/tmux-0/default,1,0' }],
    [false, { TERM_PROGRAM: 'ghostty', STY: '123.pts-0' }],
    [false, { VTE_VERSION: '8000', TERM: 'screen-256color' }],
  ])('%s: %j', (known, env) => {
    expect(showsProgress(env)).toBe(known);
  });
});

test.each([
  ['nothing is known yet', boardOf(startPull('tiny', 0)), '3'],
  ['bytes come', boardOf(small), '1;61'],
  ['the server verifies', boardOf(pullOf('a', [1, status('verifying sha256 digest')])), '3'],
  ['one verifies while another moves', boardWith([{ ...done, phase: 'verifying' }, small]), '1;68'],
  ['one has failed', boardWith([failed, small]), '2;78'],
  ['all is there', boardOf(done), '1;100'],
])('where %s the state is %s', (_, board, state) => {
  expect(taskbarState(board, NOW)).toBe(state);
});

describe('on a terminal that shows it', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const env = { WT_SESSION: 'a' };
  const now = () => NOW;
  const said = (text: string) => `\u001b]9;4;${text}\u0007`;

  test('a state is told once, told again before it is forgotten, and taken away at the end', () => {
    const { stream, writes } = openScreen(80);
    const taskbar = openTaskbar({ stream, env, now });
    taskbar.show(boardOf(small));
    taskbar.show(boardOf(small));
    expect(writes).toEqual([said('1;61')]);
    vi.advanceTimersByTime(11_000);
    expect(writes).toEqual([said('1;61'), said('1;61'), said('1;61')]);
    taskbar.close();
    taskbar.close();
    taskbar.show(boardOf(done));
    vi.advanceTimersByTime(60_000);
    expect(writes.slice(3)).toEqual([said('0')]);
  });

  test('it is gone as soon as the program is told to end', () => {
    const { stream, writes } = openScreen(80);
    const ending = new AbortController();
    const taskbar = openTaskbar({ stream, env, now, signal: ending.signal });
    taskbar.show(boardOf(small));
    ending.abort('SIGINT');
    taskbar.show(boardOf(done));
    taskbar.close();
    expect(writes).toEqual([said('1;61'), said('0')]);
  });

  test('what was never shown is not taken away', () => {
    const { stream, writes } = openScreen(80);
    openTaskbar({ stream, env, now }).close();
    expect(writes).toEqual([]);
  });
});

test('nothing is written elsewhere: to a terminal that is not known, or to no terminal', () => {
  const unknown = openScreen(80);
  openTaskbar({ stream: unknown.stream, env: {}, now: () => NOW }).show(boardOf(small));
  expect(unknown.writes).toEqual([]);
  const pipe = openScreen(80);
  Object.defineProperty(pipe.stream, 'isTTY', { value: false });
  openTaskbar({ stream: pipe.stream, env: { WT_SESSION: 'a' }, now: () => NOW }).show(boardOf(small));
  expect(pipe.writes).toEqual([]);
});
