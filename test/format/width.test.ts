import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  breakWords,
  displayWidth,
  padEnd,
  padStart,
  truncateEnd,
  truncateMiddle,
} from '../../src/format/width.js';

const FAMILY = '👨‍👩‍👧';
const segmenter = new Intl.Segmenter();

function graphemesOf(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

const texts = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        FAMILY,
        '漢',
        '字',
        '🇩🇪',
        'e\u0301',
        '❤\ufe0f',
        '1\ufe0f\u20e3',
        'ｶﾞ',
        '한',
        'क्षि',
        ':',
        '\t',
      ),
      fc.string({ unit: 'grapheme', maxLength: 3 }),
      fc.string({ maxLength: 4 }),
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.join(''));

describe('displayWidth', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['漢字', 4],
    [FAMILY, 2],
    ['🇩🇪', 2],
    ['e\u0301', 1],
    ['━╸─', 3],
    ['✓', 1],
    ['\u200b', 0],
    ['\t', 8],
    ['ab\tc', 9],
    ['漢\t', 8],
    ['12345678\t', 16],
    ['\x1b[31mred\x1b[39m', 3],
  ])('measures %j as %d cells', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('a very long text', () => {
  // One of this length took minutes before it was measured in windows: a server can name a model so.
  const long = `${'漢'.repeat(100_000)}:1b`;

  it('is measured and cut', () => {
    expect(displayWidth(long)).toBe(200_003);
    expect(truncateEnd(long, 6)).toBe('漢漢…');
    expect(truncateMiddle(long, 8)).toBe('漢漢…:1b');
  });
});

describe('truncateEnd', () => {
  it.each([
    ['llama3.2:1b', 20, 'llama3.2:1b'],
    ['llama3.2:1b', 11, 'llama3.2:1b'],
    ['llama3.2:1b', 10, 'llama3.2:…'],
    ['llama3.2:1b', 1, '…'],
    ['llama3.2:1b', 0, ''],
    ['llama3.2:1b', -1, ''],
    ['漢字漢字', 6, '漢字…'],
    [`${FAMILY}${FAMILY}`, 3, `${FAMILY}…`],
    [`${FAMILY}${FAMILY}`, 2, '…'],
    ['a\tb', 20, 'a       b'],
  ])('cuts %j to %d cells as %j', (text, width, cut) => {
    expect(truncateEnd(text, width)).toBe(cut);
  });

  it('takes another ellipsis, and none where there is no room for it', () => {
    expect(truncateEnd('llama3.2:1b', 8, '...')).toBe('llama...');
    expect(truncateEnd('llama3.2:1b', 2, '...')).toBe('ll');
  });
});

describe('truncateMiddle', () => {
  it.each([
    ['llama3.2:1b', 11, 'llama3.2:1b'],
    ['nomic-embed-text:latest', 11, 'nomic…atest'],
    ['nomic-embed-text:latest', 10, 'nomic…test'],
    ['nomic-embed-text', 3, 'n…t'],
    ['nomic-embed-text', 2, 'n…'],
    ['nomic-embed-text', 1, '…'],
    ['漢字漢字', 6, '漢…字'],
    ['漢字漢字a', 6, '漢…字a'],
  ])('cuts %j to %d cells as %j', (text, width, cut) => {
    expect(truncateMiddle(text, width)).toBe(cut);
  });
});

describe('cutting and padding', () => {
  it('never gives more cells than asked for', () => {
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 0, max: 30 }),
        fc.constantFrom('…', '...'),
        (text, width, ellipsis) => {
          expect(displayWidth(truncateEnd(text, width, ellipsis))).toBeLessThanOrEqual(width);
          expect(displayWidth(truncateMiddle(text, width, ellipsis))).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('keeps whole graphemes of the start and of the end', () => {
    const words = fc.array(fc.constantFrom(FAMILY, '漢', '🇩🇪', 'e\u0301', '❤\ufe0f', 'a', 'b'), {
      maxLength: 14,
    });
    fc.assert(
      fc.property(words, fc.integer({ min: 3, max: 20 }), (graphemes, width) => {
        const text = graphemes.join('');
        const [head = '', tail = ''] = truncateMiddle(text, width, '|').split('|');
        const start = graphemesOf(head);
        const end = graphemesOf(tail);
        expect(graphemes.slice(0, start.length)).toEqual(start);
        expect(end).toEqual(tail === '' ? [] : graphemes.slice(-end.length));
      }),
    );
  });

  it('leaves alone what fits', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(truncateEnd(text, displayWidth(text))).toBe(truncateMiddle(text, displayWidth(text)));
        expect(truncateEnd(text, 1000)).toBe(text);
      }),
    );
  });

  it('pads to the width in cells on the side asked for, and leaves longer text', () => {
    expect(padEnd('漢', 4)).toBe('漢  ');
    expect(padStart('漢', 4)).toBe('  漢');
    expect(padEnd('abc', 2)).toBe('abc');
    expect(padStart('abc', 2)).toBe('abc');
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 30 }), (text, width) => {
        expect(displayWidth(padEnd(text, width))).toBe(Math.max(width, displayWidth(text)));
        expect(displayWidth(padStart(text, width))).toBe(Math.max(width, displayWidth(text)));
      }),
    );
  });
});

describe('breakWords', () => {
  it.each([
    ['one two three', 7, ['one two', 'three']],
    ['one two', 2, ['one', 'two']],
    ['see https://ollama.com/library now', 10, ['see', 'https://ollama.com/library', 'now']],
    ['漢字 漢字', 8, ['漢字', '漢字']],
    ['name  words', 6, ['name', 'words']],
    ['name  words', 11, ['name  words']],
    ['', 5, ['']],
  ])('%j in %i cells', (text, width, lines) => {
    expect(breakWords(text, width)).toEqual(lines);
  });
});
