import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import type { InputStream, Io, OutputStream } from '../../src/io.js';

export interface TestIoOptions {
  /** Which of stdout and stderr are terminals: both, one, or (the default) none. */
  readonly tty?: boolean | 'stdout' | 'stderr';
  readonly columns?: number;
  readonly rows?: number;
  /** The whole environment but TERM and HOME, which have defaults. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly now?: () => number;
  /** What is piped in; nothing, by default. */
  readonly stdin?: string | Readable;
  readonly stdinTty?: boolean;
  /** Default: a folder of this run's own, with nothing in it. */
  readonly cwd?: string;
  readonly platform?: NodeJS.Platform;
}

export interface TestIo {
  readonly io: Io;
  stdout(): string;
  stderr(): string;
  /** What a signal or a gone reader does; the reason is a signal's name or `epipe`. */
  abort(reason?: string): void;
}

let folder: string | undefined;

function emptyFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), 'test-io-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

function collect(
  isTTY: boolean,
  columns: number,
  rows: number,
): { stream: OutputStream; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return {
    stream: Object.assign(stream, isTTY ? { isTTY, columns, rows } : {}),
    text: () => Buffer.concat(chunks).toString(),
  };
}

function openStdin(source: string | Readable | undefined, isTTY: boolean): InputStream {
  if (source instanceof Readable && !isTTY) return source;
  const stream = new PassThrough();
  if (source instanceof Readable) source.pipe(stream);
  else if (source !== undefined) stream.write(source);
  // A terminal stays open; a pipe with nothing more to say ends.
  if (!isTTY && !(source instanceof Readable)) stream.end();
  return isTTY ? Object.assign(stream, { isTTY, setRawMode: () => stream }) : stream;
}

/** The process as a test wants it: nothing of the real one is in it, and what is written can be read back. */
export function testIo(options: TestIoOptions = {}): TestIo {
  const { tty = false, columns = 80, rows = 24, now = Date.now, platform = 'linux' } = options;
  const stdout = collect(tty === true || tty === 'stdout', columns, rows);
  const stderr = collect(tty === true || tty === 'stderr', columns, rows);
  const cwd = options.cwd ?? emptyFolder();
  const ending = new AbortController();
  const abort = (reason = 'SIGINT') => ending.abort(reason);
  const io: Io = {
    stdin: openStdin(options.stdin, options.stdinTty ?? false),
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: { TERM: 'xterm-256color', HOME: cwd, ...options.env },
    cwd,
    platform,
    signal: ending.signal,
    interrupt: () => abort(),
    now,
  };
  return { io, stdout: stdout.text, stderr: stderr.text, abort };
}
