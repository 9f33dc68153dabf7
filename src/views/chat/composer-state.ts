import type { Chip } from './chips.js';
import { carryChips, expandChips, foldText } from './chips.js';
import { snapToBoundary } from './graphemes.js';

/** A state of the text that undo or redo goes to, and the one behind it. */
export interface Step {
  readonly text: string;
  readonly cursor: number;
  readonly entry: number;
  readonly next: Step | undefined;
}

/** A search through what was sent before. */
export interface Search {
  readonly query: string;
  /** The entry that is shown; undefined before anything is found. */
  readonly entry: number | undefined;
  /** What that entry was found by: the query, or the start of one that finds nothing. */
  readonly found: string;
  /** Nothing more was found. */
  readonly failed: boolean;
}

/** What may stand in place of a part of the text, while Tab goes through it. */
export interface Offer {
  readonly from: number;
  readonly to: number;
  readonly options: readonly string[];
  /** Which one stands there now; undefined while it is only what they have in common. */
  readonly chosen: number | undefined;
}

/** What the last key did, where the next one of its kind goes on with it: one undo takes all of it back. */
export type Run = 'type' | 'erase' | 'kill' | 'choose';

/** The text being written, and the place in it. */
export interface Composer {
  /** With each folded paste as one character: `expandComposer` gives what is sent. */
  readonly text: string;
  /** In UTF-16 units, always between two graphemes. */
  readonly cursor: number;
  /** The column that moves up and down keep to, while they follow one another. */
  readonly column: number | undefined;
  readonly chips: readonly Chip[];
  /** What was sent before, oldest first. */
  readonly history: readonly string[];
  /** Which entry is shown; the history's length is the draft. */
  readonly entry: number;
  /** What was made of entries, and of the draft, before the way through the history left them. */
  readonly drafts: ReadonlyMap<number, string>;
  /** What the last kills took, for yank. */
  readonly killed: string;
  readonly run: Run | undefined;
  readonly past: Step | undefined;
  readonly future: Step | undefined;
  readonly search: Search | undefined;
  readonly offer: Offer | undefined;
}

/** An empty composer over what was sent before. */
export function startComposer(history: readonly string[]): Composer {
  return {
    text: '',
    cursor: 0,
    column: undefined,
    chips: [],
    history,
    entry: history.length,
    drafts: new Map(),
    killed: '',
    run: undefined,
    past: undefined,
    future: undefined,
    search: undefined,
    offer: undefined,
  };
}

/** What is written, with every folded paste in full. */
export function expandComposer({ text, chips }: Composer): string {
  return expandChips(text, chips);
}

/** The composer emptied after its text was sent; the text joins the history, unless it is the last one again. */
export function sendComposer(composer: Composer): Composer {
  const { history, killed, chips } = composer;
  const text = expandComposer(composer);
  const isKept = text.trim() !== '' && history.at(-1) !== text;
  const yanked = foldText([], expandChips(killed, chips));
  const empty = startComposer(isKept ? [...history, text] : history);
  return { ...empty, killed: yanked.text, chips: yanked.chips };
}

/** The composer with the text of another one, folded as it was there. */
export function putBack(composer: Composer, { text, chips }: Composer): Composer {
  const carried = carryChips(composer.chips, text, chips);
  return { ...changeText(composer, carried.text, carried.text.length), chips: carried.chips };
}

/** The composer with the cursor elsewhere; whatever run there was is over. */
export function moveTo(composer: Composer, cursor: number): Composer {
  return { ...composer, cursor, column: undefined, run: undefined };
}

/** The composer with another text, which undo takes back; within a run of typing, erasing or choosing all of it at once. */
export function changeText(composer: Composer, text: string, cursor: number, run?: Run): Composer {
  // What is put together may be one grapheme now: a letter and an accent that stood behind it.
  const place = snapToBoundary(text, cursor);
  // A run begins with a change: what goes on with it has that change's state to go back to.
  if (text === composer.text)
    return { ...composer, cursor: place, column: undefined, run: run === composer.run ? run : undefined };
  const goesOn = run !== undefined && run !== 'kill' && run === composer.run;
  const { entry } = composer;
  const past = goesOn
    ? composer.past
    : { text: composer.text, cursor: composer.cursor, entry, next: composer.past };
  return { ...composer, text, cursor: place, column: undefined, run, past, future: undefined };
}

/** The composer with the text from `from` to `to` replaced; the cursor stands behind what came in. */
export function splice(composer: Composer, from: number, to: number, inserted: string, run?: Run): Composer {
  const text = composer.text.slice(0, from) + inserted + composer.text.slice(to);
  return changeText(composer, text, from + inserted.length, run);
}

/**
 * The composer with an entry of the history in place of its text, or with what was made of that entry, unless `asSent`.
 * What was made of the one that is left is kept for the way back.
 */
export function showEntry(composer: Composer, entry: number, asSent = false): Composer {
  if (entry < 0 || entry > composer.history.length) return composer;
  const drafts = new Map(composer.drafts);
  drafts.set(composer.entry, composer.text);
  const draft = asSent ? undefined : drafts.get(entry);
  const folded =
    draft === undefined
      ? foldText(composer.chips, composer.history[entry] ?? '')
      : { chips: composer.chips, text: draft };
  const shown = changeText(composer, folded.text, folded.text.length);
  return { ...shown, chips: folded.chips, drafts, entry };
}

function stepBack(composer: Composer, step: Step): Composer {
  const { text, cursor, entry } = step;
  return { ...composer, text, cursor, entry, column: undefined, run: undefined };
}

const stepOf = ({ text, cursor, entry }: Composer, next: Step | undefined): Step => ({
  text,
  cursor,
  entry,
  next,
});

/** Takes the last change back. */
export function undo(composer: Composer): Composer {
  const { past, future } = composer;
  if (past === undefined) return { ...composer, run: undefined };
  return { ...stepBack(composer, past), past: past.next, future: stepOf(composer, future) };
}

/** Makes the change again that was taken back last. */
export function redo(composer: Composer): Composer {
  const { past, future } = composer;
  if (future === undefined) return { ...composer, run: undefined };
  return { ...stepBack(composer, future), past: stepOf(composer, past), future: future.next };
}
