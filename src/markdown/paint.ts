import type { ColorLevel } from '../output/color-level.js';
import type { Styles } from '../output/styles.js';
import type { Highlighter } from './highlight.js';
import type { CodeRole, Piece, PieceStyle } from './pieces.js';

/** What an answer's markup is drawn with. */
export interface MarkdownLook {
  readonly styles: Styles;
  readonly unicode: boolean;
  readonly level: ColorLevel;
  /** Cells of a row, as of now. */
  width(): number;
  /** Whether the terminal takes OSC 8. */
  readonly links: boolean;
  /** Colours code; without it code has one colour. `loadHighlighter` gives one. */
  readonly highlight?: Highlighter;
}

const wrapIn =
  (open: number, close: number) =>
  (text: string): string =>
    `\u001b[${String(open)}m${text}\u001b[${String(close)}m`;
const italic = wrapIn(3, 23);
const underline = wrapIn(4, 24);
const strike = wrapIn(9, 29);
const magenta = wrapIn(35, 39);

function paintRole(role: CodeRole, text: string, styles: Styles): string {
  switch (role) {
    case 'keyword':
      return magenta(text);
    case 'string':
    case 'added':
      return styles.good(text);
    case 'number':
    case 'type':
      return styles.warn(text);
    case 'comment':
      return styles.dim(text);
    case 'name':
      return styles.accent(text);
    case 'removed':
      return styles.bad(text);
  }
}

function paintText(text: string, style: PieceStyle, { styles, level }: MarkdownLook): string {
  if (level === 0) return text;
  let painted = text;
  if (style.role !== undefined) painted = paintRole(style.role, painted, styles);
  if (style.accent === true) painted = styles.accent(painted);
  if (style.bold === true) painted = styles.bold(painted);
  if (style.dim === true) painted = styles.dim(painted);
  if (style.italic === true) painted = italic(painted);
  if (style.underline === true) painted = underline(painted);
  if (style.strike === true) painted = strike(painted);
  return painted;
}

/** The pieces of one row as they are written, spaces at its end dropped. */
export function paintRow(row: readonly Piece[], look: MarkdownLook): string {
  const runs: { text: string; style: PieceStyle }[] = [];
  for (const { text, style } of row) {
    const last = runs.at(-1);
    if (last?.style === style) last.text += text;
    else runs.push({ text, style });
  }
  while (runs.at(-1)?.text.trim() === '') runs.pop();
  return runs
    .map(({ text, style }, index) => {
      const painted = paintText(index === runs.length - 1 ? text.trimEnd() : text, style, look);
      if (style.href === undefined || !look.links) return painted;
      return `\u001b]8;;${style.href}\u001b\\${painted}\u001b]8;;\u001b\\`;
    })
    .join('');
}
