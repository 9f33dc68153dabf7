import { cleanLine } from '../../format/clean.js';
import { displayWidth, padEnd, truncateEnd } from '../../format/width.js';
import type { Styles } from '../../output/styles.js';
import type { Symbols } from '../../output/symbols.js';
import type { Block } from '../../chat/blocks.js';
import { fitFacts } from '../../chat/wording.js';
import type { Fact } from '../../chat/wording.js';
import type { AnswerText } from '../../markdown/answer-text.js';
import { wrapText } from '../../markdown/wrap-text.js';

/** What the chat is drawn with. */
export interface Look {
  readonly styles: Styles;
  readonly signs: Symbols;
  readonly unicode: boolean;
  /** A text in a model's markup, in rows between the margins. */
  openText(): AnswerText;
}

const INDENT = '  ';
const MARGINS = 4;
/** A call of a function is no more of the screen than so many rows; what it gave back is one. */
const MOST_CALL_ROWS = 3;
/** The part of a row that the first of two columns may take, and the cells that the second one needs. */
const WIDEST_USAGE = 0.4;
const LEAST_SUMMARY = 30;

/** How many cells a row of text has between the margins of a terminal. */
export function textWidth(columns: number): number {
  return Math.max(2, columns - MARGINS);
}

/** The text in rows of at most so many cells. */
export function wrapRows(text: string, width: number): string[] {
  return wrapText(text, width).map((row) => row.text);
}

/** Rows with a sign before the first, and as much room before the others. */
function drawMarked(sign: string, text: string, width: number, paint: (row: string) => string): string[] {
  const lead = `${sign} `;
  const room = ' '.repeat(displayWidth(lead));
  return wrapRows(text, Math.max(2, width - room.length + 2)).map(
    (row, index) => (index === 0 ? lead : room) + paint(row),
  );
}

function drawDim(text: string, width: number, { styles }: Look): string[] {
  return wrapRows(text, width).map((row) => INDENT + styles.dim(row));
}

function drawPairs(pairs: readonly (readonly [string, string])[], width: number, { styles }: Look): string[] {
  const widths = pairs.map(([usage]) => displayWidth(usage));
  const most = Math.floor(width * WIDEST_USAGE);
  const first = Math.max(0, ...widths.filter((wide) => wide <= most));
  return pairs.flatMap(([usage, summary], index) => {
    // Too wide for two columns: what it does stands under what to type.
    if ((widths[index] ?? 0) > first || first + LEAST_SUMMARY > width) {
      return [
        ...wrapRows(usage, width).map((row) => INDENT + styles.accent(row)),
        ...wrapRows(summary, width - 2).map((row) => INDENT + INDENT + row),
      ];
    }
    return wrapRows(summary, width - first - 2).map(
      (row, at) => INDENT + styles.accent(padEnd(at === 0 ? usage : '', first)) + INDENT + row,
    );
  });
}

function drawFacts(facts: readonly Fact[], width: number, { styles, signs }: Look): string {
  const separator = ` ${signs.dot} `;
  return fitFacts(facts, separator, width)
    .map(({ text, warn }) => (warn ? styles.warn(text) : styles.dim(text)))
    .join(styles.dim(separator));
}

/** The parts side by side, in as many rows as they need. */
function drawHeader(parts: readonly string[], width: number, { styles, signs }: Look): string[] {
  const [title = '', ...others] = parts;
  const separator = ` ${signs.dot} `;
  const rows = [
    { drawn: styles.bold(truncateEnd(title, width, signs.ellipsis)), width: displayWidth(title) },
  ];
  for (const part of others) {
    const last = rows.at(-1);
    const wide = displayWidth(part);
    if (last !== undefined && last.width + separator.length + wide <= width) {
      last.drawn += styles.dim(separator + part);
      last.width += separator.length + wide;
    } else rows.push({ drawn: styles.dim(part), width: wide });
  }
  return rows.map(({ drawn }) => ` ${drawn}`);
}

function drawTool(call: string, outcome: string, isError: boolean, width: number, look: Look): string[] {
  const { styles, signs } = look;
  const sign = isError ? styles.bad(signs.cross) : styles.good(signs.check);
  const rows = drawMarked(sign, call, width, (row) => row).slice(0, MOST_CALL_ROWS);
  const inner = width - 2;
  return [
    ...rows.map((row) => INDENT + row),
    ...(outcome === '' ? [] : [INDENT + INDENT + styles.dim(truncateEnd(outcome, inner, signs.ellipsis))]),
  ];
}

/** Rows of an answer, with the margin that they have. */
export function drawAnswer(rows: readonly string[]): string[] {
  return rows.map((row) => (row === '' ? '' : INDENT + row));
}

/** Rows of a thought, with the margin that they have. */
export function drawThought(rows: readonly string[], { styles }: Look): string[] {
  return rows.map((row) => (row === '' ? '' : INDENT + INDENT + styles.dim(row)));
}

/** The line that stands for what is folded, or above what was. */
export function drawFold(title: string, isOpen: boolean, width: number, look: Look): string[] {
  const sign = isOpen ? (look.unicode ? '▾' : '-') : look.signs.fold;
  return drawDim(`${sign} ${title}`, width, look);
}

function drawMessage(text: string, look: Look): string[] {
  const rows = look.openText();
  rows.push(text);
  return drawAnswer(rows.finish());
}

function drawModels(names: readonly string[], current: string, { styles, signs }: Look): string[] {
  return names.map((name) => {
    const text = cleanLine(name);
    return INDENT + (name === current ? `${styles.accent(signs.prompt)} ${styles.bold(text)}` : `  ${text}`);
  });
}

function drawRows(block: Block, columns: number, look: Look): string[] {
  const { styles, signs } = look;
  const width = textWidth(columns);
  switch (block.kind) {
    case 'header':
      return drawHeader(block.parts, columns - 2, look);
    case 'prompt':
      return drawMarked(styles.accent(signs.prompt), block.text, width, styles.bold);
    case 'thought':
      return drawFold(block.title, false, width, look);
    case 'message':
      return drawMessage(block.text, look);
    case 'facts':
      return block.facts.length === 0 ? [] : [INDENT + drawFacts(block.facts, width, look)];
    case 'tool':
      return drawTool(block.call, block.outcome, block.isError, width, look);
    case 'note':
      return drawDim(block.text, width, look);
    case 'warning':
      return drawMarked(styles.warn(signs.warn), block.text, width, (row) => row);
    case 'pairs':
      return block.groups.flatMap((pairs, index) => [
        ...(index === 0 ? [] : ['']),
        ...drawPairs(pairs, width, look),
      ]);
    case 'models':
      return drawModels(block.names, block.current, look);
    case 'failure':
      return [
        ...drawMarked(styles.bad(signs.cross), block.message, width, (row) => row),
        ...(block.hint === undefined ? [] : drawDim(block.hint, width, look)),
      ];
  }
}

/** The lines of a block, a blank one before it where the eye wants one. */
export function drawBlock(block: Block, columns: number, look: Look): string[] {
  const drawn = drawRows(block, columns, look);
  return drawn.length === 0 || block.kind === 'header' ? drawn : ['', ...drawn];
}
