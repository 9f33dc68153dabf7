import { describe, expect, test } from 'vitest';
import { PARAMETER_NAMES, parseParameter, splitWords } from '../../src/chat/parameters.js';

describe('parseParameter', () => {
  test.each([
    ['temperature', ['0.7'], 0.7],
    ['temperature', ['1e-1'], 0.1],
    ['top_p', ['.9'], 0.9],
    ['num_ctx', ['8192'], 8192],
    ['seed', ['-1'], -1],
    ['use_mmap', ['true'], true],
    ['use_mmap', ['false'], false],
    ['stop', ['</s>', 'User:'], ['</s>', 'User:']],
  ])('reads %s %j', (name, words, value) => {
    expect(parseParameter(name, words)).toEqual({ ok: true, name, value });
  });

  test.each([
    ['num_ctx', ['8.5'], "num_ctx takes a whole number, not '8.5'."],
    ['num_ctx', ['99999999999999999999'], "num_ctx takes a whole number, not '99999999999999999999'."],
    ['temperature', ['warm'], "temperature takes a number, not 'warm'."],
    ['temperature', ['0x10'], "temperature takes a number, not '0x10'."],
    ['temperature', ['1e999'], "temperature takes a number, not '1e999'."],
    ['temperature', [], 'temperature takes a number, not nothing.'],
    ['temperature', ['1', '2'], "temperature takes a number, not '1 2'."],
    ['use_mmap', ['yes'], "use_mmap takes true or false, not 'yes'."],
    ['stop', [], 'stop takes one text or several.'],
    ['temprature', ['1'], "Unknown parameter 'temprature'. Did you mean 'temperature'?"],
    ['constructor', ['1'], `Unknown parameter 'constructor'. The names are ${PARAMETER_NAMES.join(', ')}.`],
  ])('refuses %s %j', (name, words, message) => {
    expect(parseParameter(name, words)).toEqual({ ok: false, message });
  });
});

test.each([
  ['a  b', ['a', 'b']],
  ['"a b" c', ['a b', 'c']],
  [String.raw`"\n" "say \"x\" \\"`, ['\n', String.raw`say "x" \ `.trim()]],
  ['""', ['']],
  ['"open', ['"open']],
  ['', []],
])('splitWords cuts %j', (line, words) => {
  expect(splitWords(line)).toEqual(words);
});
