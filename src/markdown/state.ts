import type { MarkdownLook } from './paint.js';
import type { Piece } from './pieces.js';
import type { Verbatim } from './line.js';
import type { Table } from './table.js';

/** A quote, or an item of a list: what other blocks stand in. */
export type Container =
  | { readonly kind: 'quote' }
  | {
      readonly kind: 'item';
      readonly ordered: boolean;
      readonly sign: string;
      readonly number: number;
      /** How far its text is indented in the source. */
      readonly indent: number;
      /** The mark as it is drawn, without the space behind it. */
      readonly mark: string;
      /** Whether a row with the mark has been drawn. */
      readonly isShown: boolean;
    };

/** A paragraph, or a heading; `text` is what has not become rows, `carry` the row that more text may still fill. */
export interface TextLeaf {
  readonly kind: 'text';
  /** 0 for a paragraph. */
  level: number;
  text: string;
  carry: readonly Piece[];
  /** Whether rows of it are final: it cannot become something else any more. */
  isBegun: boolean;
}

/** Code between fences, or indented. */
export interface CodeLeaf {
  readonly kind: 'code';
  /** The marks that it was opened by; undefined for indented code. */
  readonly marks: string | undefined;
  readonly indent: number;
  readonly language: string | undefined;
  context: string;
  /** Blank lines of indented code, which are its own only if more of it follows. */
  blanks: number;
  carry: readonly Piece[];
}

/** Lines that are shown as they are. */
export interface VerbatimLeaf extends Verbatim {
  readonly kind: 'verbatim';
  carry: readonly Piece[];
}

/** A table. */
export interface TableLeaf {
  readonly kind: 'table';
  table: Table;
}

/** The block at the end of the text that more lines may belong to. */
export type Leaf = TextLeaf | CodeLeaf | VerbatimLeaf | TableLeaf;

/** How far an answer has been read. Its size is bounded, whatever the text. */
export interface Reading {
  readonly look: MarkdownLook;
  /** From the outermost to the innermost. */
  stack: readonly Container[];
  leaf: Leaf | undefined;
  /** Whether a blank line came since the last block. */
  isBlankSeen: boolean;
  /** Whether the last block was a paragraph: a list may follow it closely. */
  isAfterParagraph: boolean;
  hasRows: boolean;
  /** Whether what comes is the rest of a line of which the beginning has been read. */
  isMidLine: boolean;
  /** The rows that are final. */
  rows: string[];
}

/** The reading of which nothing has come. */
export function startReading(look: MarkdownLook): Reading {
  return {
    look,
    stack: [],
    leaf: undefined,
    isBlankSeen: false,
    isAfterParagraph: false,
    hasRows: false,
    isMidLine: false,
    rows: [],
  };
}

/** The same reading to go on with, which leaves the first one as it is; it has no rows of its own yet. */
export function copyReading(reading: Reading): Reading {
  const { leaf } = reading;
  return { ...reading, leaf: leaf === undefined ? undefined : { ...leaf }, rows: [] };
}
