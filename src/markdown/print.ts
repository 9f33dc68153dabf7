import { displayWidth } from '../format/width.js';
import type { OutputStream } from '../io.js';
import { writeText } from '../output/write.js';
import type { AnswerText } from './answer-text.js';

/** An answer that is being written to a terminal. */
export interface Printer {
  /** More of the answer's text, already cleaned. */
  push(text: string): void;
  /** Nothing more comes: writes what is left, and resolves when the terminal has taken it. */
  end(): Promise<void>;
}

const FRAME_MS = 33;
// Terminals that know it show what is between the two at once.
const BEGIN = '\u001b[?2026h';
const COMMIT = '\u001b[?2026l';

/** How many rows of the screen these take, where it may be narrower than when they were drawn. */
function countScreenRows(rows: readonly string[], columns: number): number {
  let count = 0;
  for (const row of rows) count += Math.max(1, Math.ceil(displayWidth(row) / Math.max(1, columns)));
  return count;
}

/**
 * Writes an answer to a terminal as it comes: rows that are settled once, what may still change below them and in place,
 * at most every 33 ms and never more than the screen has room for. The stream has to be a terminal.
 */
export function openPrinter(
  stream: OutputStream,
  answer: AnswerText,
  size: () => { readonly columns: number; readonly rows: number },
): Printer {
  let shown: readonly string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing: Promise<void> = Promise.resolve();
  let isBusy = false;

  /** Puts the cursor where the rows that differ begin, and clears from there; the cursor is in the last row shown. */
  const goBack = (kept: number): string => {
    if (shown.length === 0) return '';
    const { columns, rows } = size();
    // What a narrower screen has pushed out of its top cannot be reached any more.
    const up = Math.min(countScreenRows(shown.slice(kept), columns) - 1, rows - 1);
    return `\r${up > 0 ? `\u001b[${String(up)}A` : ''}\u001b[J`;
  };
  const write = (text: string): void => {
    isBusy = true;
    writing = writing
      .then(() => writeText(stream, text))
      .then(() => {
        isBusy = false;
      });
  };
  const draw = (settled: readonly string[], tail: readonly string[]): void => {
    const next = [...settled, ...tail];
    const last = shown.length - 1;
    let kept = 0;
    // The last row shown is always written anew, so that the cursor is somewhere known.
    while (kept < last && kept < next.length && next[kept] === shown[kept]) kept += 1;
    if (settled.length === 0 && next.length === shown.length && next.every((row, at) => row === shown[at]))
      return;
    const rows = settled.map((row) => `${row}\n`).slice(kept);
    const rest = tail.slice(Math.max(0, kept - settled.length)).join('\n');
    write(`${BEGIN}${goBack(kept)}${rows.join('')}${rest}${COMMIT}`);
    shown = tail;
  };
  const drawFrame = (): void => {
    timer = undefined;
    // A terminal that is slow gets fewer frames, not later ones.
    if (isBusy) {
      timer = setTimeout(drawFrame, FRAME_MS);
      return;
    }
    draw(answer.settle(), answer.tail(Math.max(1, size().rows - 1)));
  };

  return {
    push: (text) => {
      answer.push(text);
      timer ??= setTimeout(drawFrame, FRAME_MS);
    },
    end: async () => {
      clearTimeout(timer);
      draw([...answer.settle(), ...answer.finish()], []);
      await writing;
    },
  };
}
