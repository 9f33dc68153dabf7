import { cleanLine } from '../format/clean.js';

/** What a part of a code block is: each has its colour. */
export type CodeRole = 'keyword' | 'string' | 'number' | 'comment' | 'name' | 'type' | 'added' | 'removed';

/** How a piece of text looks. */
export interface PieceStyle {
  readonly bold?: boolean;
  readonly italic?: boolean;
  readonly strike?: boolean;
  readonly underline?: boolean;
  readonly dim?: boolean;
  readonly accent?: boolean;
  readonly role?: CodeRole;
  /** Where a click on it leads. */
  readonly href?: string;
}

/** A piece of text of one look. Its text has no control characters; `\n` alone is the end of a row. */
export interface Piece {
  readonly text: string;
  readonly style: PieceStyle;
  /** It is broken only where it is longer than a row: an address. */
  readonly solid?: boolean;
}

export const PLAIN: PieceStyle = {};
export const LINE_END: Piece = { text: '\n', style: PLAIN };

// As many as any language needs on one letter.
const MOST_MARKS = /(\p{M}{8})\p{M}+/gu;

/** A piece of clean text, tabs as spaces: all pieces with text of others are made here. */
export function makePiece(text: string, style: PieceStyle, solid = false): Piece {
  const clean = cleanLine(text.replaceAll('\t', '    ')).replace(MOST_MARKS, '$1');
  return solid ? { text: clean, style, solid } : { text: clean, style };
}

/** The text of pieces as it reads in one row. */
export function joinPieces(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join('');
}
