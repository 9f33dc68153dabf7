import type { Context } from '../context.js';

/** Tells on stderr how far a batch is. */
export interface BatchProgress {
  /** One more prompt has its answer, from now or from before, or has failed. */
  step(how: 'answered' | 'before' | 'failed'): void;
  /** Who answers, on a line of its own, clean; also where it is quiet. */
  note(text: string): void;
  end(): void;
}

/** A line of a pipe is told at each tenth, and at least this often, in milliseconds. */
const PATIENCE_MS = 30_000;
const REDRAW_MS = 100;

/** Opens the progress of `count` prompts: a line that is drawn anew on a terminal, plain lines elsewhere, nothing where it is quiet. */
export function openBatchProgress({ io, flags, mode, progressMode }: Context, count: number): BatchProgress {
  let done = 0;
  let failed = 0;
  let before = 0;
  let drawnAt = io.now();
  let tenth = 0;
  let isOpen = false;
  const words = (): string => `${done} of ${count} answered${failed === 0 ? '' : `, ${failed} failed`}`;
  const isQuiet = flags.quiet === true || mode === 'json' || count === 0;
  const isLive = progressMode === 'tty';
  return {
    step(how) {
      if (how === 'failed') failed++;
      else done++;
      if (how === 'before') before++;
      if (isQuiet) return;
      const now = io.now();
      const reached = Math.floor(((done + failed) * 10) / count);
      if (isLive) {
        if (isOpen && now - drawnAt < REDRAW_MS) return;
        io.stderr.write(`\r\x1b[K${words()}`);
        isOpen = true;
      } else {
        if (reached <= tenth && now - drawnAt < PATIENCE_MS) return;
        io.stderr.write(`${words()}\n`);
      }
      tenth = reached;
      drawnAt = now;
    },
    note(text) {
      io.stderr.write(`${isOpen ? '\r\x1b[K' : ''}${text}\n`);
      isOpen = false;
    },
    end() {
      if (isOpen) io.stderr.write(`\r\x1b[K${words()}\n`);
      isOpen = false;
      if (before > 0 && !isQuiet) {
        const were = before === 1 ? '1 answer was' : `${before} answers were`;
        io.stderr.write(`${were} there already.\n`);
      }
    },
  };
}
