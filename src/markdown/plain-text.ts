import type { AnswerText } from './answer-text.js';
import { wrapText } from './wrap-text.js';

const MOST_BLANK_ROWS = 50;

/** An answer's text wrapped at words and otherwise as it is, in rows of `width()` cells: what `--no-markdown` shows. */
export function openPlainText(look: { width(): number }): AnswerText {
  // What has not been settled; white space before the first word is dropped.
  let text = '';
  let begun = false;
  const rest = (): string[] =>
    text.trim() === '' ? [] : wrapText(text.trimEnd(), look.width()).map((row) => row.text);
  return {
    push: (added) => {
      text += begun ? added : added.trimStart();
      begun ||= text !== '';
    },
    settle: () => {
      const wrapped = wrapText(text, look.width());
      // Blank rows wait for what follows them.
      let count = wrapped.length - 1;
      while (count > 0 && wrapped[count - 1]?.text === '') count -= 1;
      if (wrapped.length - count > MOST_BLANK_ROWS) count = wrapped.length - 1;
      text = text.slice(wrapped[count]?.start ?? 0);
      return wrapped.slice(0, count).map((row) => row.text);
    },
    tail: (most) => (most > 0 ? rest().slice(-most) : []),
    finish: () => {
      const rows = rest();
      text = '';
      return rows;
    },
  };
}
