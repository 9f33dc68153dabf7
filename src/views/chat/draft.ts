import type { KeyAction } from '../../config/key-actions.js';
import { pressComposer, reduceComposer } from './composer.js';
import type { ComposerAction } from './composer.js';
import { expandComposer, putBack, sendComposer, startComposer } from './composer-state.js';
import type { Composer } from './composer-state.js';

/** What a person writes, and may be given back. */
export interface Draft {
  composer(): Composer;
  /** What is written, with every folded paste in full. */
  written(): string;
  change(action: ComposerAction): void;
  /** Does what a key means to the text, in rows of `width` cells; returns what it asks for besides. */
  press(action: KeyAction, width: number): KeyAction | undefined;
  /** What is written has been sent. */
  send(): void;
  /** As the stage's `giveBack`. */
  giveBack(text: string, toShorten: boolean): boolean;
}

const MOST_FOLDED = 8;

/** Starts with nothing written; `history` is what was sent before, oldest first. */
export function startDraft(history: readonly string[]): Draft {
  let composer = startComposer(history);
  /** What was sent with folded pastes in it, and may be given back. */
  let folded: readonly Composer[] = [];

  const change = (action: ComposerAction): void => {
    composer = reduceComposer(composer, action);
  };

  return {
    composer: () => composer,
    written: () => expandComposer(composer),
    change,
    press(action, width) {
      const pressed = pressComposer(composer, action, width);
      composer = pressed.composer;
      return pressed.rest;
    },
    send() {
      if (composer.chips.length > 0) folded = [...folded, composer].slice(-MOST_FOLDED);
      composer = sendComposer(composer);
    },
    giveBack(text, toShorten) {
      if (composer.text !== '') return false;
      const isSame = (one: Composer): boolean => expandComposer(one).trim() === text.trim();
      const sent = toShorten ? undefined : folded.findLast(isSame);
      if (sent === undefined) change({ type: 'replace', text });
      else composer = putBack(composer, sent);
      return true;
    },
  };
}
