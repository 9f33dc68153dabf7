import { describe, expect, it } from 'vitest';
import type { Io } from '../../src/io.js';
import { colorLevel, type ColorFlag, type ColorLevel } from '../../src/output/color-level.js';

describe('colorLevel', () => {
  it.each<[string, ColorFlag | undefined, Io['env'], boolean, ColorLevel]>([
    ['a terminal has colours', undefined, {}, true, 1],
    ['a pipe has none', undefined, {}, false, 0],
    ['auto is no flag', 'auto', {}, false, 0],
    ['--color=never goes before FORCE_COLOR', 'never', { FORCE_COLOR: '3' }, true, 0],
    ['--color=always goes before NO_COLOR', 'always', { NO_COLOR: '1', TERM: 'dumb' }, false, 1],
    ['--color=always goes before FORCE_COLOR=0', 'always', { FORCE_COLOR: '0' }, false, 1],
    ['FORCE_COLOR goes before NO_COLOR', 'auto', { FORCE_COLOR: '1', NO_COLOR: '1' }, false, 1],
    ['FORCE_COLOR=0 is off', undefined, { FORCE_COLOR: '0' }, true, 0],
    ['FORCE_COLOR=false is off', undefined, { FORCE_COLOR: 'false', CLICOLOR_FORCE: '1' }, true, 0],
    ['FORCE_COLOR=2 is 256 colours', undefined, { FORCE_COLOR: '2' }, false, 2],
    ['FORCE_COLOR=3 is all', undefined, { FORCE_COLOR: '3', TERM: 'dumb' }, false, 3],
    [
      'FORCE_COLOR=true is what TERM can',
      undefined,
      { FORCE_COLOR: 'true', TERM: 'xterm-256color' },
      false,
      2,
    ],
    ['an empty FORCE_COLOR says nothing', undefined, { FORCE_COLOR: '' }, false, 0],
    ['NO_COLOR goes before CLICOLOR_FORCE', undefined, { NO_COLOR: '1', CLICOLOR_FORCE: '1' }, true, 0],
    ['NO_COLOR=0 is set, so it counts', undefined, { NO_COLOR: '0' }, true, 0],
    ['an empty NO_COLOR says nothing', undefined, { NO_COLOR: '' }, true, 1],
    ['CLICOLOR_FORCE goes before TERM=dumb', undefined, { CLICOLOR_FORCE: '1', TERM: 'dumb' }, false, 1],
    ['CLICOLOR_FORCE goes before CLICOLOR', undefined, { CLICOLOR_FORCE: '1', CLICOLOR: '0' }, false, 1],
    ['CLICOLOR_FORCE=0 says nothing', undefined, { CLICOLOR_FORCE: '0' }, false, 0],
    ['TERM=dumb has none', undefined, { TERM: 'dumb' }, true, 0],
    ['TERM=dumb goes before CLICOLOR=1', undefined, { TERM: 'dumb', CLICOLOR: '1' }, true, 0],
    ['CLICOLOR=0 has none', undefined, { CLICOLOR: '0' }, true, 0],
    ['CLICOLOR=1 in a pipe has none', undefined, { CLICOLOR: '1' }, false, 0],
    ['256 colours by TERM', undefined, { TERM: 'screen-256color' }, true, 2],
    ['all colours by COLORTERM', undefined, { TERM: 'xterm-256color', COLORTERM: 'truecolor' }, true, 3],
    ['all colours in Windows Terminal', undefined, { WT_SESSION: 'x' }, true, 3],
    ['CI on a terminal keeps its colours', undefined, { CI: '1' }, true, 1],
  ])('%s', (_, flag, env, isTTY, level) => {
    expect(colorLevel({ flag, env, isTTY })).toBe(level);
  });
});
