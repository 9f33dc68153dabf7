import type { AnswerText } from './answer-text.js';
import { cutLine, MOST_HELD, PIECE } from './cut.js';
import type { MarkdownLook } from './paint.js';
import { endReading, readLine } from './read-line.js';
import { copyReading, startReading } from './state.js';
import type { Reading } from './state.js';

export type { MarkdownLook } from './paint.js';

// What may still become the mark of something else is not shown as text first.
const UNDECIDED = /^[ >]*(?:[-=*_+#~`|:.][-=*_+#~`|:. \t]*|\d{1,9}[.)]?)?$/;

/** Reads every whole line, and the pieces of one that is too long to wait for; gives what is left. */
function readLines(reading: Reading, text: string): string {
  let from = 0;
  let end = text.indexOf('\n');
  for (;;) {
    const most = reading.isMidLine ? PIECE : MOST_HELD;
    if (end >= 0 && end < from) end = text.indexOf('\n', from);
    if (end >= 0 && end - from <= most) {
      readLine(reading, text.slice(from, end), true);
      from = end + 1;
    } else if ((end < 0 ? text.length : end) - from > most) {
      const piece = cutLine(text.slice(from, from + most));
      readLine(reading, piece, false);
      from += piece.length;
    } else return text.slice(from);
  }
}

function endWith(reading: Reading, rest: string): void {
  if (rest !== '' || reading.isMidLine) readLine(reading, rest, true);
  endReading(reading);
}

/**
 * A model's Markdown as rows of `look.width()` cells while it comes. What is settled depends on the text alone, never on
 * how it was cut; text and work that wait for more are bounded, so that a row costs the same at any length of the answer.
 * A single line end is a new row, as models mean it. References (`[text][1]`) and what they refer to stay as they are.
 */
export function openMarkdown(look: MarkdownLook): AnswerText {
  const reading = startReading(look);
  let waiting = '';
  const readWaiting = (): void => {
    waiting = readLines(reading, waiting);
  };
  const takeRows = (): string[] => {
    const { rows } = reading;
    reading.rows = [];
    return rows;
  };
  return {
    push: (text) => {
      waiting += text;
    },
    settle: () => {
      readWaiting();
      return takeRows();
    },
    tail: (most) => {
      readWaiting();
      const guess = copyReading(reading);
      endWith(guess, UNDECIDED.test(waiting) ? '' : waiting);
      return most > 0 ? guess.rows.slice(-most) : [];
    },
    finish: () => {
      readWaiting();
      endWith(reading, waiting);
      waiting = '';
      return takeRows();
    },
  };
}

/** The rows of a whole text: those that it gives when it comes in pieces, at the same width. */
export function renderMarkdown(text: string, look: MarkdownLook): string[] {
  const answer = openMarkdown(look);
  answer.push(text);
  return answer.finish();
}
