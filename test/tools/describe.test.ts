import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeCall, describeOutcome } from '../../src/tools/describe.js';
import { nameTools } from '../../src/tools/offer.js';
import { cutText, resultText } from '../../src/tools/result-text.js';
import { hideSecrets } from '../../src/tools/secrets.js';
import { ESCAPES } from '../support/run.js';

describe('a call in one line', () => {
  it.each([
    ['get_time', { city: 'Rome' }, 'get_time {"city": "Rome"}'],
    ['now', {}, 'now {}'],
    ['f', { a: 1, b: [true, null] }, 'f {"a": 1, "b": [true,null]}'],
    ['f\u001b[1m\n', { a: '\u001b' }, 'f[1m  {"a": "\\u001b"}'],
  ])('%j', (name, given, line) => {
    expect(describeCall({ function: { name, arguments: given } })).toBe(line);
  });

  it('is cut to what fits', () => {
    const line = describeCall({ function: { name: 'f', arguments: { a: '😀'.repeat(500) } } }, 20);
    expect([...line]).toHaveLength(20);
    expect(line.endsWith('…')).toBe(true);
  });
});

describe('what came of a call', () => {
  it.each([
    ['12:00', false, 40, '12:00 (40 ms)'],
    ['one\ntwo', false, 40, 'one (7 B, 40 ms)'],
    ['Not called: no.', true, 0, 'Not called: no.'],
    ['\u001b[31mred', false, 3, '[31mred (3 ms)'],
    ['x'.repeat(200), false, 3, `${'x'.repeat(119)}… (200 B, 3 ms)`],
  ])('%j', (text, isError, ms, words) => {
    expect(describeOutcome({ text, isError, ms })).toBe(words);
  });

  it('is one clean line whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const line = describeOutcome({ text, isError: false, ms: 1 });
        expect(line).not.toMatch(ESCAPES);
        expect(line).not.toContain('\n');
      }),
    );
  });
});

describe('a result', () => {
  it('without anything says so, and one with only structure is its JSON', () => {
    expect(resultText({ content: [] })).toBe('(It gave nothing back.)');
    expect(resultText({ content: [], structuredContent: { a: 1 } })).toBe('{"a":1}');
    expect(resultText({ content: [{ type: 'text', text: 'x' }], structuredContent: { a: 1 } })).toBe('x');
  });

  it('is cut between characters, and never longer than it may be', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.integer({ min: 1, max: 40 }),
        (text, most) => {
          const cut = cutText(text, most);
          if (Buffer.byteLength(text) <= most) expect(cut).toBe(text);
          else {
            const kept = cut.slice(0, cut.lastIndexOf('\n'));
            expect(text.startsWith(kept)).toBe(true);
            expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(most);
            expect(Buffer.byteLength(kept)).toBeGreaterThan(most - 4);
          }
        },
      ),
    );
  });
});

describe('the names of functions', () => {
  it('are unique and plain whatever servers list', () => {
    const tool = fc.record({
      name: fc.string({ unit: 'binary', maxLength: 80 }),
      inputSchema: fc.constant({}),
    });
    const listed = fc.array(fc.record({ server: fc.constantFrom('a', 'b', 'c-d'), tools: fc.array(tool) }));
    fc.assert(
      fc.property(listed, (servers) => {
        const names = nameTools(servers).offered.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        expect(names.every((name) => /^[\w.-]+$/.test(name))).toBe(true);
      }),
    );
  });
});

describe('secrets', () => {
  it.each([
    [{ env: { KEY: 'q1w2e3' } }, 'bad key q1w2e3!', 'bad key ***!'],
    [{ headers: { authorization: 'Bearer q1w2e3' } }, 'token q1w2e3', 'token ***'],
    [{ headers: { 'x-key': 'a b/c' } }, 'GET /?k=a%20b%2Fc', 'GET /?k=***'],
    [{ env: { LEVEL: 'on' } }, 'it went on', 'it went on'],
    [{ env: { A: 'pass', B: 'password1' } }, 'password1', '***'],
  ])('of %j are hidden', (server, text, hidden) => {
    expect(hideSecrets(server)(text)).toBe(hidden);
  });
});
