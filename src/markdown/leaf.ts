import { findCut, MOST_HELD } from './cut.js';
import { emitBlank, emitCode, emitLanguage, emitRows, emitVerbatim, roomFor } from './draw.js';
import { readInline } from './inline.js';
import { countIndent } from './line.js';
import type { Verbatim } from './line.js';
import { makePiece, PLAIN } from './pieces.js';
import type { Piece, PieceStyle } from './pieces.js';
import type { CodeLeaf, Reading, TextLeaf, VerbatimLeaf } from './state.js';
import { addRow, endTable, readAligns, readCells, splitRow } from './table.js';
import { wrapPieces } from './wrap-pieces.js';

const CODE: PieceStyle = { accent: true };
const HEADING: PieceStyle = { bold: true, accent: true };

function readPieces(reading: Reading, text: string, style: PieceStyle = PLAIN): Piece[] {
  const { look } = reading;
  return readInline(text, { styled: look.level > 0, links: look.links }, style);
}

/** The row that is waiting, and the text's pieces behind it. */
function piecesOf(reading: Reading, leaf: TextLeaf, text: string): Piece[] {
  const pieces = [...leaf.carry, ...readPieces(reading, text, leaf.level > 0 ? HEADING : PLAIN)];
  // Without styling a heading is told by its marks.
  if (leaf.level > 0 && !leaf.isBegun && reading.look.level === 0) {
    pieces.unshift(makePiece(`${'#'.repeat(leaf.level)} `, HEADING));
  }
  return pieces;
}

/** Opens a paragraph, or with a level a heading. */
export function openText(reading: Reading, level: number): TextLeaf {
  const leaf: TextLeaf = { kind: 'text', level, text: '', carry: [], isBegun: false };
  reading.leaf = leaf;
  return leaf;
}

/** More of a paragraph. What is longer than is held becomes final. */
export function addText(reading: Reading, leaf: TextLeaf, text: string): void {
  leaf.text += text;
  while (leaf.text.length > MOST_HELD) {
    const cut = findCut(leaf.text);
    const rows = wrapPieces(piecesOf(reading, leaf, leaf.text.slice(0, cut)), roomFor(reading));
    leaf.carry = rows.pop() ?? [];
    leaf.text = leaf.text.slice(cut);
    leaf.isBegun = true;
    emitRows(reading, rows);
  }
}

function closeText(reading: Reading, leaf: TextLeaf): void {
  const pieces = piecesOf(reading, leaf, leaf.text.trimEnd());
  if (pieces.length > 0) emitRows(reading, wrapPieces(pieces, roomFor(reading)));
  reading.isAfterParagraph = leaf.level === 0;
}

/** Ends the block that lines could still belong to. */
export function closeLeaf(reading: Reading): void {
  const { leaf, look } = reading;
  if (leaf === undefined) return;
  if (leaf.kind === 'text') closeText(reading, leaf);
  if (leaf.kind === 'table') emitRows(reading, endTable(leaf.table, roomFor(reading), look.unicode));
  reading.leaf = undefined;
}

/** Opens code: fenced by `marks`, or indented. */
export function openCode(
  reading: Reading,
  marks: string | undefined,
  language: string,
  indent: number,
): CodeLeaf {
  const { highlight } = reading.look;
  const name = language.toLowerCase();
  const leaf: CodeLeaf = {
    kind: 'code',
    marks,
    indent,
    language: highlight?.knows(name) === true ? name : undefined,
    context: '',
    blanks: 0,
    carry: [],
  };
  reading.leaf = leaf;
  if (language !== '') emitLanguage(reading, language);
  return leaf;
}

/** A line of code, or a piece of one that is too long to be coloured. */
export function addCode(reading: Reading, leaf: CodeLeaf, text: string, ends: boolean): void {
  if (leaf.blanks > 0) reading.isBlankSeen = false;
  for (; leaf.blanks > 0; leaf.blanks -= 1) emitCode(reading, leaf, [], true);
  const { highlight } = reading.look;
  if (leaf.language === undefined || highlight === undefined || !ends || reading.isMidLine) {
    const style: PieceStyle = leaf.language === undefined ? CODE : PLAIN;
    emitCode(reading, leaf, [makePiece(text, style)], ends);
    return;
  }
  const { pieces, context } = highlight.line(leaf.language, leaf.context, text);
  leaf.context = context;
  emitCode(reading, leaf, pieces, ends);
}

/** Opens a block whose lines are shown as they are, with its first line. */
export function openVerbatim(reading: Reading, kind: Verbatim, text: string, ends: boolean): void {
  const leaf: VerbatimLeaf = { kind: 'verbatim', ...kind, carry: [] };
  reading.leaf = leaf;
  emitVerbatim(reading, leaf, text, ends);
  // The mark that opens a formula is also the one that ends it.
  if (ends && leaf.end !== undefined && text.toLowerCase().includes(leaf.end, countIndent(text) + 2)) {
    reading.leaf = undefined;
  }
}

/** A line that is shown as it is; a line that has the end in it is the last one. */
export function addVerbatim(reading: Reading, leaf: VerbatimLeaf, text: string, ends: boolean): void {
  emitVerbatim(reading, leaf, text, ends);
  if (ends && leaf.end !== undefined && text.toLowerCase().includes(leaf.end)) reading.leaf = undefined;
}

/** Makes a table of the last line of a paragraph, if the line below it says so. */
export function startTable(reading: Reading, leaf: TextLeaf, line: string): boolean {
  const aligns = readAligns(line);
  const from = leaf.text.lastIndexOf('\n') + 1;
  if (aligns === undefined || (leaf.isBegun && from === 0)) return false;
  const header = leaf.text.slice(from);
  if (!header.includes('|') || splitRow(header).length !== aligns.length) return false;
  leaf.text = leaf.text.slice(0, from).trimEnd();
  if (leaf.text !== '' || leaf.isBegun) {
    closeLeaf(reading);
    emitBlank(reading);
  }
  const cells = readCells(header, aligns.length, (text) => readPieces(reading, text));
  reading.leaf = { kind: 'table', table: { aligns, header: cells, held: [] } };
  return true;
}

/** One more row of the table that is open. */
export function addTableRow(reading: Reading, line: string): void {
  const { leaf, look } = reading;
  if (leaf?.kind !== 'table') return;
  const cells = readCells(line, leaf.table.aligns.length, (text) => readPieces(reading, text));
  const { table, rows } = addRow(leaf.table, cells, roomFor(reading), look.unicode);
  leaf.table = table;
  emitRows(reading, rows);
}
