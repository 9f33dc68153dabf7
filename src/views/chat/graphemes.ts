import { displayWidth } from '../../format/width.js';

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const TAB_WIDTH = 4;

/** What a person sees as one character. */
export interface Grapheme {
  readonly text: string;
  /** Where it begins in the text, in UTF-16 units. */
  readonly start: number;
  /** Terminal cells that it takes. */
  readonly width: number;
}

/** The graphemes of one line of cleaned text. A tab takes four cells, wherever it stands. */
export function splitGraphemes(line: string): Grapheme[] {
  const graphemes: Grapheme[] = [];
  if (/^[ -~]*$/.test(line)) {
    for (let start = 0; start < line.length; start++) {
      graphemes.push({ text: line.charAt(start), start, width: 1 });
    }
    return graphemes;
  }
  for (const { segment, index } of segmenter.segment(line)) {
    const width = segment === '\t' ? TAB_WIDTH : displayWidth(segment);
    graphemes.push({ text: segment, start: index, width });
  }
  return graphemes;
}

/** The text of a grapheme as it is drawn: a tab as its spaces. */
export function drawGrapheme(grapheme: Grapheme): string {
  return grapheme.text === '\t' ? ' '.repeat(TAB_WIDTH) : grapheme.text;
}

function lineAround(text: string, at: number): { start: number; line: string } {
  const start = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
  const end = text.indexOf('\n', at);
  return { start, line: text.slice(start, end < 0 ? text.length : end) };
}

/** The boundary between graphemes before this one; 0 at the start. */
export function previousBoundary(text: string, at: number): number {
  if (at <= 0) return 0;
  const { start } = lineAround(text, at);
  if (start === at) return at - 1;
  return start + (splitGraphemes(text.slice(start, at)).at(-1)?.start ?? 0);
}

/** The boundary between graphemes after this one; the length at the end. */
export function nextBoundary(text: string, at: number): number {
  if (at >= text.length) return text.length;
  if (text[at] === '\n') return at + 1;
  const { start, line } = lineAround(text, at);
  const first = segmenter.segment(line.slice(at - start)).containing(0);
  return at + (first?.segment.length ?? 1);
}

/** The nearest boundary between graphemes that is not before `at`. */
export function snapToBoundary(text: string, at: number): number {
  if (at <= 0 || at >= text.length) return Math.min(Math.max(at, 0), text.length);
  // No ASCII character joins another.
  if (text.charCodeAt(at - 1) < 128 && text.charCodeAt(at) < 128) return at;
  const { start, line } = lineAround(text, at);
  if (start === at) return at;
  const inside = segmenter.segment(line).containing(at - start);
  if (inside === undefined || inside.index === at - start) return at;
  return start + inside.index + inside.segment.length;
}
