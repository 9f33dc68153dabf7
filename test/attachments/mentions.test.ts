import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findMentions } from '../../src/attachments/mentions.js';

describe('mentions of files', () => {
  it.each([
    ['@a.ts', [['a.ts']]],
    ['see @src/a.ts, and', [['src/a.ts,', 'src/a.ts']]],
    ['@"a b.txt" and @\'c d\'', [['a b.txt'], ['c d']]],
    ['@a\\ b', [['a\\ b', 'a b']]],
    ['me@example.com', []],
    ['a @ b', []],
    ['@@types/a', [['@types/a']]],
    ['ask @bob?!', [['bob?!', 'bob?', 'bob']]],
    ['C: @C:\\dir\\a.txt', [['C:\\dir\\a.txt']]],
  ])('in %s', (text, names) => {
    const found = findMentions(text).map((mention) => [...mention.names]);
    expect(found).toEqual(names);
  });

  it('say where they stand', () => {
    const text = 'ü 😀 @"a b" x';
    const [mention] = findMentions(text);
    expect(text.slice(mention?.from, mention?.to)).toBe('@"a b"');
  });

  it('stand where they say, begin with @, and overlap nowhere, in any text', () => {
    const piece = fc.constantFrom('@', '"', "'", ' ', '\\', '\n', 'a', '.', ')', '😀', 'é');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const text = pieces.join('');
        let end = 0;
        for (const { from, to, names } of findMentions(text)) {
          expect(from).toBeGreaterThanOrEqual(end);
          expect(text[from]).toBe('@');
          expect(names.length).toBeGreaterThan(0);
          expect(names.every((name) => name !== '')).toBe(true);
          end = to;
        }
        expect(end).toBeLessThanOrEqual(text.length);
      }),
    );
  });

  it('are bounded, and found in time however the text looks', () => {
    expect(findMentions('@a '.repeat(5_000))).toHaveLength(100);
    expect(findMentions(`@${'!'.repeat(200_000)}`)[0]?.names.length).toBeLessThan(20);
    expect(findMentions('@"'.repeat(20_000)).length).toBeLessThanOrEqual(100);
  });
});
