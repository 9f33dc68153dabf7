import { joinPieces, makePiece, PLAIN } from './pieces.js';
import type { Piece, PieceStyle } from './pieces.js';
import { measurePieces, wrapPieces } from './wrap-pieces.js';

/** Where a cell's text stands in its column. */
export type Align = 'left' | 'center' | 'right';

/** The text of a cell, read. */
export type Cell = readonly Piece[];

/** A table as far as it has come. Its columns get their widths at its end, or when as much is there as is held back. */
export interface Table {
  readonly aligns: readonly Align[];
  readonly header: readonly Cell[];
  /** The rows that are held back. */
  readonly held: readonly (readonly Cell[])[];
  /** What the columns want, once it is final. */
  readonly fixed?: Wants;
}

interface Wants {
  /** The cells of each column's widest text, and of its longest word. */
  readonly widths: readonly number[];
  readonly words: readonly number[];
  /** Whether rows are told apart by lines between them, as some take several. */
  readonly isRuled: boolean;
}

const MOST_ROWS_HELD = 50;
const MOST_TEXT_HELD = 8000;
const MOST_COLUMNS = 40;
const LONGEST_WORD = 16;
const NARROWEST = 8;
const BOLD: PieceStyle = { bold: true };
const DIM: PieceStyle = { dim: true };

/** The cells of a line of a table, trimmed; `\|` is a bar that is text. */
export function splitRow(line: string): string[] {
  const cells: string[] = [];
  let cell = '';
  const text = line.trim();
  for (let at = text.startsWith('|') ? 1 : 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\' && text[at + 1] === '|') {
      cell += '|';
      at += 1;
    } else if (character === '|') {
      cells.push(cell.trim());
      cell = '';
    } else cell += character;
  }
  if (cell.trim() !== '' || !text.endsWith('|')) cells.push(cell.trim());
  return cells;
}

/** The alignments that a line below a table's header gives its columns; undefined if it is no such line. */
export function readAligns(line: string): Align[] | undefined {
  if (!/^[\s|:-]+$/.test(line) || !line.includes('|') || !line.includes('-')) return undefined;
  const aligns: Align[] = [];
  for (const cell of splitRow(line)) {
    if (!/^:?-+:?$/.test(cell)) return undefined;
    const isRight = cell.endsWith(':');
    if (aligns.length === MOST_COLUMNS) return undefined;
    aligns.push(isRight ? (cell.startsWith(':') ? 'center' : 'right') : 'left');
  }
  return aligns;
}

/** Takes one value for each column; what is more stays in the last. */
function fitCells(cells: readonly string[], count: number): string[] {
  const fitted = cells.slice(0, count);
  if (cells.length > count) fitted[count - 1] = cells.slice(count - 1).join(' | ');
  while (fitted.length < count) fitted.push('');
  return fitted;
}

/** The cells of a line as the table's columns have them. */
export function readCells(line: string, count: number, read: (text: string) => Piece[]): Cell[] {
  return fitCells(splitRow(line), count).map(read);
}

/** The cells of its widest line, and of its longest word, as far as that counts. */
function measureCell(cell: Cell): { readonly width: number; readonly word: number } {
  const lines = wrapPieces(cell, 1_000_000);
  const words = lines.map(joinPieces).join(' ').split(' ');
  const longest = Math.max(...words.map((word) => measurePieces([makePiece(word, PLAIN)])));
  return { width: Math.max(...lines.map(measurePieces)), word: Math.min(LONGEST_WORD, longest) };
}

/** Shares the cells among the columns: none gets more than it wants, and those that want most get the same. */
function shareOut(wants: readonly number[], room: number): number[] {
  const shares = wants.map(() => 0);
  let left = room;
  const order = wants.map((want, index) => ({ want, index })).sort((a, b) => a.want - b.want);
  for (const [done, { want, index }] of order.entries()) {
    const share = Math.min(want, Math.floor(left / (order.length - done)));
    shares[index] = share;
    left -= share;
  }
  return shares;
}

/** The widths of the columns in a row of `width` cells; undefined where that is too narrow for columns. */
function layOut({ widths, words }: Omit<Wants, 'isRuled'>, width: number): number[] | undefined {
  const room = width - 3 * (widths.length - 1);
  const total = (parts: readonly number[]): number => parts.reduce((sum, part) => sum + part, 0);
  if (total(widths) <= room) return widths.map((part) => Math.max(1, part));
  if (total(words) <= room) {
    const rest = shareOut(
      widths.map((part, index) => part - (words[index] ?? 0)),
      room - total(words),
    );
    return words.map((part, index) => Math.max(1, part + (rest[index] ?? 0)));
  }
  return room / widths.length >= NARROWEST ? shareOut(widths, room) : undefined;
}

