/** Draws at most once in `intervalMs`: the first time at once, the last time surely. */
export interface Pacer {
  /** Says that there is something new to draw. */
  ask(): void;
  /** Draws now, whatever the pace. */
  flush(): void;
  /** Nothing is drawn any more. */
  stop(): void;
}

/** Makes a pacer of a function that draws; `now` is in milliseconds. */
export function createPacer(draw: () => void, intervalMs: number, now: () => number): Pacer {
  let drawnAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (stopped) return;
    drawnAt = now();
    draw();
  };

  return {
    flush,
    ask() {
      if (stopped || timer !== undefined) return;
      const passed = now() - drawnAt;
      // A clock that was set back must not hold frames up.
      if (passed >= intervalMs || passed < 0) flush();
      else timer = setTimeout(flush, intervalMs - passed);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
