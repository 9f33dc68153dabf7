import type { Dialogue } from '../../chat/stage.js';
import { HOW_TO_LEAVE } from './tell.js';

const AGAIN_MS = 2_000;

/** A hint in the line under the composer, until the next key. */
export interface Hints {
  /** Parts of that line: what goes on, and the hint in its place; behind a clock, which is the greater news. */
  besides(dialogue: Pick<Dialogue, 'status' | 'isWaiting'>): readonly string[];
  /** Shows a hint in place of the last one; undefined takes it away. */
  set(text: string | undefined): void;
  /** Ctrl-C with nothing to stop: true for the second one in a row; the first one is told what it takes to leave. */
  wantsToLeave(): boolean;
}

/** Starts without a hint; `changed` is called where one goes by itself. */
export function startHints(changed: () => void): Hints {
  let hint: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let leavesNext = false;

  function set(text: string | undefined): void {
    clearTimeout(timer);
    hint = text;
    leavesNext = false;
  }

  return {
    besides(dialogue) {
      if (hint === undefined) return dialogue.status();
      return dialogue.isWaiting() ? [...dialogue.status(), hint] : [hint];
    },
    set,
    wantsToLeave() {
      if (leavesNext) return true;
      set(HOW_TO_LEAVE);
      leavesNext = true;
      timer = setTimeout(() => {
        set(undefined);
        changed();
      }, AGAIN_MS);
      return false;
    },
  };
}
