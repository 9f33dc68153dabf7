import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Io, OutputStream } from '../../src/io.js';
import { decideMode, isCi, isTerminal, terminalWidth } from '../../src/output/mode.js';

type Env = Io['env'];

const pipe: OutputStream = new PassThrough();
function terminal(columns?: number): OutputStream {
  return Object.assign(new PassThrough(), { isTTY: true }, columns === undefined ? {} : { columns });
}

describe('decideMode', () => {
  const TTY = terminal(80);
  const asked = { json: false, accessible: false, env: { TERM: 'xterm' } as Env };

  it.each([
    ['a terminal is drawn on', { ...asked, stream: TTY }, 'tty'],
    ['a pipe gets plain lines', { ...asked, stream: pipe }, 'plain'],
    ['--json is json in a terminal', { ...asked, json: true, stream: TTY }, 'json'],
    ['--json is json with --accessible', { ...asked, json: true, accessible: true, stream: TTY }, 'json'],
    ['--accessible is plain', { ...asked, accessible: true, stream: TTY }, 'plain'],
    ['a dumb terminal is plain', { ...asked, env: { TERM: 'dumb' }, stream: TTY }, 'plain'],
    ['a terminal in CI is plain', { ...asked, env: { CI: 'true' }, stream: TTY }, 'plain'],
    ['without TERM, as on Windows, a terminal is one', { ...asked, env: {}, stream: TTY }, 'tty'],
    ['a forced terminal is one', { ...asked, env: { OLLAMA_CLI_FORCE_TTY: '80' }, stream: pipe }, 'tty'],
    [
      'a forced terminal is one in CI too',
      { ...asked, env: { OLLAMA_CLI_FORCE_TTY: '80', CI: '1', TERM: 'dumb' }, stream: pipe },
      'tty',
    ],
    [
      'a forced terminal obeys --accessible',
      { ...asked, accessible: true, env: { OLLAMA_CLI_FORCE_TTY: '80' }, stream: pipe },
      'plain',
    ],
    ['forcing can be off', { ...asked, env: { OLLAMA_CLI_FORCE_TTY: '0' }, stream: pipe }, 'plain'],
  ])('%s', (_, from, mode) => {
    expect(decideMode(from)).toBe(mode);
  });
});

describe('isCi', () => {
  it.each<[Env, boolean]>([
    [{}, false],
    [{ CI: 'true' }, true],
    [{ CI: '1' }, true],
    [{ CI: '' }, true],
    [{ CI: 'false' }, false],
    [{ CI: '0' }, false],
    [{ CI: undefined }, false],
    [{ CONTINUOUS_INTEGRATION: 'true' }, true],
    [{ BUILD_NUMBER: '12' }, true],
    [{ RUN_ID: 'x' }, true],
    [{ BUILD_NUMBER: '' }, false],
    [{ RUN_ID: '' }, false],
  ])('for %j says %s', (env, ci) => {
    expect(isCi(env)).toBe(ci);
  });
});

describe('isTerminal and terminalWidth', () => {
  it.each<[string, OutputStream, Env, boolean, number]>([
    ['a terminal has its own width', terminal(120), { COLUMNS: '40' }, true, 120],
    ['a terminal that does not know its width', terminal(), {}, true, 80],
    ['a terminal that says 0', terminal(0), {}, true, 80],
    ['a pipe', pipe, {}, false, 80],
    ['a pipe with COLUMNS', pipe, { COLUMNS: '100' }, false, 100],
    ['nonsense in COLUMNS', pipe, { COLUMNS: 'wide' }, false, 80],
    ['a forced terminal', pipe, { OLLAMA_CLI_FORCE_TTY: '60', COLUMNS: '100' }, true, 60],
    ['a forced width on a real terminal', terminal(120), { OLLAMA_CLI_FORCE_TTY: '60' }, true, 60],
    ['a terminal forced without a width', terminal(120), { OLLAMA_CLI_FORCE_TTY: 'true' }, true, 120],
    ['the narrowest', pipe, { OLLAMA_CLI_FORCE_TTY: '10' }, true, 10],
    ['narrower than a table can be', pipe, { OLLAMA_CLI_FORCE_TTY: '1' }, true, 80],
    ['no whole number', pipe, { COLUMNS: '40.5' }, false, 80],
    ['forcing off', pipe, { OLLAMA_CLI_FORCE_TTY: 'false' }, false, 80],
    ['forcing empty', pipe, { OLLAMA_CLI_FORCE_TTY: '' }, false, 80],
  ])('%s', (_, stream, env, isTTY, width) => {
    expect(isTerminal(stream, env)).toBe(isTTY);
    expect(terminalWidth(stream, env)).toBe(width);
  });
});
