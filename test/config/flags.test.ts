import { describe, expect, it } from 'vitest';
import { readFlags } from '../../src/config/flags.js';

describe('settings of the command line', () => {
  it('come as text or typed, and know their flag', () => {
    const { values } = readFlags({
      host: 'gpu',
      color: undefined,
      accessible: true,
      'timeouts.connect': '2s',
      'options.temperature': '0.2',
      'options.stop': ['a'],
    });
    expect(Object.fromEntries(values)).toEqual({
      host: { value: 'gpu', name: '--host' },
      accessible: { value: true, name: '--accessible' },
      'timeouts.connect': { value: 2000, name: '--timeout' },
      'options.temperature': { value: 0.2, name: '--option temperature' },
      'options.stop': { value: ['a'], name: '--option stop' },
    });
  });

  it.each([
    [{ color: 'red' }, '--color must be auto, always or never, not "red"'],
    [
      { keep_alive: 'x' },
      '--keep-alive must be a duration such as 5m, a number of seconds, or -1 for ever, not "x"',
    ],
    [{ 'options.temperature': 'warm' }, '--option temperature must be a number of at least 0, not "warm"'],
    [{ 'options.warmth': '1' }, '"options.warmth" is not a setting'],
    [{ host: 'a:1', port: '2' }, '--port: port is there, and host says a port too; keep one'],
    [{ host: 'a', base_url: 'b' }, '--base-url: base_url and host are the same setting; keep one'],
  ])('%j is a usage error: %s', (flags, message) => {
    expect(() => readFlags(flags)).toThrow(expect.objectContaining({ code: 'usage', message }));
  });
});
