import { cleanLine } from '../format/clean.js';
import { splitGraphemes } from '../format/graphemes.js';

const LONGEST = 60;

/** The beginning of a text as a title: one clean line of at most 60 characters, empty for a text without words. */
export function makeTitle(text: string): string {
  // A title needs no more of a long text than its beginning.
  const line = cleanLine(text.trimStart().slice(0, 1000)).replace(/\s+/g, ' ').trim();
  const taken: string[] = [];
  for (const grapheme of splitGraphemes(line)) {
    if (taken.length === LONGEST) return `${taken.slice(0, -1).join('').trimEnd()}…`;
    taken.push(grapheme);
  }
  return line;
}
