import type { Io } from '../io.js';
import { formatSeconds } from '../format/duration.js';
import { cleanLine } from '../format/clean.js';
import type { Look } from './look.js';

/** Until this long has passed nothing is said: most answers begin sooner. In milliseconds. */
const QUIET_MS = 1_000;
const TICK_MS = 1_000;

/** A line on stderr that says what is being waited for; `end` wipes it, and may be called again. */
export interface Waiting {
  end(): void;
}

/** Opens the line for a model; without one, nothing is ever written. Only for a terminal that can move its cursor. */
export function openWaiting(io: Io, model: string | undefined, look: Look): Waiting {
  if (model === undefined) return { end: () => undefined };
  const since = io.now();
  let drawn = false;
  const draw = (): void => {
    const seconds = Math.floor((io.now() - since) / 1000);
    const text = `waiting for ${cleanLine(model)}, ${formatSeconds(seconds)}`.slice(0, look.width - 1);
    io.stderr.write(`\r\x1b[K${look.styles.dim(text)}`);
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
