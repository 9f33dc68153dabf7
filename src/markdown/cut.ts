import { splitGraphemes } from './cells.js';
import { lexInline } from './inline.js';

/** How many characters of a paragraph, or of one line, are held at most before some of them become final. */
export const MOST_HELD = 1000;

/** The size of the pieces that follow the first one of an overlong line. */
export const PIECE = 250;

const SAFE_AFTER = MOST_HELD / 4;

// What may be the first half of markup whose second half has not come; within a word, `_` is only itself.
const OPENER = /[*~`[<$\\]|https?:|www\.|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/u;

/** Where the last grapheme of the text begins: more text may still change that one. */
function lastGrapheme(text: string): number {
  const from = Math.max(0, text.length - 64);
  let last = '';
  for (const grapheme of splitGraphemes(text.slice(from))) last = grapheme;
  const at = text.length - last.length;
  return at > from ? at : text.length;
}

/** A piece of an overlong line: so many characters of it, less a grapheme that may go on behind them. */
export function cutLine(start: string): string {
  return start.slice(0, lastGrapheme(start));
}

/** How far the text goes before the first mark that may still find its other half. */
function findUnsafe(text: string): number {
  let at = 0;
  for (const token of lexInline(text) ?? []) {
    if (token.type === 'text') {
      const found = token.raw.search(OPENER);
      if (found >= 0) return at + found;
    }
    at += token.raw.length;
  }
  return at;
}

/**
 * Where a paragraph that is longer than `MOST_HELD` is divided, so that its beginning is final: before a space at which no
 * markup is open, or else before the last space, or else between two characters. It depends on nothing behind that length.
 */
export function findCut(text: string): number {
  const held = text.slice(0, MOST_HELD);
  const safe = findUnsafe(held);
  const isUsable = (at: number): boolean => at > SAFE_AFTER && at < held.length;
  for (const limit of [Math.min(safe, held.length - 1), held.length - 1]) {
    const space = Math.max(held.lastIndexOf(' ', limit), held.lastIndexOf('\n', limit));
    if (isUsable(space)) return space;
  }
  return lastGrapheme(held);
}
