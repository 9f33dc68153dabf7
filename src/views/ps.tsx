import { Box, Text } from 'ink';
import { memo, useLayoutEffect } from 'react';
import type { Io } from '../io.js';
import type { Look } from '../output/look.js';
import type { LoadedModel } from '../output/running-columns.js';
import { openLive } from './live.js';
import { drawPsFrame, type PsState } from './ps/frame.js';

const FRAME_MS = 100;
const CTRL_C = '\u0003';

/** What the live list of loaded models is drawn on and with. stdout has to be a terminal. */
export interface PsViewOptions {
  readonly io: Io;
  /** As shown: `127.0.0.1:11434`. */
  readonly host: string;
  /** How often the server is asked, in milliseconds. */
  readonly everyMs: number;
  readonly look: Look;
  /** Called for `q`, and when the terminal is gone. */
  onQuit(): void;
}

/** A live list of the loaded models. */
export interface PsView {
  /** Takes what was seen; without an answer the last models stay on the screen. */
  show(seen: { models: readonly LoadedModel[] } | { error: Error; since: number }): void;
  /** Wipes the view and gives the terminal back. */
  close(): void;
}

// Memoized by its text: in most frames most lines stay as they are.
const Line = memo(function Line({ text }: { text: string }) {
  return <Text wrap="truncate-end">{text === '' ? ' ' : text}</Text>;
});

function Frame({ lines, onEnd }: { lines: readonly string[]; onEnd: () => void }) {
  useLayoutEffect(() => onEnd, [onEnd]);
  return (
    <Box flexDirection="column">
      {lines.map((line, index) => (
        <Line key={index} text={line} />
      ))}
    </Box>
  );
}

/** Reads `q` and Ctrl-C, which a terminal in raw mode makes no signal of; what comes back gives the terminal back. */
function openKeys({ io, onQuit }: PsViewOptions): () => void {
  const { stdin } = io;
  const onData = (chunk: Buffer | string): void => {
    const keys = String(chunk);
    if (keys.includes(CTRL_C)) io.interrupt();
    else if (/^[qQ]/.test(keys)) onQuit();
  };
  stdin.setRawMode?.(true);
  stdin.on('data', onData);
  stdin.on('end', onQuit);
  stdin.on('error', onQuit);
  stdin.resume();
  return () => {
    stdin.off('data', onData);
    stdin.off('end', onQuit);
    stdin.off('error', onQuit);
    stdin.pause();
    stdin.setRawMode?.(false);
  };
}

/** Opens the view and draws its first frame at once. */
export function openPsView(options: PsViewOptions, first: readonly LoadedModel[]): PsView {
  const { io, host, everyMs, look } = options;
  const hasKeys = io.stdin.isTTY === true;
  const now = (): number => io.now();
  let state: PsState = { models: first };

  const live = openLive(
    { stream: io.stdout, env: io.env, frameMs: FRAME_MS, now },
    ({ columns, rows }, end) => {
      const lines = drawPsFrame({ state, now: now(), columns, rows, host, everyMs, look, hasKeys });
      return <Frame lines={lines} onEnd={end} />;
    },
  );
  const closeKeys = hasKeys ? openKeys(options) : () => undefined;

  return {
    show(seen) {
      state =
        'error' in seen
          ? { models: state.models, gone: { message: seen.error.message, since: seen.since } }
          : { models: seen.models };
      live.ask();
    },
    close() {
      closeKeys();
      live.close();
    },
  };
}