function collectWants({ header, held }: Table, width: number): Wants {
  const columns = header.map((cell, index) =>
    [cell, ...held.map((row) => row[index] ?? [])].map(measureCell),
  );
  const widths = columns.map((cells) => Math.max(...cells.map(({ width: widest }) => widest)));
  const words = columns.map((cells) => Math.max(...cells.map(({ word }) => word)));
  const isRuled =
    layOut({ widths, words }, width)?.some((part, index) => part < (widths[index] ?? 0)) ?? false;
  return { widths, words, isRuled };
}

function pad(row: readonly Piece[], width: number, align: Align): Piece[] {
  const room = Math.max(0, width - measurePieces(row));
  const before = align === 'left' ? 0 : align === 'right' ? room : Math.floor(room / 2);
  const blank = (count: number): Piece[] => (count === 0 ? [] : [{ text: ' '.repeat(count), style: PLAIN }]);
  return [...blank(before), ...row, ...blank(room - before)];
}

function drawRow(
  cells: readonly Cell[],
  widths: readonly number[],
  table: Table,
  unicode: boolean,
): Piece[][] {
  const wrapped = cells.map((cell, index) => wrapPieces(cell, widths[index] ?? 1));
  const height = Math.max(...wrapped.map((rows) => rows.length));
  const bar: Piece = { text: unicode ? ' │ ' : ' | ', style: DIM };
  return Array.from({ length: height }, (_, line) =>
    wrapped.flatMap((rows, index) => [
      ...(index === 0 ? [] : [bar]),
      ...pad(rows[line] ?? [], widths[index] ?? 1, table.aligns[index] ?? 'left'),
    ]),
  );
}

function drawRule(widths: readonly number[], unicode: boolean): Piece[] {
  const [line, cross] = unicode ? ['─', '─┼─'] : ['-', '-+-'];
  return [{ text: widths.map((width) => line.repeat(width)).join(cross), style: DIM }];
}

function embolden(cell: Cell): Piece[] {
  return cell.map((piece) => ({ ...piece, style: { ...piece.style, bold: true } }));
}

/** Rows for a screen too narrow for columns: each value behind its column's name, a blank row between two records. */
function drawRecords(
  table: Table,
  rows: readonly (readonly Cell[])[],
  isFirst: boolean,
  width: number,
): Piece[][] {
  if (rows.length === 0) return table.header.flatMap((cell) => wrapPieces(embolden(cell), width));
  return rows.flatMap((row, index) => [
    ...(isFirst && index === 0 ? [] : [[]]),
    ...row.flatMap((cell, column) => {
      const name = embolden(table.header[column] ?? []);
      return wrapPieces(name.length === 0 ? cell : [...name, makePiece(': ', BOLD), ...cell], width);
    }),
  ]);
}

function drawRows(
  table: Table,
  rows: readonly (readonly Cell[])[],
  look: {
    readonly wants: Wants;
    readonly isFirst: boolean;
    readonly width: number;
    readonly unicode: boolean;
  },
): Piece[][] {
  const { wants, isFirst, width, unicode } = look;
  const widths = layOut(wants, width);
  if (widths === undefined) return drawRecords(table, rows, isFirst, width);
  const rule = drawRule(widths, unicode);
  return [
    ...(isFirst ? [...drawRow(table.header.map(embolden), widths, table, unicode), rule] : []),
    ...rows.flatMap((row, index) => [
      ...(wants.isRuled && !(isFirst && index === 0) ? [rule] : []),
      ...drawRow(row, widths, table, unicode),
    ]),
  ];
}

/** The table with one more row, and the rows of the screen that have become final by it. */
export function addRow(
  table: Table,
  cells: readonly Cell[],
  width: number,
  unicode: boolean,
): { readonly table: Table; readonly rows: Piece[][] } {
  if (table.fixed !== undefined) {
    const look = { wants: table.fixed, isFirst: false, width, unicode };
    return { table, rows: drawRows(table, [cells], look) };
  }
  const grown: Table = { ...table, held: [...table.held, cells] };
  const text = grown.held.reduce(
    (sum, row) => sum + row.reduce((part, cell) => part + joinPieces(cell).length, 0),
    0,
  );
  if (grown.held.length < MOST_ROWS_HELD && text < MOST_TEXT_HELD) return { table: grown, rows: [] };
  const fixed = collectWants(grown, width);
  const rows = drawRows(grown, grown.held, { wants: fixed, isFirst: true, width, unicode });
  return { table: { ...grown, held: [], fixed }, rows };
}

/** The rows of the screen for what is held back of a table that has ended. */
export function endTable(table: Table, width: number, unicode: boolean): Piece[][] {
  if (table.fixed !== undefined) return [];
  return drawRows(table, table.held, { wants: collectWants(table, width), isFirst: true, width, unicode });
}
