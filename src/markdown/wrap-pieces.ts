import { graphemeWidth, splitGraphemes, textWidth } from './cells.js';
import type { Piece } from './pieces.js';

// Characters that take no cells do not fill a row; they must not make it endless.
const MOST_UNITS = 4000;

/** How many cells pieces take side by side. */
export function measurePieces(pieces: readonly Piece[]): number {
  let width = 0;
  for (const { text } of pieces) width += textWidth(text);
  return width;
}

/** Rows that are filled word by word. */
class RowFiller {
  readonly rows: Piece[][] = [];
  private row: Piece[] = [];
  private used = 0;
  private units = 0;
  private space: Piece | undefined;
  private word: Piece[] = [];
  private wordWidth = 0;
  private isLineStart = true;
  private readonly width: number;

  constructor(width: number) {
    this.width = Math.max(1, width);
  }

  addToWord(piece: Piece, width: number): void {
    this.word.push(piece);
    this.wordWidth += width;
  }

  addSpace(piece: Piece): void {
    this.endWord();
    // The text's own indent is kept; what a break leaves behind is dropped.
    if (this.used > 0 || this.isLineStart) this.space ??= piece;
  }

  endWord(): void {
    const pieces = this.word;
    const width = this.wordWidth;
    if (pieces.length === 0) return;
    this.word = [];
    this.wordWidth = 0;
    const units = pieces.reduce((sum, { text }) => sum + text.length, 0);
    const gap = this.space === undefined ? 0 : this.space.text.length;
    if (this.units > 0 && !this.hasRoom(gap + width, gap + units)) this.breakRow();
    else if (this.space !== undefined && gap + width <= this.width) {
      this.row.push(this.space);
      this.used += gap;
      this.units += gap;
    }
    this.space = undefined;
    this.isLineStart = false;
    if (this.hasRoom(width, units)) {
      for (const piece of pieces) this.row.push(piece);
      this.used += width;
      this.units += units;
    } else this.cutIn(pieces);
  }

  /** Fills in what is longer than a row, cut where the row ends. */
  cutIn(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      const whole = piece.solid === true ? textWidth(piece.text) : Infinity;
      if (whole <= this.width && this.used + whole > this.width) this.breakRow();
      let text = '';
      for (const grapheme of splitGraphemes(piece.text)) {
        const cells = graphemeWidth(grapheme);
        if (this.units > 0 && !this.hasRoom(cells, grapheme.length)) {
          if (text !== '') this.row.push({ ...piece, text });
          text = '';
          this.breakRow();
        }
        text += grapheme;
        this.used += cells;
        this.units += grapheme.length;
      }
      if (text !== '') this.row.push({ ...piece, text });
    }
  }

  private hasRoom(cells: number, units: number): boolean {
    return this.used + cells <= this.width && this.units + units <= MOST_UNITS;
  }

  private breakRow(): void {
    this.rows.push(this.row);
    this.row = [];
    this.used = 0;
    this.units = 0;
  }

  endLine(): void {
    this.endWord();
    this.space = undefined;
    this.breakRow();
    this.isLineStart = true;
  }

  finish(): Piece[][] {
    this.endWord();
    this.rows.push(this.row);
    return this.rows;
  }
}

function addPiece(filler: RowFiller, piece: Piece): void {
  for (const part of piece.text.split(/( +)/)) {
    if (part === '') continue;
    const same = part === piece.text ? piece : { ...piece, text: part };
    if (part.startsWith(' ')) filler.addSpace(same);
    else if (piece.solid === true || /^[!-~]*$/.test(part)) filler.addToWord(same, textWidth(part));
    else {
      let narrow = '';
      const endNarrow = (): void => {
        if (narrow !== '') filler.addToWord({ ...piece, text: narrow }, textWidth(narrow));
        narrow = '';
      };
      for (const grapheme of splitGraphemes(part)) {
        const cells = graphemeWidth(grapheme);
        if (cells < 2) {
          narrow += grapheme;
          continue;
        }
        // East Asian text may be broken at each of its characters.
        endNarrow();
        filler.endWord();
        filler.addToWord({ ...piece, text: grapheme }, cells);
        filler.endWord();
      }
      endNarrow();
    }
  }
}

/**
 * Breaks pieces between words into rows of at most `width` cells; a longer word is cut between graphemes. At least one
 * row; more pieces at the end change only the last one.
 */
export function wrapPieces(pieces: readonly Piece[], width: number): Piece[][] {
  const filler = new RowFiller(width);
  for (const piece of pieces) {
    if (piece.text === '\n') filler.endLine();
    else addPiece(filler, piece);
  }
  return filler.finish();
}

/** Breaks pieces wherever a row of `width` cells is full, as code is; at least one row. */
export function cutPieces(pieces: readonly Piece[], width: number): Piece[][] {
  const filler = new RowFiller(width);
  filler.cutIn(pieces);
  return filler.finish();
}
