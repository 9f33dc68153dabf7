import type { Completion } from '../../chat/stage.js';
import type { KeyAction } from '../../config/key-actions.js';
import { cleanText } from '../../format/clean.js';
import { foldPaste, foldText } from './chips.js';
import {
  findInRow,
  findLineEnd,
  findLineStart,
  findPair,
  findWordEnd,
  findWordStart,
} from './composer-moves.js';
import { chooseOffered, takeOffer } from './composer-offer.js';
import { extendSearch, searchOn, shortenSearch, startSearch, takeFound } from './composer-search.js';
import type { Composer } from './composer-state.js';
import { changeText, expandComposer, moveTo, redo, showEntry, splice, undo } from './composer-state.js';
import { nextBoundary, previousBoundary } from './graphemes.js';

/** What a key does to the text; the keys themselves are in keys.ts. */
export type EditKey = Exclude<
  KeyAction,
  | 'none'
  | 'send'
  | 'complete'
  | 'complete-back'
  | 'search-history'
  | 'search-forward'
  | 'open-editor'
  | 'show-thinking'
  | 'clear-screen'
  | 'interrupt'
  | 'end-of-input'
  | 'suspend'
  | 'escape'
>;

/**
 * What happens to the text: `insert` is typed, `paste` pasted; `replace` is a new text in place of the old; `offer` is what
 * was found to complete it as it was when it was looked for.
 */
export type ComposerAction =
  | { readonly type: 'insert' | 'paste' | 'replace'; readonly text: string }
  | { readonly type: 'edit'; readonly edit: EditKey; readonly width: number }
  | {
      readonly type: 'offer';
      readonly text: string;
      readonly cursor: number;
      readonly completion: Completion;
    };

function moveVertically(composer: Composer, step: -1 | 1, width: number): Composer {
  const place = findInRow(composer, step, composer.column, width);
  // From the first and the last row into the history.
  if (place === undefined) return { ...showEntry(composer, composer.entry + step), run: undefined };
  return { ...moveTo(composer, place.cursor), column: place.column };
}

/** Takes a part of the text out and keeps it for yank; kills in a row are kept as one. */
function kill(composer: Composer, from: number, to: number): Composer {
  const cut = composer.text.slice(from, to);
  const goesOn = composer.run === 'kill';
  const isBack = to === composer.cursor && from !== to;
  const killed = goesOn ? (isBack ? cut + composer.killed : composer.killed + cut) : cut;
  const left = splice(composer, from, to, '', 'kill');
  return cut === '' ? left : { ...left, killed };
}

function killToEnd(composer: Composer): Composer {
  const { text, cursor } = composer;
  const end = findLineEnd(text, cursor);
  // At the end of a line its line end goes, as in readline's multi-line kin.
  return kill(composer, cursor, end === cursor ? Math.min(end + 1, text.length) : end);
}

function transpose(composer: Composer): Composer {
  const { text, cursor } = composer;
  const pair = findPair(text, cursor);
  if (pair === undefined) return moveTo(composer, cursor);
  const [from, middle, to] = pair;
  return splice(composer, from, to, text.slice(middle, to) + text.slice(from, middle));
}

const EDITS: Readonly<Record<EditKey, (composer: Composer, width: number) => Composer>> = {
  newline: (composer) => splice(composer, composer.cursor, composer.cursor, '\n'),
  left: (composer) => moveTo(composer, previousBoundary(composer.text, composer.cursor)),
  right: (composer) => moveTo(composer, nextBoundary(composer.text, composer.cursor)),
  up: (composer, width) => moveVertically(composer, -1, width),
  down: (composer, width) => moveVertically(composer, 1, width),
  'line-start': (composer) => moveTo(composer, findLineStart(composer.text, composer.cursor)),
  'line-end': (composer) => moveTo(composer, findLineEnd(composer.text, composer.cursor)),
  'text-start': (composer) => moveTo(composer, 0),
  'text-end': (composer) => moveTo(composer, composer.text.length),
  'word-left': (composer) => moveTo(composer, findWordStart(composer.text, composer.cursor)),
  'word-right': (composer) => moveTo(composer, findWordEnd(composer.text, composer.cursor)),
  'delete-back': (composer) =>
    splice(composer, previousBoundary(composer.text, composer.cursor), composer.cursor, '', 'erase'),
  'delete-forward': (composer) =>
    splice(composer, composer.cursor, nextBoundary(composer.text, composer.cursor), '', 'erase'),
  'delete-word-back': (composer) =>
    kill(composer, findWordStart(composer.text, composer.cursor), composer.cursor),
  'delete-word-forward': (composer) =>
    kill(composer, composer.cursor, findWordEnd(composer.text, composer.cursor)),
  'kill-to-start': (composer) =>
    kill(composer, findLineStart(composer.text, composer.cursor), composer.cursor),
  'kill-to-end': killToEnd,
  yank: (composer) => splice(composer, composer.cursor, composer.cursor, composer.killed),
  transpose,
  undo,
  redo,
};

