import { Readable } from 'node:stream';
import { render } from 'ink';
import type { ReactElement } from 'react';
import type { Io, OutputStream } from '../io.js';
import { createPacer } from './pull/pace.js';
import { openSurface } from './pull/surface.js';

const CLOCK_MS = 1_000;

/** Where a live view is drawn, and how often at most. */
export interface LiveOptions {
  readonly stream: OutputStream;
  readonly env: Io['env'];
  /** A frame comes at most so often, in milliseconds. */
  readonly frameMs: number;
  /** Called when the view has ended, whoever ended it. */
  readonly onEnd?: () => void;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** A view that is drawn anew when something has changed, and each second, since times pass while nothing arrives. */
export interface Live {
  /** Says that there is something new to draw. */
  ask(): void;
  /** Writes a line above the view. */
  above(line: string): void;
  /** Wipes the view and gives the terminal back. */
  close(): void;
}

/**
 * Opens a live view and draws its first frame at once. What `draw` makes calls `end` when it is taken away, also where
 * Ink does that because the process ends.
 */
export function openLive(
  { stream, env, frameMs, now, onEnd }: LiveOptions,
  draw: (size: { readonly columns: number; readonly rows: number }, end: () => void) => ReactElement,
): Live {
  const frame = (): ReactElement => draw(surface, end);
  const end = (): void => {
    surface.close();
    onEnd?.();
  };
  const surface = openSurface(stream, env, () => pacer.flush(), now);
  const app = render(frame(), {
    stdout: surface.stdout,
    stderr: surface.stdout,
    // Ink reads nothing: what keys there are a view reads itself, and Ctrl-C stays the terminal's.
    stdin: new Readable({ read: () => undefined }) as unknown as NodeJS.ReadStream,
    exitOnCtrlC: false,
    patchConsole: false,
    // Hands the surface each frame whole and plain.
    debug: true,
  });
  const pacer = createPacer(() => app.rerender(frame()), frameMs, now);
  const clock = setInterval(() => pacer.ask(), CLOCK_MS);
  clock.unref();

  return {
    ask: () => pacer.ask(),
    above: (line) => surface.above(line),
    close() {
      clearInterval(clock);
      pacer.stop();
      // Ends in the frame's `end`, which wipes the surface.
      app.unmount();
    },
  };
}
