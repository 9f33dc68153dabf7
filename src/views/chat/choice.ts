import type { Choice, Question } from '../../chat/stage.js';
import { truncateEnd } from '../../format/width.js';
import { wrapRows } from './draw.js';
import type { Look } from './draw.js';
import type { Frame } from './surface.js';

/** A question on the screen, and the choice that Enter takes. */
export interface Asking {
  readonly question: Question;
  readonly selected: number;
}

/** The question with the choice above or below; from the last one on to the first. */
export function moveChoice(asking: Asking, step: 1 | -1): Asking {
  const count = asking.question.choices.length;
  return { ...asking, selected: (asking.selected + step + count) % count };
}

/** The choice of a letter, or of its number from 1 on; undefined where there is none. */
export function findChoice(question: Question, typed: string): Choice | undefined {
  const wanted = typed.trim().toLowerCase();
  return (
    question.choices.find(({ letter }) => letter.toLowerCase() === wanted) ??
    (/^[1-9]\d?$/.test(wanted) ? question.choices[Number(wanted) - 1] : undefined)
  );
}

/** Which of `count` things are shown where only `most` fit: those around the selected one. */
export function windowAround(count: number, selected: number, most: number): { from: number; to: number } {
  const from = Math.max(0, Math.min(selected - Math.floor(most / 2), count - most));
  return { from, to: Math.min(count, from + most) };
}

/** The choices, each with all of its label, or the label's beginning; the rows of each one. */
function drawChoices(
  { question, selected }: Asking,
  width: number,
  isWhole: boolean,
  look: Look,
): string[][] {
  const { styles, signs } = look;
  const room = Math.max(2, width - 5);
  return question.choices.map(({ letter, label }, index) => {
    const [first = '', ...others] = isWhole
      ? wrapRows(label, room)
      : [truncateEnd(label, room, signs.ellipsis)];
    const paint = index === selected ? styles.bold : (text: string): string => text;
    const lead =
      index === selected
        ? `  ${styles.accent(`${signs.prompt} ${letter}`)}  `
        : `    ${styles.accent(letter)}  `;
    return [lead + paint(first), ...others.map((row) => `       ${paint(row)}`)];
  });
}

/** Draws a question in at most `most` rows: its choices first of all, then its title, then what fits of the details. */
export function drawChoice(asking: Asking, columns: number, most: number, look: Look): Frame {
  const { styles, signs } = look;
  const { question, selected } = asking;
  const width = Math.max(4, columns - 4);
  const count = question.choices.length;
  // Without its choices a question is nothing.
  const titleRoom = Math.max(0, most - Math.min(count, Math.max(1, most - 1)));
  const titles = wrapRows(question.title, width).slice(0, titleRoom);
  const whole = drawChoices(asking, width, true, look);
  const isWhole = titles.length + whole.flat().length <= most;
  const { from, to } = isWhole
    ? { from: 0, to: count }
    : windowAround(count, selected, Math.max(1, most - titles.length));
  const choices = (isWhole ? whole : drawChoices(asking, width, false, look)).slice(from, to);
  const room = most - titles.length - choices.flat().length - 1;
  const wrapped = question.details.flatMap((detail) => wrapRows(detail, width));
  const details =
    wrapped.length > room && room > 0
      ? [
          ...wrapped.slice(0, room - 1),
          truncateEnd(`${signs.ellipsis} ${wrapped.length - room + 1} more rows`, width, ''),
        ]
      : wrapped.slice(0, Math.max(0, room));
  const gap = details.length > 0 ? [''] : [];
  const above = [
    ...titles.map((row) => `  ${styles.bold(row)}`),
    ...details.map((row) => `  ${styles.dim(row)}`),
    ...gap,
  ];
  const y = above.length + choices.slice(0, selected - from).flat().length;
  return { lines: [...above, ...choices.flat()], cursor: { x: Math.min(2, columns - 1), y } };
}
