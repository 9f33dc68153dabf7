import { emitBlank, emitRows, emitRule } from './draw.js';
import {
  addCode,
  addTableRow,
  addText,
  addVerbatim,
  closeLeaf,
  openCode,
  openText,
  openVerbatim,
  startTable,
} from './leaf.js';
import {
  closesFence,
  countIndent,
  expandIndent,
  isRule,
  readFence,
  readHeading,
  readListMark,
  readUnderline,
  readVerbatim,
} from './line.js';
import type { ListMark } from './line.js';
import type { Container, Reading } from './state.js';

/** Quotes and lists within more others than this are text. */
const MOST_NESTED = 12;

const isBlank = (text: string): boolean => text.trim() === '';

/** Takes the marks of open containers off the line: how many of them go on in it, and what follows. */
function matchContainers({ stack, leaf }: Reading, whole: string): { matched: number; rest: string } {
  let rest = whole;
  for (const [matched, container] of stack.entries()) {
    if (container.kind === 'quote') {
      const mark = /^ {0,3}> ?/.exec(rest);
      if (mark === null) return { matched, rest };
      rest = rest.slice(mark[0].length);
      continue;
    }
    const isBare = matched === stack.length - 1 && !container.isShown && leaf === undefined;
    if (isBlank(rest) ? isBare : countIndent(rest) < container.indent) return { matched, rest };
    rest = rest.slice(Math.min(container.indent, countIndent(rest)));
  }
  return { matched: stack.length, rest };
}

/** Ends the containers from this depth on, the innermost first. */
function closeContainers(reading: Reading, depth: number): void {
  while (reading.stack.length > depth) {
    const last = reading.stack.at(-1);
    if (last?.kind === 'item' && !last.isShown) emitRows(reading, [[]]);
    reading.stack = reading.stack.slice(0, -1);
  }
}

/** Ends what the line does not go on with, and draws a blank row where the eye wants one. */
function beginBlock(reading: Reading, matched: number, kind: 'item' | 'next item' | 'block'): void {
  const goesOn = matched === reading.stack.length;
  closeLeaf(reading);
  closeContainers(reading, matched);
  const isJoined = kind === 'next item' || (kind === 'item' && goesOn && reading.isAfterParagraph);
  const isApart = reading.stack.length === 0 && !isJoined;
  if (reading.hasRows && (reading.isBlankSeen || isApart)) emitBlank(reading);
  reading.isBlankSeen = false;
  reading.isAfterParagraph = false;
}

function drawMark(mark: ListMark, number: number, task: boolean | undefined, unicode: boolean): string {
  const [bullet, done, open] = unicode ? ['•', '☑', '☐'] : ['-', '[x]', '[ ]'];
  const box = task === undefined ? undefined : task ? done : open;
  if (!mark.ordered) return box ?? bullet;
  const counted = `${String(number)}${mark.sign}`;
  return box === undefined ? counted : `${counted} ${box}`;
}

function isNextItem(container: Container | undefined, mark: ListMark): boolean {
  return container?.kind === 'item' && container.ordered === mark.ordered && container.sign === mark.sign;
}

/** Opens an item of a list; gives what follows its mark. */
function openItem(
  reading: Reading,
  body: string,
  indent: number,
  mark: ListMark,
  before?: Container,
): string {
  // A number that was written for each item is left as it is; where all are the same, they are counted.
  const least = before?.kind === 'item' && isNextItem(before, mark) ? before.number + 1 : 0;
  const number = Math.max(least, mark.number);
  let rest = body.slice(mark.indent);
  const task = /^\[([ xX])\](?= |$)/.exec(rest)?.[1];
  if (task !== undefined) rest = rest.slice(4);
  const item: Container = {
    kind: 'item',
    ordered: mark.ordered,
    sign: mark.sign,
    number,
    indent: indent + mark.indent,
    mark: drawMark(mark, number, task === undefined ? undefined : task !== ' ', reading.look.unicode),
    isShown: false,
  };
  reading.stack = [...reading.stack, item];
  return rest;
}

