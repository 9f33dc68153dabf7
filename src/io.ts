import type { Readable, Writable } from 'node:stream';

/** Standard input; a terminal has `isTTY` and can be set raw. */
export type InputStream = Readable & {
  readonly isTTY?: boolean;
  readonly setRawMode?: (mode: boolean) => unknown;
};

/** Standard output or error; a terminal has `isTTY` and a size in character cells. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** Everything the program may know of the process it runs in. Only `bin/` makes one of the real process. */
export interface Io {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Which system's rules for paths and terminals hold; injected, so that each can be tested anywhere. */
  readonly platform: NodeJS.Platform;
  /** Aborted by Ctrl-C or a signal to end, and when the reader of stdout has gone. */
  readonly signal: AbortSignal;
  /** What Ctrl-C does; a view in raw mode, which gets no SIGINT, calls it. */
  interrupt(): void;
  /** Milliseconds since the epoch. */
  now(): number;
}
