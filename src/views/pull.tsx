import { Box, Text } from 'ink';
import Spinner from 'ink-spinner';
import { memo, useLayoutEffect } from 'react';
import type { PullBoard } from '../core/pull-board.js';
import type { Io, OutputStream } from '../io.js';
import type { Row } from '../output/pull-meter.js';
import { paintRow } from '../output/pull-meter.js';
import type { About } from '../output/pull-words.js';
import type { Styles } from '../output/styles.js';
import type { Symbols } from '../output/symbols.js';
import { openLive } from './live.js';
import { drawFrame } from './pull/frame.js';

/** Four frames a second still read as motion; each costs Ink some milliseconds, whatever has changed. */
const FRAME_MS = 250;

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

  const { stream, env, onEnd } = options;
  const live = openLive({ stream, env, frameMs: FRAME_MS, now, onEnd }, ({ columns, rows }, end) => {
    const drawn = drawFrame({ board, now: now(), columns, rows, host, verb, stallMs, signs });
    return <PullFrame lines={drawn.map((row) => toLine(row, styles))} turning={turning} onEnd={end} />;
  });

  return {
    show(next) {
      board = next;
      live.ask();
    },
    above: (line) => live.above(line),
    close: () => live.close(),
  };
}
