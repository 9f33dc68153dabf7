import { measurePieces, cutPieces, wrapPieces } from './wrap-pieces.js';
import { paintRow } from './paint.js';
import { makePiece, PLAIN } from './pieces.js';
import type { Piece, PieceStyle } from './pieces.js';
import type { CodeLeaf, Container, Reading, VerbatimLeaf } from './state.js';

const BAR: PieceStyle = { dim: true };
const MARK: PieceStyle = { accent: true };
const NARROWEST_TEXT = 4;
const NARROWEST_CODE = 8;

function drawContainer(container: Container, unicode: boolean, isMarked: boolean): Piece {
  if (container.kind === 'quote') return { text: unicode ? '│ ' : '| ', style: BAR };
  const text = `${container.mark} `;
  if (isMarked && !container.isShown) return makePiece(text, MARK);
  return { text: ' '.repeat(measurePieces([{ text, style: PLAIN }])), style: PLAIN };
}

/** How many of the containers have room before their text: the outermost ones, on half of a row at most. */
function countFitting({ look, stack }: Reading): { count: number; width: number } {
  const most = Math.max(0, Math.min(Math.floor(look.width() / 2), look.width() - NARROWEST_TEXT));
  let width = 0;
  for (const [count, container] of stack.entries()) {
    const added = measurePieces([drawContainer(container, look.unicode, true)]);
    if (width + added > most) return { count, width };
    width += added;
  }
  return { count: stack.length, width };
}

/** The cells that are left of a row beside the containers' marks. */
export function roomFor(reading: Reading): number {
  return Math.max(1, reading.look.width() - countFitting(reading).width);
}

function pushRow(reading: Reading, row: readonly Piece[], isMarked: boolean): void {
  const { look, stack } = reading;
  const fitting = stack.slice(0, countFitting(reading).count);
  const lead = fitting.map((container) => drawContainer(container, look.unicode, isMarked));
  reading.rows.push(paintRow([...lead, ...row], look));
  reading.hasRows = true;
}

function markShown(reading: Reading): void {
  reading.stack = reading.stack.map((container) =>
    container.kind === 'item' && !container.isShown ? { ...container, isShown: true } : container,
  );
}

/** Rows within the containers that are open; the first shows the marks of items that have none yet. */
export function emitRows(reading: Reading, rows: readonly (readonly Piece[])[]): void {
  const { count } = countFitting(reading);
  const squeezed = reading.stack.slice(count).filter((item) => item.kind === 'item' && !item.isShown);
  if (squeezed.length > 0) {
    const marks = squeezed.map((item) => drawContainer(item, reading.look.unicode, true));
    for (const row of cutPieces(marks, roomFor(reading))) pushRow(reading, row, true);
    markShown(reading);
  }
  for (const row of rows) {
    pushRow(reading, row, true);
    if (reading.stack.some((item) => item.kind === 'item' && !item.isShown)) markShown(reading);
  }
}

/** A blank row within the containers that are open. */
export function emitBlank(reading: Reading): void {
  pushRow(reading, [], false);
}

/** A rule as wide as a row. */
export function emitRule(reading: Reading): void {
  const text = (reading.look.unicode ? '─' : '-').repeat(roomFor(reading));
  emitRows(reading, [[{ text, style: BAR }]]);
}

function codeIndent(room: number): Piece[] {
  return room > NARROWEST_CODE ? [{ text: '  ', style: PLAIN }] : [];
}

/** The language of code, where it has a name. */
export function emitLanguage(reading: Reading, language: string): void {
  const room = roomFor(reading);
  emitRows(reading, cutPieces([makePiece(language, BAR)], room));
}

/** A line of code, or a piece of one whose end is still to come: then the last row waits for more. */
export function emitCode(reading: Reading, leaf: CodeLeaf, pieces: readonly Piece[], ends: boolean): void {
  const room = roomFor(reading);
  const indent = codeIndent(room);
  const rows = cutPieces([...leaf.carry, ...pieces], room - measurePieces(indent));
  leaf.carry = ends ? [] : (rows.pop() ?? []);
  emitRows(
    reading,
    rows.map((row) => [...indent, ...row]),
  );
}

/** A line that is shown as it is, or a piece of one. */
export function emitVerbatim(reading: Reading, leaf: VerbatimLeaf, text: string, ends: boolean): void {
  const rows = wrapPieces([...leaf.carry, makePiece(text, PLAIN)], roomFor(reading));
  // A row has no spaces at its end, yet here a word may follow.
  const space = /[ \t]$/.test(text) ? [{ text: ' ', style: PLAIN }] : [];
  leaf.carry = ends ? [] : [...(rows.pop() ?? []), ...space];
  emitRows(reading, rows);
}
