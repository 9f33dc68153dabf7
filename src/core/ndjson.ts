import type { Readable } from 'node:stream';
import { OllamaError } from './errors.js';

/** A line longer than this is refused: nothing that a server means to send is. In bytes. */
export const LONGEST_LINE = 64 * 1024 * 1024;

const NEWLINE = 0x0a;

function quote(line: string): string {
  const start = line.slice(0, 80);
  return JSON.stringify(start.length < line.length ? `${start}…` : start);
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    throw new OllamaError('protocol', `The server sent a line that is no JSON: ${quote(line.trim())}.`, {
      cause,
    });
  }
}

function isBlank(line: string): boolean {
  return line.length === 0 || line.trim() === '';
}

/** Cuts bytes into the values of their lines. Holds only what came after the last newline. */
export interface LineParser {
  /**
   * Adds the values of the lines that this chunk ends to `values`. Throws `protocol` for a line that is no JSON or
   * too long, when those before it have been added.
   */
  push(chunk: Buffer, values: unknown[]): void;
  /** Adds the value of a last line without newline. */
  end(values: unknown[]): void;
}

/**
 * Makes a parser of newline-delimited JSON that takes any split of the bytes, also inside a character. Lines are
 * cut as bytes and only whole ones become text: a newline is never a part of another character in UTF-8.
 */
export function createLineParser(longestLine: number = LONGEST_LINE): LineParser {
  let rest: Buffer[] = [];
  let restBytes = 0;

  const keep = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    restBytes += bytes.length;
    if (restBytes > longestLine) throw tooLong(longestLine);
    rest.push(bytes);
  };

  const add = (line: string, values: unknown[]): void => {
    // A carriage return before the newline is white space to JSON.
    if (!isBlank(line)) values.push(parseLine(line));
  };

  const parseText = (text: string, values: unknown[]): void => {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      add(text.slice(start, end), values);
      start = end + 1;
    }
    add(text.slice(start), values);
  };

  const finish = (values: unknown[]): void => {
    const line = Buffer.concat(rest).toString('utf8');
    rest = [];
    restBytes = 0;
    add(line, values);
  };

  return {
    push(chunk, values) {
      const last = chunk.lastIndexOf(NEWLINE);
      if (last < 0) {
        keep(chunk);
        return;
      }
      let from = 0;
      // In a chunk of that size a line of its own may be too long.
      const each = chunk.length > longestLine;
      while (from <= last && (each || rest.length > 0)) {
        const end = chunk.indexOf(NEWLINE, from);
        keep(chunk.subarray(from, end));
        finish(values);
        from = end + 1;
      }
      if (from <= last) parseText(chunk.toString('utf8', from, last), values);
      keep(chunk.subarray(last + 1));
    },
    end: finish,
  };
}

function tooLong(longestLine: number): OllamaError {
  return new OllamaError('protocol', `The server sent a line of more than ${longestLine} bytes.`);
}

/** Bytes whose values wait to be taken at which reading stops until they are: some 9,000 lines of a chat. */
const HIGH_WATER = 1024 * 1024;

/**
 * Reads a body's values in batches: all that has arrived since the last one. An empty batch says that nothing has
 * come for another `heartbeatMs`. Ends with the body; throws what the body fails with, and `protocol` for a bad line
 * after the values before it. Leaving the loop closes the body.
 *
 * Chunks are parsed as they arrive, not one await each: an await a token costs more than the token.
 */
export async function* readValues(
  body: Readable,
  { heartbeatMs, longestLine }: { heartbeatMs?: number | undefined; longestLine?: number } = {},
): AsyncGenerator<unknown[], void, undefined> {
  const parser = createLineParser(longestLine);
  let ready: unknown[] = [];
  let waitingBytes = 0;
  let ended = false;
  let failure: unknown;
  let wake: (() => void) | undefined;

  const settle = (): void => {
    wake?.();
    wake = undefined;
  };
  const fail = (error: unknown): void => {
    failure ??= error ?? new Error('the stream ended without a reason');
    ended = true;
    settle();
  };
  const onData = (chunk: Buffer): void => {
    if (ended) return;
    try {
      parser.push(chunk, ready);
      waitingBytes += chunk.length;
      if (ready.length === 0) return;
      if (waitingBytes >= HIGH_WATER) body.pause();
      settle();
    } catch (error) {
      fail(error);
    }
  };
  const onEnd = (): void => {
    if (ended) return;
    try {
      parser.end(ready);
    } catch (error) {
      fail(error);
    }
    ended = true;
    settle();
  };
  const onClose = (): void => {
    if (!ended) fail(new Error('the connection was closed'));
  };

  body.on('data', onData).on('end', onEnd).on('error', fail).on('close', onClose);
  try {
    for (;;) {
      if (ready.length > 0) {
        const batch = ready;
        ready = [];
        waitingBytes = 0;
        if (body.isPaused()) body.resume();
        yield batch;
        continue;
      }
      if (ended) {
        if (failure !== undefined) throw failure;
        return;
      }
      if (await silence((resolve) => (wake = resolve), heartbeatMs)) yield [];
    }
  } finally {
    // An error that comes after nobody listens must not bring the program down.
    body.off('data', onData).off('end', onEnd).off('close', onClose);
    if (!body.readableEnded) body.destroy();
  }
}

/** Resolves to false as soon as `listen`'s callback is called, to true after `ms` without. */
async function silence(listen: (wake: () => void) => void, ms: number | undefined): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean>((resolve) => {
      listen(() => resolve(false));
      if (ms !== undefined) timer = setTimeout(() => resolve(true), ms);
    });
  } finally {
    clearTimeout(timer);
  }
}