/** Reads what blocks begin in the line, behind the marks of those that go on; `ends` is false for a piece of a longer line. */
function readBlocks(reading: Reading, whole: string, matched: number, ends: boolean): void {
  let rest = whole;
  let hasBegun = false;
  const before = reading.stack[matched];
  const goesOn = matched === reading.stack.length;
  const paragraph = reading.leaf?.kind === 'text' ? reading.leaf : undefined;
  const begin = (kind: 'item' | 'next item' | 'block'): void => {
    if (!hasBegun) beginBlock(reading, matched, kind);
    hasBegun = true;
  };
  for (;;) {
    const interrupts = paragraph !== undefined && !hasBegun;
    const indent = countIndent(rest);
    const body = rest.slice(indent);
    if (indent >= 4 && body !== '') {
      if (interrupts || (reading.leaf?.kind === 'table' && goesOn && !hasBegun)) break;
      if (reading.leaf?.kind !== 'code' || !goesOn) begin('block');
      const leaf = reading.leaf?.kind === 'code' ? reading.leaf : openCode(reading, undefined, '', 4);
      addCode(reading, leaf, rest.slice(4), ends);
      return;
    }
    const isDeep = (hasBegun ? reading.stack.length : matched) >= MOST_NESTED;
    if (body.startsWith('>') && !isDeep) {
      begin('block');
      reading.stack = [...reading.stack, { kind: 'quote' }];
      rest = body.slice(body.startsWith('> ') ? 2 : 1);
      continue;
    }
    const heading = readHeading(body);
    if (heading !== undefined) {
      begin('block');
      addText(reading, openText(reading, heading.level), heading.text);
      if (ends) closeLeaf(reading);
      return;
    }
    const fence = ends ? readFence(body) : undefined;
    if (fence !== undefined) {
      begin('block');
      openCode(reading, fence.marks, fence.language, indent);
      return;
    }
    const verbatim = readVerbatim(body, interrupts);
    if (verbatim !== undefined) {
      begin('block');
      openVerbatim(reading, verbatim, rest, ends);
      return;
    }
    const level = ends && interrupts && goesOn ? readUnderline(body) : undefined;
    if (level !== undefined && paragraph?.isBegun === false) {
      paragraph.level = level;
      closeLeaf(reading);
      return;
    }
    if (ends && isRule(body)) {
      begin('block');
      emitRule(reading);
      return;
    }
    const mark = isDeep ? undefined : readListMark(body);
    if (mark === undefined) break;
    if (interrupts && goesOn && (mark.isEmpty || (mark.ordered && mark.number !== 1))) break;
    const sibling = hasBegun ? undefined : before;
    begin(isNextItem(sibling, mark) ? 'next item' : 'item');
    rest = openItem(reading, body, indent, mark, sibling);
  }
  if (isBlank(rest)) return;
  if (!hasBegun && continueBlock(reading, rest.trimStart(), goesOn, ends)) return;
  begin('block');
  addText(reading, openText(reading, 0), rest.trimStart());
}

/** Adds the line to the block that is open, if it belongs to it: a paragraph's also from outside its containers. */
function continueBlock(reading: Reading, text: string, goesOn: boolean, ends: boolean): boolean {
  const { leaf } = reading;
  if (leaf?.kind === 'text') {
    if (!(goesOn && ends && startTable(reading, leaf, text))) addText(reading, leaf, `\n${text}`);
    return true;
  }
  if (leaf?.kind !== 'table' || !goesOn || !ends) return false;
  addTableRow(reading, text);
  return true;
}

function readBlankLine(reading: Reading, matched: number): void {
  const { leaf } = reading;
  reading.isBlankSeen = true;
  if (leaf?.kind === 'code' && matched === reading.stack.length) {
    leaf.blanks += 1;
    return;
  }
  closeLeaf(reading);
  closeContainers(reading, matched);
}

/** Takes a line of fenced code, or one that is shown as it is, if such a block is open and goes on in it. */
function continueLines(reading: Reading, rest: string, ends: boolean): boolean {
  const { leaf } = reading;
  if (leaf?.kind === 'verbatim') {
    if (leaf.endsAtBlank && isBlank(rest)) return false;
    addVerbatim(reading, leaf, rest, ends);
    return true;
  }
  if (leaf?.kind !== 'code' || leaf.marks === undefined) return false;
  if (ends && closesFence(rest, leaf.marks)) closeLeaf(reading);
  else addCode(reading, leaf, rest.slice(Math.min(leaf.indent, countIndent(rest))), ends);
  return true;
}

function continueLine(reading: Reading, text: string, ends: boolean): void {
  const leaf = reading.leaf ?? openText(reading, 0);
  if (leaf.kind === 'text') addText(reading, leaf, text);
  if (leaf.kind === 'code') addCode(reading, leaf, text, ends);
  if (leaf.kind === 'verbatim') addVerbatim(reading, leaf, text, ends);
  if (leaf.kind === 'text' && leaf.level > 0 && ends) closeLeaf(reading);
}

/** Reads one line of the text, or a piece of a very long one: `ends` tells whether the line ends with it. */
export function readLine(reading: Reading, line: string, ends: boolean): void {
  if (reading.isMidLine) continueLine(reading, line, ends);
  else {
    const { matched, rest } = matchContainers(reading, expandIndent(line));
    const goesOn = matched === reading.stack.length;
    if (!(goesOn && continueLines(reading, rest, ends))) {
      if (isBlank(rest)) readBlankLine(reading, matched);
      else readBlocks(reading, rest, matched, ends);
    }
  }
  reading.isMidLine = !ends;
}

/** The text ends here. */
export function endReading(reading: Reading): void {
  closeLeaf(reading);
  closeContainers(reading, 0);
}
