import { wrapText } from './wrap.js';

/** The end of an answer that is still coming: what has not gone to the scrollback yet. */
export interface Tail {
  readonly text: string;
  /** Whether anything but white space has come. */
  readonly begun: boolean;
}

const MOST_BLANK_ROWS = 50;

/** The tail of an answer of which nothing has come. */
export const EMPTY_TAIL: Tail = { text: '', begun: false };

/** The tail with more cleaned text; white space before the first word is dropped. */
export function extendTail(tail: Tail, added: string): Tail {
  if (tail.begun) return { ...tail, text: tail.text + added };
  const text = added.trimStart();
  return { text, begun: text !== '' };
}

/** Takes the rows that more text cannot change off the tail. Blank rows wait for what follows them. */
export function settleTail(tail: Tail, width: number): { readonly rows: string[]; readonly tail: Tail } {
  const wrapped = wrapText(tail.text, width);
  let count = wrapped.length - 1;
  while (count > 0 && wrapped[count - 1]?.text === '') count -= 1;
  if (wrapped.length - count > MOST_BLANK_ROWS) count = wrapped.length - 1;
  const rows = wrapped.slice(0, count).map(({ text }) => text);
  return { rows, tail: { ...tail, text: tail.text.slice(wrapped[count]?.start ?? 0) } };
}

/** All rows of the tail, without blank ones at its end. */
export function finishTail(tail: Tail, width: number): string[] {
  return wrapText(tail.text.trimEnd(), width)
    .map(({ text }) => text)
    .slice(tail.text.trim() === '' ? 1 : 0);
}
