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
  /**
   * Stops the process as Ctrl-Z does, and resolves when it goes on, or at once where nothing can stop it. Only the process
   * can do this to itself; absent where the system knows no such thing.
   */
  suspend?(): Promise<void>;
  /**
   * Ctrl-C is another program's until the returned function is called: one that has the terminal, and leaves it to send
   * signals. The function is called once.
   */
  lendInterrupt?(): () => void;
  /** Keeps the process from growing for no more than quicker work; to be called now and then by what lives long. */
  stayLean?(): void;
  /** Milliseconds since the epoch. */
  now(): number;
}
