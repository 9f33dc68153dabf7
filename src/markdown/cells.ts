import { splitGraphemes as segmentGraphemes } from '../format/graphemes.js';
import { displayWidth } from '../format/width.js';

const MOST_KEPT = 4096;
const LONGEST_KEPT = 32;
const measured = new Map<string, number>();

/** What was measured is kept, as an answer uses the same few characters and words over and over. */
function recall(text: string, measure: (text: string) => number): number {
  const known = measured.get(text);
  if (known !== undefined) return known;
  const width = measure(text);
  if (measured.size >= MOST_KEPT) measured.clear();
  if (text.length <= LONGEST_KEPT) measured.set(text, width);
  return width;
}

/** How many cells one grapheme takes. */
export function graphemeWidth(grapheme: string): number {
  if (grapheme.length === 1 && grapheme >= ' ' && grapheme <= '~') return 1;
  return recall(grapheme, displayWidth);
}

/** How many cells the graphemes of a text take, one by one. */
export function textWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  return recall(text, (whole) => {
    let width = 0;
    for (const grapheme of splitGraphemes(whole)) width += graphemeWidth(grapheme);
    return width;
  });
}

// ASCII, kana, Chinese characters, Hangul syllables and full-width forms: each is a character of its own.
const ALONE = /^[\t -~\u3000-\u3029\u3041-\u3096\u30a0-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff01-\uff9d]*$/;

/** The graphemes of a text. */
export function splitGraphemes(text: string): Iterable<string> {
  return ALONE.test(text) ? text : segmentGraphemes(text);
}
