import { cleanLine } from '../../format/clean.js';
import { displayWidth, padEnd, truncateEnd } from '../../format/width.js';
import type { Styles } from '../../output/styles.js';
import type { Symbols } from '../../output/symbols.js';
import type { Block } from './blocks.js';
import { fitFacts } from './wording.js';
import type { Fact } from './wording.js';
import { wrapText } from './wrap.js';

/** What the chat is drawn with. */
export interface Look {
  readonly styles: Styles;
  readonly signs: Symbols;
  readonly unicode: boolean;
}

const INDENT = '  ';
const MARGINS = 4;

/** How many cells a row of text has between the margins of a terminal. */
export function textWidth(columns: number): number {
  return Math.max(2, columns - MARGINS);
}

function wrapRows(text: string, width: number): string[] {
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

function drawPairs(pairs: readonly (readonly [string, string])[], width: number, { styles }: Look): string[] {
  const first = Math.max(...pairs.map(([usage]) => displayWidth(usage)));
  // Too narrow for two columns: what it does stands under what to type.
  if (first + 20 > width) {
    return pairs.flatMap(([usage, summary]) => [
      ...wrapRows(usage, width).map((row) => INDENT + styles.accent(row)),
      ...wrapRows(summary, width - 2).map((row) => INDENT + INDENT + row),
    ]);
  }
  return pairs.flatMap(([usage, summary]) =>
    wrapRows(summary, width - first - 2).map(
      (row, index) => INDENT + styles.accent(padEnd(index === 0 ? usage : '', first)) + INDENT + row,
    ),
  );
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

function drawRows(block: Block, columns: number, rows: number, look: Look): string[] {
  const { styles, signs } = look;
  const width = textWidth(columns);
  switch (block.kind) {
    case 'header':
      return drawHeader(block.parts, columns - 2, look);
    case 'prompt':
      return drawMarked(styles.accent(signs.prompt), block.text, width, styles.bold);
    case 'thought':
      return wrapRows(`${signs.fold} ${block.text}`, width).map((row) => INDENT + styles.dim(row));
    case 'answer':
      return block.rows.map((row) => INDENT + row);
    case 'facts':
      return [INDENT + drawFacts(block.facts, width, look)];
    case 'note':
      return wrapRows(block.text, width).map((row) => INDENT + styles.dim(row));
    case 'help':
      return block.groups.flatMap((pairs, index) => [
        ...(index === 0 ? [] : ['']),
        ...drawPairs(pairs, width, look),
      ]);
    case 'models':
      return block.names.map((name) => {
        const isCurrent = name === block.current;
        const text = cleanLine(name);
        return INDENT + (isCurrent ? `${styles.accent(signs.prompt)} ${styles.bold(text)}` : `  ${text}`);
      });
    case 'failure':
      return [
        ...drawMarked(styles.bad(signs.cross), block.message, width, (row) => row),
        ...(block.hint === undefined
          ? []
          : wrapRows(block.hint, width).map((row) => INDENT + styles.dim(row))),
      ];
    case 'blank':
      return Array<string>(Math.max(0, rows - 1)).fill('');
  }
}

/** The lines of a block, a blank one before it where the eye wants one. */
export function drawBlock(block: Block, columns: number, rows: number, look: Look): string[] {
  const drawn = drawRows(block, columns, rows, look);
  const isJoined = block.kind === 'header' || (block.kind === 'answer' && !block.first);
  return isJoined ? drawn : ['', ...drawn];
}
