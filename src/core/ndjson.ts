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
  return line.trim() === '';
}

/** What becomes of lines. */
export interface LineReader<Item> {
  /**
   * Adds to `items` what a line's value comes to. Called line by line, so that the values themselves are gone at once:
   * a thousand kept for the length of a batch cost more than they took to parse.
   */
  take(value: unknown, items: Item[]): void;
  /**
   * Reads lines from `start` on that it knows without parsing them, each with its newline unless the text ends there,
   * and returns where it stopped: at the beginning of a line.
   */
  skim?(text: string, start: number, items: Item[]): number;
  /** Reads a line itself, blank ones too, of a stream whose lines are no JSON: `take` and `skim` are not called then. */
  takeLine?(line: string, items: Item[]): void;
  /**
   * Told before each chunk whether its reader has taken all that came before and waits for more: then, and only then, what
   * a line comes to may be handed on at once instead of being added to `items`.
   */
  offer?(isWaitedFor: boolean): void;
  /** Takes a chunk of whole lines that it knows as bytes; false where it does not. Asked where no line has begun before it. */
  takeChunk?(chunk: Buffer, items: Item[]): boolean;
  /** Called once behind the last line of all, which need not have a newline. */
  takeEnd?(items: Item[]): void;
}

/** Takes each value as it is. */
export const takeValue: LineReader<unknown> = {
  take: (value, values) => {
    values.push(value);
  },
};

/** Cuts bytes into lines. Holds only what came after the last newline. */
export interface LineParser<Item> {
  /**
   * Adds to `items` what the lines come to that this chunk ends. Throws `protocol` for a line that is no JSON or
   * too long, when those before it have been added.
   */
  push(chunk: Buffer, items: Item[]): void;
  /** Does so for a last line without newline. */
  end(items: Item[]): void;
}

/**
 * Makes a parser of newline-delimited JSON that takes any split of the bytes, also inside a character. Lines are
 * cut as bytes and only whole ones become text: a newline is never a part of another character in UTF-8.
 */
export function createLineParser<Item>(
  reader: LineReader<Item>,
  longestLine: number = LONGEST_LINE,
): LineParser<Item> {
  let rest: Buffer[] = [];
  let restBytes = 0;

  const keep = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    restBytes += bytes.length;
    if (restBytes > longestLine) throw tooLong(longestLine);
    rest.push(bytes);
  };

  const add = (line: string, items: Item[]): void => {
    if (reader.takeLine) return reader.takeLine(line, items);
    // A carriage return before the newline is white space to JSON.
    if (!isBlank(line)) reader.take(parseLine(line), items);
  };

  const parseText = (text: string, items: Item[]): void => {
    if (reader.takeLine) {
      for (const line of text.split('\n')) reader.takeLine(line, items);
      return;
    }
    let start = 0;
    while (start < text.length) {
      start = reader.skim?.(text, start, items) ?? start;
      if (start >= text.length) return;
      const newline = text.indexOf('\n', start);
      const end = newline < 0 ? text.length : newline;
      add(text.slice(start, end), items);
      start = end + 1;
    }
  };

  const finish = (items: Item[]): void => {
    const line = Buffer.concat(rest).toString('utf8');
    rest = [];
    restBytes = 0;
    add(line, items);
  };

  return {
    push(chunk, items) {
      if (restBytes === 0 && reader.takeChunk?.(chunk, items) === true) return;
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
        finish(items);
        from = end + 1;
      }
      if (from <= last) parseText(chunk.toString('utf8', from, last), items);
      keep(chunk.subarray(last + 1));
    },
    end(items) {
      if (rest.length > 0) finish(items);
      reader.takeEnd?.(items);
    },
  };
}

function tooLong(longestLine: number): OllamaError {
  return new OllamaError('protocol', `The server sent a line of more than ${longestLine} bytes.`);
}

/** Bytes whose values wait to be taken at which reading stops until they are: some 9,000 lines of a chat. */
const HIGH_WATER = 1024 * 1024;

/**
 * Reads a body's lines in batches: what `reader` made of all that has arrived since the last one. An empty batch says
 * that not a byte has come for another `heartbeatMs`. Ends with the body; throws what the body fails with, and
 * `protocol` for a bad line after what came before it. Leaving the loop closes the body.
 *
 * Chunks are parsed as they arrive, not one await each: an await a token costs more than the token.
 */
export async function* readBatches<Item>(
  body: Readable,
  reader: LineReader<Item>,
  heartbeatMs?: number,
): AsyncGenerator<Item[], void, undefined> {
  const parser = createLineParser(reader);
  let ready: Item[] = [];
  let waitingBytes = 0;
  let ended = false;
  let failure: unknown;
  let wake: (() => void) | undefined;
  /** Of all chunks, also those that came to nothing for a batch. */
  let heard = 0;

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
      heard += 1;
      reader.offer?.(wake !== undefined && ready.length === 0);
      parser.push(chunk, ready);
      // What was handed on at once is nobody's business here.
      if (ready.length === 0 && reader.offer) return;
      waitingBytes += chunk.length;
      // With nothing to take, nobody would set it going again.
      if (ready.length > 0 && waitingBytes >= HIGH_WATER) body.pause();
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
      const before = heard;
      if (heartbeatMs === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else if ((await silence((resolve) => (wake = resolve), heartbeatMs)) && heard === before) yield [];
    }
  } finally {
    // An error that comes after nobody listens must not bring the program down.
    body.off('data', onData).off('end', onEnd).off('close', onClose);
    if (!body.readableEnded) body.destroy();
  }
}

/** Resolves to false as soon as `listen`'s callback is called, to true after `ms` without. */
async function silence(listen: (wake: () => void) => void, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean>((resolve) => {
      listen(() => resolve(false));
      timer = setTimeout(() => resolve(true), ms);
    });
  } finally {
    clearTimeout(timer);
  }
}
