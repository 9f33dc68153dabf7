import { cleanText } from '../../format/clean.js';
import { layoutComposer, placeInRow } from './composer-layout.js';
import { nextBoundary, previousBoundary, snapToBoundary } from './graphemes.js';

/** The text being written, and the place in it. */
export interface Composer {
  readonly text: string;
  /** In UTF-16 units, always between two graphemes. */
  readonly cursor: number;
  /** The column that moves up and down keep to, while they follow one another. */
  readonly column: number | undefined;
  /** What was sent before, oldest first. */
  readonly history: readonly string[];
  /** Which entry is shown; the history's length is the draft. */
  readonly entry: number;
  /** What was being written when the way into the history began. */
  readonly draft: string;
}

/** What a key does to the text; the keys themselves are in keys.ts. */
export type EditKey =
  | 'newline'
  | 'left'
  | 'right'
  | 'up'
  | 'down'
  | 'line-start'
  | 'line-end'
  | 'word-left'
  | 'word-right'
  | 'delete-back'
  | 'delete-forward'
  | 'delete-word-back'
  | 'delete-word-forward'
  | 'kill-to-start'
  | 'kill-to-end';

/** `insert` is typed or pasted text, `replace` a new text in place of the old; `width` is that of the rows, in cells. */
export type ComposerAction =
  | { readonly type: 'insert' | 'replace'; readonly text: string }
  | { readonly type: 'edit'; readonly edit: EditKey; readonly width: number };

/** An empty composer over what was sent before. */
export function startComposer(history: readonly string[]): Composer {
  return { text: '', cursor: 0, column: undefined, history, entry: history.length, draft: '' };
}

/** The composer emptied after its text was sent; the text joins the history, unless it is the last one again. */
export function sendComposer(composer: Composer): Composer {
  const { text, history } = composer;
  return startComposer(text.trim() === '' || history.at(-1) === text ? history : [...history, text]);
}

function moveTo(composer: Composer, cursor: number): Composer {
  return { ...composer, cursor, column: undefined };
}

/** Replaces the text from `from` to `to`; the cursor stands behind what came in. */
function splice(composer: Composer, from: number, to: number, inserted: string): Composer {
  const text = composer.text.slice(0, from) + inserted + composer.text.slice(to);
  // What is put together may be one grapheme now: a letter and an accent that stood behind it.
  return { ...composer, text, cursor: snapToBoundary(text, from + inserted.length), column: undefined };
}

const isWord = (char: string | undefined): boolean => char !== undefined && /[\p{L}\p{M}\p{N}_]/u.test(char);

function findWordStart(text: string, from: number): number {
  let at = from;
  let inWord = false;
  while (at > 0) {
    const before = previousBoundary(text, at);
    const word = isWord(String.fromCodePoint(text.codePointAt(before) ?? 0));
    if (inWord && !word) break;
    inWord = word;
    at = before;
  }
  return at;
}

function findWordEnd(text: string, from: number): number {
  let at = from;
  let inWord = false;
  while (at < text.length) {
    const word = isWord(String.fromCodePoint(text.codePointAt(at) ?? 0));
    if (inWord && !word) break;
    inWord = word;
    at = nextBoundary(text, at);
  }
  return at;
}

function findLineStart({ text, cursor }: Composer): number {
  return cursor === 0 ? 0 : text.lastIndexOf('\n', cursor - 1) + 1;
}

function findLineEnd({ text, cursor }: Composer): number {
  const end = text.indexOf('\n', cursor);
  return end < 0 ? text.length : end;
}

function showEntry(composer: Composer, entry: number): Composer {
  if (entry < 0 || entry > composer.history.length) return composer;
  const draft = composer.entry === composer.history.length ? composer.text : composer.draft;
  const text = composer.history[entry] ?? draft;
  return { ...composer, text, cursor: text.length, column: undefined, entry, draft };
}

/** One row up or down, as the rows are drawn; from the first and the last row into the history. */
function moveVertically(composer: Composer, step: -1 | 1, width: number): Composer {
  const { rows, cursorRow, cursorColumn } = layoutComposer(composer.text, composer.cursor, width);
  const row = rows[cursorRow + step];
  if (row === undefined) return showEntry(composer, composer.entry + step);
  const column = composer.column ?? cursorColumn;
  const cursor = placeInRow(composer.text, row, column);
  // The end of a wrapped row is drawn as the start of the next: stay on the row that was meant.
  const wraps = cursor === row.end && rows[cursorRow + step + 1]?.start === row.end;
  return { ...composer, cursor: wraps ? previousBoundary(composer.text, cursor) : cursor, column };
}

const EDITS: Readonly<Record<EditKey, (composer: Composer, width: number) => Composer>> = {
  newline: (composer) => splice(composer, composer.cursor, composer.cursor, '\n'),
  left: (composer) => moveTo(composer, previousBoundary(composer.text, composer.cursor)),
  right: (composer) => moveTo(composer, nextBoundary(composer.text, composer.cursor)),
  up: (composer, width) => moveVertically(composer, -1, width),
  down: (composer, width) => moveVertically(composer, 1, width),
  'line-start': (composer) => moveTo(composer, findLineStart(composer)),
  'line-end': (composer) => moveTo(composer, findLineEnd(composer)),
  'word-left': (composer) => moveTo(composer, findWordStart(composer.text, composer.cursor)),
  'word-right': (composer) => moveTo(composer, findWordEnd(composer.text, composer.cursor)),
  'delete-back': (composer) =>
    splice(composer, previousBoundary(composer.text, composer.cursor), composer.cursor, ''),
  'delete-forward': (composer) =>
    splice(composer, composer.cursor, nextBoundary(composer.text, composer.cursor), ''),
  'delete-word-back': (composer) =>
    splice(composer, findWordStart(composer.text, composer.cursor), composer.cursor, ''),
  'delete-word-forward': (composer) =>
    splice(composer, composer.cursor, findWordEnd(composer.text, composer.cursor), ''),
  'kill-to-start': (composer) => splice(composer, findLineStart(composer), composer.cursor, ''),
  'kill-to-end': (composer) => {
    const end = findLineEnd(composer);
    // At the end of a line its line end goes, as in readline's multi-line kin.
    return splice(
      composer,
      composer.cursor,
      end === composer.cursor ? Math.min(end + 1, composer.text.length) : end,
      '',
    );
  },
};

/** The composer after an action. Pure; text from outside is cleaned here. */
export function reduceComposer(composer: Composer, action: ComposerAction): Composer {
  switch (action.type) {
    case 'insert':
      return splice(composer, composer.cursor, composer.cursor, cleanText(action.text));
    case 'replace': {
      const text = cleanText(action.text);
      return { ...composer, text, cursor: text.length, column: undefined };
    }
    case 'edit':
      return EDITS[action.edit](composer, action.width);
  }
}

const OPEN_BLOCK = /^\s*(?:\/set\s+system\s+)?"""(?![\s\S]*""")/;

/** What Enter does: undefined sends the text; else the text goes on, after a trailing `\` or within `"""`. */
export function continueLine(composer: Composer): Composer | undefined {
  const { text, cursor } = composer;
  if (OPEN_BLOCK.test(text)) return splice(composer, cursor, cursor, '\n');
  if (cursor === text.length && text.endsWith('\\')) return splice(composer, cursor - 1, cursor, '\n');
  return undefined;
}
