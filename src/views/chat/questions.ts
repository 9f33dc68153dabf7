import type { Question } from '../../chat/stage.js';
import type { KeyAction } from '../../config/key-actions.js';
import { findChoice, moveChoice } from './choice.js';
import type { Asking } from './choice.js';

/** A key that comes so soon after the last one was meant for the text that was being written. In milliseconds. */
const WRITING_MS = 600;
/** Nobody answers sooner what they have not read; a key that comes so soon was meant for something else. */
const READING_MS = 300;

/** What a person is asked, one question at a time. */
export interface Questions {
  /** Resolves with the key of what was chosen; undefined where the person turned away, or `signal` was aborted. */
  choose(question: Question, signal: AbortSignal): Promise<string | undefined>;
  /** The question on the screen. */
  asking(): Asking | undefined;
  /** Takes a key for the question, by what it means in the chat, or a typed text. */
  press(action: KeyAction | undefined, text: string | undefined): void;
  turnAway(): void;
  /** What is to be seen is being drawn. */
  noteDrawn(): void;
  /** A key was pressed for a text; `isWritten` if there is some now. */
  noteWriting(isWritten: boolean): void;
}

/** Questions on a screen. `now` is in milliseconds; `changed` is called where there is something new to draw. */
export function startQuestions(now: () => number, changed: () => void): Questions {
  let asking: Asking | undefined;
  let answer: (key: string | undefined) => void = () => undefined;
  let writingAt = Number.NEGATIVE_INFINITY;
  let drawnAt: number | undefined;
  let isDeaf = false;

  function accept(key: string | undefined): void {
    if (key !== undefined) answer(key);
  }

  function take(asked: Asking, action: KeyAction | undefined, text: string | undefined): void {
    if (text !== undefined) accept(findChoice(asked.question, text)?.key);
    else if (action === 'up' || action === 'left' || action === 'complete-back')
      asking = moveChoice(asked, -1);
    else if (action === 'down' || action === 'right' || action === 'complete') asking = moveChoice(asked, 1);
    else if (action === 'send') accept(asked.question.choices[asked.selected]?.key);
  }

  return {
    async choose(question, signal) {
      if (signal.aborted) return undefined;
      // Who is in the middle of a word did not mean its next letter as an answer.
      isDeaf = now() - writingAt < WRITING_MS;
      asking = { question, selected: 0 };
      drawnAt = undefined;
      changed();
      const turnAway = (): void => answer(undefined);
      signal.addEventListener('abort', turnAway, { once: true });
      try {
        return await new Promise<string | undefined>((resolve) => (answer = resolve));
      } finally {
        signal.removeEventListener('abort', turnAway);
        answer = () => undefined;
        asking = undefined;
        changed();
      }
    },
    asking: () => asking,
    press(action, text) {
      if (asking === undefined) return;
      if (action === 'interrupt' || action === 'escape' || action === 'end-of-input') answer(undefined);
      else if (drawnAt === undefined || now() - drawnAt < READING_MS) {
        // Nor is the rest of a word that was begun before.
        if (text !== undefined) [isDeaf, writingAt] = [true, now()];
      } else if (isDeaf && now() - writingAt < WRITING_MS) writingAt = now();
      else take(asking, action, text);
    },
    turnAway: () => answer(undefined),
    noteDrawn() {
      if (asking !== undefined) drawnAt ??= now();
    },
    noteWriting(isWritten) {
      writingAt = isWritten ? now() : Number.NEGATIVE_INFINITY;
    },
  };
}
