import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanText } from '../../src/format/clean.js';
import { stringifyForTerminal } from '../../src/format/json-safe.js';

function toUnit(code: number): string {
  return String.fromCharCode(code);
}

describe('stringifyForTerminal', () => {
  it('escapes what a terminal would obey and JSON would not escape', () => {
    expect(stringifyForTerminal({ a: '\u009b2J\x7f\u202e\u2028\u061c' })).toBe(
      '{"a":"\\u009b2J\\u007f\\u202e\\u2028\\u061c"}',
    );
  });

  it('indents when asked to, and writes null for what JSON does not know', () => {
    expect(stringifyForTerminal({ a: [1] }, 2)).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(stringifyForTerminal(undefined)).toBe('null');
  });

  it('is the same value when parsed, and has nothing left to clean', () => {
    const texts = fc
      .array(
        fc.oneof(fc.constantFrom('\u009b', '\u2066', '\\', '"', '😀', '\ud83d'), fc.nat(0xffff).map(toUnit)),
      )
      .map((units) => units.join(''));
    const values = fc.oneof(texts, fc.array(texts), fc.dictionary(texts, fc.array(texts)));
    fc.assert(
      fc.property(values, fc.constantFrom(0, 2), (value, indent) => {
        const json = stringifyForTerminal(value, indent);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(cleanText(json)).toBe(json);
      }),
    );
  });
});
