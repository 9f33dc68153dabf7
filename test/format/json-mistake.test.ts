import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findJsonMistake, placeIn } from '../../src/format/json-mistake.js';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('findJsonMistake', () => {
  it.each([
    ['{"a": objekt}', 6],
    ['{"a": 1,}', 8],
    ['[1, 2', 5],
    ['', 0],
    ['{"a" 1}', 5],
    ["{'a': 1}", 1],
    ['{"a": 1} x', 9],
    ['["a\nb"]', 1],
    ['[01]', 1],
  ])('finds in %j the place %i', (text, at) => {
    expect(findJsonMistake(text)).toBe(at);
  });

  it('finds nothing in what is JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (json, indent) => {
        expect(findJsonMistake(JSON.stringify(JSON.parse(json), null, indent))).toBeUndefined();
      }),
    );
  });

  it('finds something exactly where JSON.parse does', () => {
    const change = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom('', ',', '"', '}', ']', '{', ':', '1', 'x', ' '),
    );
    fc.assert(
      fc.property(change, ([json, where, put]) => {
        const at = where % (json.length + 1);
        const text = json.slice(0, at) + put + json.slice(at + 1);
        expect(findJsonMistake(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 500 },
    );
  });
});

describe('placeIn', () => {
  it('counts lines and columns from 1', () => {
    expect(placeIn('{\n  "type": objekt', 12)).toEqual({ line: 2, column: 11 });
    expect(placeIn('', 0)).toEqual({ line: 1, column: 1 });
  });
});
