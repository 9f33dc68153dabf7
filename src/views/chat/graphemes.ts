import { segment, splitGraphemes as splitText } from '../../format/graphemes.js';
import { displayWidth } from '../../format/width.js';

const TAB_WIDTH = 4;
/** How far around a place a grapheme is looked for, in code units: a segmenter's time grows with the square of its text. */
const REACH = 4096;
const MOST_WIDTHS = 4096;

/** What a person sees as one character. */
export interface Grapheme {
  readonly text: string;
  /** Where it begins in the text, in UTF-16 units. */
  readonly start: number;
  /** Terminal cells that it takes. */
  readonly width: number;
}

/**
 * Characters that are graphemes by themselves wherever two of them stand side by side: ASCII, Latin, Cyrillic, kana and
 * Han. None of them joins another (Unicode's annex 29), and looking is far quicker than asking a segmenter.
 */
function isPlain(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 0x80) return code >= 0x20 && code < 0x7f;
  if (code < 0x482) return (code >= 0xc0 && code < 0x250) || code >= 0x400;
  return isWide(code);
}

const isWide = (code: number): boolean =>
  (code >= 0x4e00 && code < 0xa000) || (code >= 0x3041 && code < 0x3097) || (code >= 0x30a1 && code < 0x30fb);

const widths = new Map<string, number>();

/** Measuring is what costs most, and a text has few different characters. */
function measure(grapheme: string): number {
  const known = widths.get(grapheme);
  if (known !== undefined) return known;
  const width = grapheme === '\t' ? TAB_WIDTH : displayWidth(grapheme);
  if (widths.size >= MOST_WIDTHS) widths.clear();
  widths.set(grapheme, width);
  return width;
}

/** The graphemes of one line of cleaned text. A tab takes four cells, wherever it stands. */
export function splitGraphemes(line: string): Grapheme[] {
  const graphemes: Grapheme[] = [];
  let start = 0;
  while (start < line.length) {
    let end = start;
    while (end < line.length && isPlain(line, end)) end += 1;
    // What stands before something else may be joined by it, and goes with it.
    const plain = end < line.length ? end - 1 : end;
    for (; start < plain; start++) {
      graphemes.push({ text: line.charAt(start), start, width: isWide(line.charCodeAt(start)) ? 2 : 1 });
    }
    if (end === line.length) break;
    while (end < line.length && !(isPlain(line, end) && isPlain(line, end - 1))) end += 1;
    for (const text of splitText(line.slice(start, end))) {
      graphemes.push({ text, start, width: measure(text) });
      start += text.length;
    }
  }
  return graphemes;
}

/** The text of a grapheme as it is drawn: a tab as its spaces. */
export function drawGrapheme(grapheme: Grapheme): string {
  return grapheme.text === '\t' ? ' '.repeat(TAB_WIDTH) : grapheme.text;
}

/** A place not after `at` from which the graphemes up to it can be told: the line's start, or one between plain characters. */
function findAnchor(text: string, at: number): number {
  const far = Math.max(0, at - REACH);
  for (let place = at - 1; place > far; place--) {
    if (text[place] === '\n') return place + 1;
    if (isPlain(text, place) && isPlain(text, place - 1)) return place;
  }
  return /[\udc00-\udfff]/.test(text.charAt(far)) ? far - 1 : far;
}

function findLineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return Math.min(end < 0 ? text.length : end, at + REACH);
}

/** The boundary between graphemes before this one; 0 at the start. */
export function previousBoundary(text: string, at: number): number {
  if (at <= 1 || text[at - 1] === '\n') return Math.max(0, at - 1);
  if (isPlain(text, at - 1) && isPlain(text, at - 2)) return at - 1;
  const anchor = findAnchor(text, at);
  const last = segment(text.slice(anchor, at)).containing(at - anchor - 1);
  return anchor + (last?.index ?? 0);
}

/** The boundary between graphemes after this one; the length at the end. */
export function nextBoundary(text: string, at: number): number {
  if (at >= text.length - 1) return text.length;
  if (text[at] === '\n' || (isPlain(text, at) && isPlain(text, at + 1))) return at + 1;
  const first = segment(text.slice(at, findLineEnd(text, at))).containing(0);
  return at + (first?.segment.length ?? 1);
}

/** The nearest boundary between graphemes that is not before `at`. */
export function snapToBoundary(text: string, at: number): number {
  if (at <= 0 || at >= text.length) return Math.min(Math.max(at, 0), text.length);
  if (text[at - 1] === '\n' || text[at] === '\n') return at;
  if (isPlain(text, at - 1) && isPlain(text, at)) return at;
  const anchor = findAnchor(text, at);
  const inside = segment(text.slice(anchor, findLineEnd(text, at))).containing(at - anchor);
  if (inside === undefined || inside.index === at - anchor) return at;
  return anchor + inside.index + inside.segment.length;
}