const isEdit = (action: KeyAction): action is EditKey => Object.hasOwn(EDITS, action);

function paste(composer: Composer, text: string): Composer {
  const folded = foldPaste(composer.chips, cleanText(text));
  return { ...splice(composer, composer.cursor, composer.cursor, folded.text), chips: folded.chips };
}

function replace(composer: Composer, text: string): Composer {
  const folded = foldText(composer.chips, cleanText(text));
  return { ...changeText(composer, folded.text, folded.text.length), chips: folded.chips };
}

/** The composer after an action. Pure; text from outside is cleaned here. */
export function reduceComposer(composer: Composer, action: ComposerAction): Composer {
  switch (action.type) {
    case 'insert':
    case 'paste': {
      if (composer.search !== undefined)
        return extendSearch(
          composer,
          composer.search,
          action.type === 'paste' ? action.text.trim() : action.text,
        );
      const plain = { ...composer, offer: undefined };
      if (action.type === 'paste') return paste(plain, action.text);
      return splice(plain, plain.cursor, plain.cursor, cleanText(action.text), 'type');
    }
    case 'replace':
      return replace({ ...composer, offer: undefined, search: undefined }, action.text);
    case 'edit':
      return EDITS[action.edit]({ ...composer, offer: undefined }, action.width);
    case 'offer':
      // Whoever typed on meanwhile has answered it.
      return composer.text === action.text && composer.cursor === action.cursor
        ? takeOffer(composer, action.completion)
        : composer;
  }
}

/** The composer after a key, and what the key asks for besides, which is for the chat to do. */
export interface Pressed {
  readonly composer: Composer;
  readonly rest: KeyAction | undefined;
}

function pressSearching(composer: Composer, found: NonNullable<Composer['search']>, action: KeyAction) {
  switch (action) {
    case 'search-history':
      return searchOn(composer, found, -1);
    case 'search-forward':
      return searchOn(composer, found, 1);
    case 'delete-back':
      return shortenSearch(composer, found);
    // Ctrl-G is readline's way out of a search.
    case 'open-editor':
    case 'escape':
    case 'interrupt':
      return { ...composer, search: undefined };
    case 'send':
    case 'complete':
      return takeFound(composer, found);
    default:
      return undefined;
  }
}

/** Does what a key means to the text; `width` is that of the composer's rows, in cells. */
export function pressComposer(composer: Composer, action: KeyAction, width: number): Pressed {
  const done = (after: Composer): Pressed => ({ composer: after, rest: undefined });
  if (action === 'none') return done(composer);
  if (composer.search !== undefined) {
    const searched = pressSearching(composer, composer.search, action);
    if (searched !== undefined) return done(searched);
    // Any other key takes what was found, and does what it does.
    return pressComposer(takeFound(composer, composer.search), action, width);
  }
  if (composer.offer !== undefined && (action === 'complete' || action === 'complete-back'))
    return done(chooseOffered(composer, composer.offer, action === 'complete' ? 1 : -1));
  if (composer.offer !== undefined && action === 'escape') return done({ ...composer, offer: undefined });
  const plain = { ...composer, offer: undefined };
  if (isEdit(action)) return done(EDITS[action](plain, width));
  switch (action) {
    case 'search-history':
      return done(startSearch(plain));
    case 'search-forward':
    case 'complete-back':
      return done(plain);
    case 'end-of-input':
      return plain.text === ''
        ? { composer: plain, rest: action }
        : done(EDITS['delete-forward'](plain, width));
    case 'send': {
      if (expandComposer(plain).trim() === '') return done(plain);
      const continued = continueLine(plain);
      return continued === undefined ? { composer: plain, rest: action } : done(continued);
    }
    default:
      return { composer: plain, rest: action };
  }
}

const OPEN_BLOCK = /^\s*(?:\/(?:set\s+)?system\s+)?"""(?![\s\S]*""")/;

/** What Enter does: undefined sends the text; else the text goes on, after a trailing `\` or within `"""`. */
export function continueLine(composer: Composer): Composer | undefined {
  const { text, cursor } = composer;
  if (OPEN_BLOCK.test(expandComposer(composer))) return splice(composer, cursor, cursor, '\n');
  if (cursor === text.length && text.endsWith('\\')) return splice(composer, cursor - 1, cursor, '\n');
  return undefined;
}
