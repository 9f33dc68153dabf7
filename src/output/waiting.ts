import type { Io } from '../io.js';
import { cleanLine } from '../format/clean.js';
import { truncateEnd } from '../format/width.js';
import type { Look } from './look.js';

/** Until this long has passed nothing is said: most answers begin sooner. In milliseconds. */
const QUIET_MS = 1_000;
const TICK_MS = 1_000;

/** A line on stderr that says what is being waited for; `end` wipes it, and may be called again. */
export interface Waiting {
  end(): void;
}

/** Opens the line, on a terminal that can move its cursor. `words` is asked each second what is going on. */
export function openWaiting(io: Pick<Io, 'stderr'>, look: Look, words: () => string): Waiting {
  let drawn = false;
  const draw = (): void => {
    io.stderr.write(`\r\x1b[K${look.styles.dim(truncateEnd(cleanLine(words()), look.width - 1))}`);
    drawn = true;
  };
  let timer: NodeJS.Timeout | undefined = setTimeout(() => {
    draw();
    timer = setInterval(draw, TICK_MS);
  }, QUIET_MS);
  return {
    end() {
      clearInterval(timer);
      timer = undefined;
      if (drawn) io.stderr.write('\r\x1b[K');
      drawn = false;
    },
  };
}
