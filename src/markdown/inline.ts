import { Lexer, Marked } from 'marked';
import type { MarkedToken, Token } from 'marked';
import { decodeEntities } from './entities.js';
import { LINE_END, makePiece, PLAIN } from './pieces.js';
import type { Piece, PieceStyle } from './pieces.js';

/** What decides how markup inside a line is shown. */
export interface InlineLook {
  /** Whether there is any styling; without it, what would change the meaning keeps its marks. */
  readonly styled: boolean;
  readonly links: boolean;
}

// marked looks for the end of each mark anew: text with more than these is shown as it is.
const MOST_MARKS = 250;
const MOST_NESTED = 20;
const LONGEST_TARGET = 2000;

const MATH = /^(?:\$\$[^$]+\$\$|\$(?![\s$])(?:[^$\n\\]|\\.)*[^\s$\\]\$(?!\d)|\\\([^]*?\\\)|\\\[[^]*?\\\])/;

// Formulas are for no markup: their stars and backslashes are their own.
const dialect = new Marked({ gfm: true }).use({
  extensions: [
    {
      name: 'math',
      level: 'inline',
      start: (text) => {
        const at = text.search(/\$|\\[([]/);
        return at < 0 ? undefined : at;
      },
      tokenizer: (text) => {
        const raw = MATH.exec(text)?.[0];
        return raw === undefined ? undefined : { type: 'math', raw, text: raw };
      },
    },
  ],
}).defaults;

function countMarks(text: string): number {
  return text.match(/[*_~`]+|[[<@$\\]/g)?.length ?? 0;
}

/** A target that a terminal may be given: http, https or mailto, in printable ASCII. */
function safeTarget(href: string): string | undefined {
  if (!/^(?:https?:\/\/|mailto:)/i.test(href) || href.length > LONGEST_TARGET) return undefined;
  // Half a surrogate pair cannot be encoded.
  return href.replace(/\p{Cs}/gu, '\ufffd').replace(/[^!-~]+/g, (part) => encodeURIComponent(part));
}

function pushText(text: string, style: PieceStyle, solid: boolean, pieces: Piece[]): void {
  for (const [index, line] of text.split('\n').entries()) {
    if (index > 0) pieces.push(LINE_END);
    const flat = (index > 0 ? line.trimStart() : line).replace(/[ \t]+/g, ' ');
    if (flat !== '') pieces.push(makePiece(flat, style, solid));
  }
}

function trimScheme(text: string): string {
  return text.replace(/^mailto:|\/$/g, '');
}

function pushLink(
  text: string,
  href: string,
  inner: Piece[],
  look: InlineLook,
  style: PieceStyle,
  pieces: Piece[],
): void {
  pieces.push(...inner);
  if (trimScheme(text) === trimScheme(href) || href === '') return;
  const target = look.links ? safeTarget(href) : undefined;
  const dim = { ...style, dim: true };
  pieces.push(makePiece(text === '' ? '(' : ' (', dim));
  pieces.push(
    makePiece(href.replace(/\s+/g, ' '), target === undefined ? dim : { ...dim, href: target }, true),
  );
  pieces.push(makePiece(')', dim));
}

function walk(
  tokens: readonly Token[],
  style: PieceStyle,
  look: InlineLook,
  pieces: Piece[],
  depth = 0,
): void {
  const within = (inner: readonly Token[], added: PieceStyle, target = pieces): void =>
    walk(inner, { ...style, ...added }, look, target, depth + 1);
  for (const token of tokens as MarkedToken[]) {
    if (depth > MOST_NESTED) {
      pushText(token.raw, style, false, pieces);
      continue;
    }
    switch (token.type) {
      case 'strong':
        within(token.tokens, { bold: true });
        break;
      case 'em':
        within(token.tokens, { italic: true });
        break;
      case 'del':
        if (!look.styled) pieces.push(makePiece('~~', style));
        within(token.tokens, { strike: true });
        if (!look.styled) pieces.push(makePiece('~~', style));
        break;
      case 'codespan': {
        const code = token.text.replaceAll('\n', ' ');
        pieces.push(makePiece(look.styled ? code : `\`${code}\``, { ...style, accent: true }));
        break;
      }
      case 'br':
        pieces.push(LINE_END);
        break;
      case 'link': {
        const target = look.links ? safeTarget(token.href) : undefined;
        const linked = { ...style, underline: true, ...(target === undefined ? {} : { href: target }) };
        const inner: Piece[] = [];
        // Its text is its address: to be copied, so it stays in one piece.
        if (token.autolink === true || trimScheme(token.text) === trimScheme(token.href)) {
          pushText(token.text, linked, true, pieces);
          break;
        }
        within(token.tokens, linked, inner);
        pushLink(decodeEntities(token.text), decodeEntities(token.href), inner, look, style, pieces);
        break;
      }
      case 'image': {
        const inner: Piece[] = [];
        pushText(decodeEntities(token.text), { ...style, italic: true }, false, inner);
        pushLink(decodeEntities(token.text), decodeEntities(token.href), inner, look, style, pieces);
        break;
      }
      case 'html':
        if (/^<br\s*\/?>$/i.test(token.raw)) pieces.push(LINE_END);
        else pushText(token.raw, style, false, pieces);
        break;
      case 'text':
      case 'escape':
        if ('tokens' in token && token.tokens !== undefined) within(token.tokens, {});
        else pushText(token.type === 'text' ? decodeEntities(token.raw) : token.text, style, false, pieces);
        break;
      default:
        pushText(token.raw, style, false, pieces);
    }
  }
}

/** The tokens of a text inside a block; undefined where it has so many marks that they are taken for text. */
export function lexInline(text: string): Token[] | undefined {
  return countMarks(text) > MOST_MARKS ? undefined : new Lexer(dialect).inlineTokens(text);
}

/** A paragraph's text, at most a few thousand characters, as pieces; line ends stay, as answers are written with them. */
export function readInline(text: string, look: InlineLook, style: PieceStyle = PLAIN): Piece[] {
  const pieces: Piece[] = [];
  const tokens = lexInline(text);
  if (tokens === undefined) pushText(text, style, false, pieces);
  else walk(tokens, style, look, pieces);
  return pieces;
}
