import { Readable } from 'node:stream';
import { Box, render, Text } from 'ink';
import Spinner from 'ink-spinner';
import { memo, useLayoutEffect } from 'react';
import type { PullBoard } from '../core/pull-board.js';
import type { Io, OutputStream } from '../io.js';
import type { Row } from '../output/pull-meter.js';
import { paintRow } from '../output/pull-meter.js';
import type { About } from '../output/pull-words.js';
import type { Styles } from '../output/styles.js';
import type { Symbols } from '../output/symbols.js';
import { drawFrame } from './pull/frame.js';
import { createPacer } from './pull/pace.js';
import { openSurface } from './pull/surface.js';

/** Four frames a second still read as motion; each costs Ink some milliseconds, whatever has changed. */
const FRAME_MS = 250;
const CLOCK_MS = 1_000;

/** What the pull view draws on and with. */
export interface PullViewOptions extends Omit<About, 'now'> {
  readonly stream: OutputStream;
  readonly env: Io['env'];
  /** Milliseconds since the epoch. */
  now(): number;
  readonly styles: Styles;
  readonly signs: Symbols;
  readonly unicode: boolean;
  /** Called when the view ends, also when it is the process that ends. */
  onEnd(): void;
}

/** A live view of pulls. */
export interface PullView {
  /** Takes the new state; it is drawn soon, not each time. */
  show(board: PullBoard): void;
  /** Writes a line that stays, above what is drawn. */
  above(line: string): void;
  /** Wipes the view and gives the terminal back. */
  close(): void;
}

interface Line {
  readonly before: string;
  readonly spinner: boolean;
  readonly after: string;
}

function toLine(row: Row, styles: Styles): Line {
  const at = row.findIndex((part) => part.spinner === true);
  if (at < 0) return { before: paintRow(row, styles), spinner: false, after: '' };
  return {
    before: paintRow(row.slice(0, at), styles),
    spinner: true,
    after: paintRow(row.slice(at + 1), styles),
  };
}

// Memoized by its text: in most frames most lines stay as they are.
const PullLine = memo(function PullLine({
  before,
  spinner,
  after,
  turning,
}: Line & { turning: 'dots11' | 'line' }) {
  return (
    <Text wrap="truncate-end">
      {before}
      {spinner && <Spinner type={turning} />}
      {spinner && ' '}
      {after}
    </Text>
  );
});

interface FrameProps {
  readonly lines: readonly Line[];
  readonly turning: 'dots11' | 'line';
  /** Called when the view ends, also when it is Ink that ends it because the process does. */
  readonly onEnd: () => void;
}

function PullFrame({ lines, turning, onEnd }: FrameProps) {
  useLayoutEffect(() => onEnd, [onEnd]);
  return (
    <Box flexDirection="column">
      {lines.map((line, index) => (
        <PullLine key={index} {...line} turning={turning} />
      ))}
    </Box>
  );
}

/** Opens the view on a terminal and draws its first frame at once. */
export function openPullView(options: PullViewOptions, first: PullBoard): PullView {
  const { now, styles, signs, host, verb, stallMs } = options;
  const turning = options.unicode ? 'dots11' : 'line';
  let board = first;

  const frame = () => {
    const { columns, rows } = surface;
    const drawn = drawFrame({ board, now: now(), columns, rows, host, verb, stallMs, signs });
    return <PullFrame lines={drawn.map((row) => toLine(row, styles))} turning={turning} onEnd={end} />;
  };
  const end = (): void => {
    surface.close();
    options.onEnd();
  };
  const surface = openSurface(options.stream, options.env, () => pacer.flush(), now);
  const app = render(frame(), {
    stdout: surface.stdout,
    stderr: surface.stdout,
    // Ctrl-C stays the terminal's: a pull takes no keys, so nothing is read and the mode is left alone.
    stdin: new Readable({ read: () => undefined }) as unknown as NodeJS.ReadStream,
    exitOnCtrlC: false,
    patchConsole: false,
    // Hands the surface each frame whole and plain.
    debug: true,
  });
  const pacer = createPacer(() => app.rerender(frame()), FRAME_MS, now);
  // Elapsed times go on, and a pace goes stale, while nothing arrives.
  const clock = setInterval(() => pacer.ask(), CLOCK_MS);
  clock.unref();

  return {
    show(next) {
      board = next;
      pacer.ask();
    },
    above: (line) => surface.above(line),
    close() {
      clearInterval(clock);
      pacer.stop();
      // Ends in the frame's onEnd, which wipes the surface.
      app.unmount();
    },
  };
}
