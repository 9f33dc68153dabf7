import stringWidth from 'string-width';
import { splitGraphemes, splitWindows } from './graphemes.js';

const TAB_STOP = 8;

function measureWindow(text: string): number {
  try {
    return stringWidth(text);
  } catch {
    // It has thrown on odd code points before; a column out of line is better than no answer.
    return Array.from(text).length;
  }
}

/** Measures no further than is needed to know that the text is wider than `enough` cells. */
function measure(text: string, enough = Infinity): number {
  let width = 0;
  for (const window of splitWindows(text)) {
    width += measureWindow(window);
    if (width > enough) break;
  }
  return width;
}

function expandTabs(text: string): string {
  if (!text.includes('\t')) return text;
  let expanded = '';
  let column = 0;
  for (const [index, part] of text.split('\t').entries()) {
    if (index > 0) {
      const gap = TAB_STOP - (column % TAB_STOP);
      expanded += ' '.repeat(gap);
      column += gap;
    }
    expanded += part;
    column += measure(part);
  }
  return expanded;
}

/** How many cells one line of text takes in a terminal, from its left edge; our own colour codes take none. */
export function displayWidth(text: string): number {
  return measure(expandTabs(text));
}

/** As many of the graphemes, in their order, as fit into the cells. */
function takeWithin(graphemes: Iterable<string>, cells: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const grapheme of graphemes) {
    used += measure(grapheme);
    if (used > cells) break;
    taken.push(grapheme);
  }
  return taken;
}

/** Unstyled text cut at its end to at most `width` cells, never inside a grapheme; tabs become spaces. */
export function truncateEnd(text: string, width: number, ellipsis = '…'): string {
  const line = expandTabs(text);
  if (measure(line, width) <= width) return line;
  const mark = measure(ellipsis) <= width ? ellipsis : '';
  return takeWithin(splitGraphemes(line), width - measure(mark)).join('') + mark;
}

/** Unstyled text cut in its middle (`name…tail`) to at most `width` cells, never inside a grapheme; tabs become spaces. */
export function truncateMiddle(text: string, width: number, ellipsis = '…'): string {
  const line = expandTabs(text);
  if (measure(line, width) <= width) return line;
  const room = width - measure(ellipsis);
  if (room < 2) return truncateEnd(line, width, ellipsis);
  const graphemes = Array.from(splitGraphemes(line));
  const head = takeWithin(graphemes, Math.ceil(room / 2)).join('');
  const tail = takeWithin(graphemes.reverse(), room - measure(head)).reverse();
  return head + ellipsis + tail.join('');
}

/** Text with spaces behind it up to `width` cells; longer text stays as long as it is. */
export function padEnd(text: string, width: number): string {
  const line = expandTabs(text);
  return line + ' '.repeat(Math.max(0, width - measure(line)));
}

/** Text with spaces before it up to `width` cells; longer text stays as long as it is. */
export function padStart(text: string, width: number): string {
  const line = expandTabs(text);
  return ' '.repeat(Math.max(0, width - measure(line))) + line;
}

/**
 * A line broken between words into lines of at most `width` cells; a longer word stays whole, for it may be an address
 * to copy.
 */
export function breakWords(line: string, width: number): string[] {
  const lines: string[] = [];
  let used = 0;
  for (const word of line.split(' ')) {
    const last = lines.at(-1);
    const cells = displayWidth(word);
    if (last !== undefined && used + 1 + cells <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
      used += 1 + cells;
    } else if (word !== '' || last === undefined) {
      lines.push(word);
      used = cells;
    }
  }
  return lines.map((text) => text.trimEnd());
}
