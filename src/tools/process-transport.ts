import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { kill } from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/client';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client';

/** The program of an MCP server, and what it gets. */
export interface ServerProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Told of what it writes to stderr. */
  readonly onStderr: (chunk: Buffer) => void;
}

/** A message may have this many bytes; a server that sends more in one is ended. */
const MOST_MESSAGE_BYTES = 10e6;
/** How long a program may take to end by itself, and after SIGTERM. In milliseconds. */
const PATIENCE_MS = { asked: 300, terminated: 1_000 };

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Talks to an MCP server that is a program of a POSIX system, through its stdin and stdout. It gets a process group of
 * its own: Ctrl-C in the terminal is ours alone, and what it has started itself ends with it.
 */
export class ProcessTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #program: ServerProgram;
  readonly #buffer = new ReadBuffer({ maxBufferSize: MOST_MESSAGE_BYTES });
  #child: Child | undefined;
  #ended: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(program: ServerProgram) {
    this.#program = program;
  }

  async start(): Promise<void> {
    const { command, args, env, cwd, onStderr } = this.#program;
    const child = spawn(command, args, { env, cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    // Not `close`, for which whatever inherited the pipes would have to end too.
    this.#ended = new Promise((resolve) => child.once('exit', () => resolve()));
    child.stdin.on('error', (error) => this.onerror?.(error));
    child.stdout.on('error', (error) => this.onerror?.(error));
    child.stderr.on('error', (error) => this.onerror?.(error));
    child.stdout.on('data', (chunk: Buffer) => this.#receive(chunk));
    child.stdout.once('end', () => void this.close());
    child.stderr.on('data', onStderr);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.on('error', reject);
    });
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || !stdin.writable) throw new Error('The program of this server has ended.');
    await new Promise<void>((resolve, reject) => {
      stdin.write(serializeMessage(message), (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Ends the program: its input first, then SIGTERM, then SIGKILL to all that it has started. Never rejects. */
  async close(): Promise<void> {
    this.#closing ??= this.#end(PATIENCE_MS.asked);
    await this.#closing;
  }

  /** The same for someone who has no time: SIGTERM at once. */
  async interrupt(): Promise<void> {
    this.#closing ??= this.#end(0);
    await this.#closing;
  }

  async #end(asked: number): Promise<void> {
    const child = this.#child;
    if (child?.pid !== undefined) {
      child.stdin.destroy();
      if (asked === 0 || !(await this.#endsWithin(asked))) signalGroup(child.pid, 'SIGTERM');
      await this.#endsWithin(PATIENCE_MS.terminated);
      // Also where it has ended itself: what it started may be left.
      signalGroup(child.pid, 'SIGKILL');
      await this.#ended;
      child.stdout.destroy();
      child.stderr.destroy();
    }
    this.#buffer.clear();
    this.onclose?.();
  }

  async #endsWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const ended = await Promise.race([this.#ended.then(() => true), late]);
    clearTimeout(timer);
    return ended;
  }

  #receive(chunk: Buffer): void {
    try {
      this.#buffer.append(chunk);
    } catch (error) {
      this.onerror?.(toError(error));
      void this.interrupt();
      return;
    }
    for (;;) {
      try {
        const message = this.#buffer.readMessage();
        if (message === null) return;
        this.onmessage?.(message);
      } catch (error) {
        // One line that is no message says nothing about the next.
        this.onerror?.(toError(error));
      }
    }
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    kill(-pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}
