import { describe, expect, it } from 'vitest';
import type { Io } from '../../src/io.js';
import { supportsUnicode, symbols } from '../../src/output/symbols.js';

describe('symbols', () => {
  it('has an ASCII form of every sign', () => {
    const ascii = Object.values(symbols(false)).flat();
    expect(ascii.filter((sign) => !/^[ -~]+$/.test(sign))).toEqual([]);
    expect(symbols(false)).toMatchObject({
      barFull: '#',
      barEmpty: '-',
      check: '[ok]',
      warn: '[!]',
      cross: '[x]',
    });
    expect(symbols(true)).toMatchObject({
      barFull: '━',
      barHalf: '╸',
      barEmpty: '─',
      check: '✓',
      cross: '✗',
    });
  });

  it.each([true, false])('draws bars and spinner in signs of one cell (unicode: %s)', (unicode) => {
    const { barFull, barHalf, barEmpty, spinner } = symbols(unicode);
    expect([barFull, barHalf, barEmpty, ...spinner].map((sign) => sign.length)).toEqual(
      Array.from({ length: 3 + spinner.length }, () => 1),
    );
  });
});

describe('supportsUnicode', () => {
  it.each<[NodeJS.Platform, Io['env'], boolean]>([
    ['linux', {}, true],
    ['linux', { LANG: 'en_US.UTF-8' }, true],
    ['linux', { LANG: 'C.UTF-8' }, true],
    ['linux', { LANG: 'C.utf8' }, true],
    ['linux', { LANG: 'de_DE' }, true],
    ['linux', { LANG: 'C' }, false],
    ['linux', { LANG: 'POSIX' }, false],
    ['linux', { LANG: 'de_DE.ISO-8859-15@euro' }, false],
    ['linux', { LANG: 'de_DE.UTF-8@euro' }, true],
    ['linux', { LC_ALL: 'C', LANG: 'en_US.UTF-8' }, false],
    ['linux', { LC_ALL: 'C', LC_CTYPE: 'en_US.UTF-8' }, false],
    ['linux', { LC_CTYPE: 'C', LANG: 'en_US.UTF-8' }, false],
    ['linux', { LC_ALL: '', LC_CTYPE: '', LANG: 'C' }, false],
    ['linux', { TERM: 'linux', LANG: 'en_US.UTF-8' }, false],
    ['darwin', { LANG: 'C' }, false],
    ['darwin', { TERM: 'xterm-256color' }, true],
    ['win32', {}, false],
    ['win32', { LANG: 'en_US.UTF-8' }, false],
    ['win32', { WT_SESSION: 'x' }, true],
    ['win32', { TERMINUS_SUBLIME: '1' }, true],
    ['win32', { ConEmuTask: '{cmd::Cmder}' }, true],
    ['win32', { ConEmuTask: '{other}' }, false],
    ['win32', { TERM_PROGRAM: 'vscode' }, true],
    ['win32', { TERM: 'alacritty' }, true],
    ['win32', { TERM: 'cygwin' }, false],
    ['win32', { TERMINAL_EMULATOR: 'JetBrains-JediTerm' }, true],
  ])('on %s with %j says %s', (platform, env, unicode) => {
    expect(supportsUnicode(env, platform)).toBe(unicode);
  });
});
