import hljs from 'highlight.js/lib/common';
import { decodeEntities } from './entities.js';
import { makePiece, PLAIN } from './pieces.js';
import type { CodeRole, Piece, PieceStyle } from './pieces.js';

/** One line of code in its colours, and what of the code before the next line decides those of that one. */
export interface HighlightedLine {
  readonly pieces: readonly Piece[];
  /** Empty where the line ended outside of everything that spans lines. */
  readonly context: string;
}

/** Colours code a line at a time. */
export interface Highlighter {
  /** Whether it knows the language, by whatever name a code block gives it. */
  knows(language: string): boolean;
  /** The line that follows `context`, which the call for the line before gave, or is empty. */
  line(language: string, context: string, line: string): HighlightedLine;
}

const LONGEST_LINE = 500;
const LONGEST_CONTEXT = 600;
const NEWEST_KEPT = 250;

const ROLES: Readonly<Record<string, CodeRole>> = {
  keyword: 'keyword',
  'selector-tag': 'keyword',
  'template-tag': 'keyword',
  meta: 'keyword',
  section: 'keyword',
  string: 'string',
  regexp: 'string',
  char: 'string',
  'meta string': 'string',
  addition: 'added',
  deletion: 'removed',
  number: 'number',
  literal: 'number',
  symbol: 'number',
  bullet: 'number',
  comment: 'comment',
  quote: 'comment',
  doctag: 'comment',
  title: 'name',
  name: 'name',
  attr: 'name',
  attribute: 'name',
  'selector-class': 'name',
  'selector-id': 'name',
  link: 'name',
  built_in: 'type',
  type: 'type',
  variable: 'type',
  'template-variable': 'type',
};

const STYLES = new Map<CodeRole, PieceStyle>();

function styleOf(className: string): PieceStyle {
  const scope = /^hljs-([\w-]+)/.exec(className)?.[1] ?? '';
  const role = ROLES[scope];
  if (role === undefined) return PLAIN;
  const known = STYLES.get(role) ?? { role };
  STYLES.set(role, known);
  return known;
}

/** The last line of highlight.js's HTML, which has nothing but its spans and five entities. */
function readLastLine(html: string): Piece[] {
  let pieces: Piece[] = [];
  const open: PieceStyle[] = [];
  for (const part of html.split(/(<span class="[^"]*">|<\/span>|\n)/)) {
    if (part === '') continue;
    if (part === '\n') pieces = [];
    else if (part === '</span>') open.pop();
    else if (part.startsWith('<span class="')) {
      const style = styleOf(part.slice('<span class="'.length, -2));
      open.push(style === PLAIN ? (open.at(-1) ?? PLAIN) : style);
    } else pieces.push(makePiece(decodeEntities(part), open.at(-1) ?? PLAIN));
  }
  return pieces;
}

/** Whether highlight.js stands outside of every string, comment and the like at the end of what it read. */
function isOutside(top: object | undefined): boolean {
  return top !== undefined && !('parent' in top && top.parent !== undefined);
}

/** Of what goes on for long, the line that it began with and the newest ones: it is read again for each line that follows. */
function shorten(context: string): string {
  if (context.length <= LONGEST_CONTEXT) return context;
  const opening = context.slice(0, context.indexOf('\n') + 1);
  return opening + context.slice(context.indexOf('\n', context.length - NEWEST_KEPT) + 1);
}

function highlightLine(language: string, context: string, line: string): HighlightedLine {
  const plain = { pieces: [makePiece(line, PLAIN)], context: '' };
  if (line.length > LONGEST_LINE || hljs.getLanguage(language) === undefined) return plain;
  try {
    const { value, _top: top } = hljs.highlight(`${context}${line}\n`, { language, ignoreIllegals: true });
    const pieces = readLastLine(value.replace(/\n((?:<\/span>)*)$/, '$1'));
    return { pieces, context: isOutside(top) ? '' : shorten(`${context}${line}\n`) };
  } catch {
    return plain;
  }
}

/** Colours by highlight.js, for the languages that it calls the common ones. */
export const highlighter: Highlighter = {
  knows: (language) => hljs.getLanguage(language) !== undefined,
  line: highlightLine,
};
