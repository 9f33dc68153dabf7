import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseParameters } from '../../src/core/parameters.js';
import { readBody } from './recorded.js';

test.each([
  ['', {}],
  ['temperature                    0.1', { temperature: 0.1 }],
  [
    'num_ctx 512\nseed -1\ntop_p 1e-3\nmin_p .5\nx +2.',
    { num_ctx: 512, seed: -1, top_p: 0.001, min_p: 0.5, x: 2 },
  ],
  ['stop "user:"', { stop: ['user:'] }],
  ['stop user:', { stop: ['user:'] }],
  ['stop 42', { stop: ['42'] }],
  ['stop "a"\nstop "b c "', { stop: ['a', 'b c '] }],
  ['use_mmap true\r\npenalize_newline false', { use_mmap: true, penalize_newline: false }],
  ['name plain words', { name: 'plain words' }],
  ['twice 1\ntwice 2\ntwice 3', { twice: ['1', '2', '3'] }],
  ['\n  \nalone\nseed 1', { seed: 1 }],
  ['__proto__ 1', JSON.parse('{"__proto__": 1}')],
])('reads %j', (text, expected) => {
  expect(parseParameters(text)).toEqual(expected);
});

test.each([
  [String.raw`"\"\\"`, '"\\'],
  [String.raw`"\n\t\r\a\b\f\v"`, '\n\t\r\x07\b\f\v'],
  [String.raw`"\x1b[0m"`, '\x1b[0m'],
  [String.raw`"\u00e9\u2028"`, 'é\u2028'],
  [String.raw`"\U0001F600\U0010FFFF"`, '\u{1F600}\u{10FFFF}'],
  [String.raw`"\101"`, 'A'],
  ['"', '"'],
  ['""', ''],
])("undoes Go's quoting of %s", (quoted, expected) => {
  expect(parseParameters(`stop ${quoted}`)).toEqual({ stop: [expected] });
});

test('a quoted text comes back whole', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      // For what JSON escapes, Go's quoting is the same.
      fc.pre(!/\p{Cc}/u.test(text));
      expect(parseParameters(`stop ${JSON.stringify(text)}`)).toEqual({ stop: [text] });
    }),
  );
});

test.each(['0.24.0', '0.5.13'])('reads the parameters that %s sent', (version) => {
  const { parameters } = JSON.parse(readBody(version, 'show')) as { parameters: string };
  expect(parseParameters(parameters)).toEqual({ num_ctx: 512, stop: ['user:'], temperature: 0.1 });
});
