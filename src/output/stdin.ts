import type { Io } from '../io.js';

/** After this long without the end of stdin, it is said that it is being waited for. In milliseconds. */
const WAIT_MS = 3_000;

/** The pieces of stdin as they come, until the program is to end. Says on stderr when nothing comes. */
async function* readPieces(io: Io, advice: string): AsyncGenerator<Buffer, void, undefined> {
  const note = setTimeout(() => {
    io.stderr.write(`waiting for stdin to end${advice}\n`);
  }, WAIT_MS);
  const stop = (): void => void io.stdin.destroy();
  io.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of io.stdin as AsyncIterable<Buffer | string>) {
      yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      io.signal.throwIfAborted();
    }
  } catch (error) {
    io.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(note);
    io.signal.removeEventListener('abort', stop);
  }
  io.signal.throwIfAborted();
}

/** All of a piped stdin, without a byte order mark; empty for a terminal. Says on stderr when the pipe stays open. */
export async function readPipedPrompt(io: Io): Promise<string> {
  if (io.stdin.isTTY === true) return '';
  const chunks: Buffer[] = [];
  for await (const piece of readPieces(io, ' (--no-stdin leaves it unread)')) chunks.push(piece);
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\ufeff/, '');
}

/**
 * The lines of a piped stdin as they come, without their ends and a byte order mark; none for a terminal. Holds one line
 * and one piece.
 */
export async function* readPipedLines(io: Io): AsyncGenerator<string, void, undefined> {
  if (io.stdin.isTTY === true) return;
  yield* splitLines(readPieces(io, ''));
}

/** The lines of UTF-8 that comes in pieces, without their ends and a byte order mark; what follows the last end is one too. */
export async function* splitLines(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  for await (const piece of pieces) {
    const text = decoder.decode(piece, { stream: true });
    if (!text.includes('\n')) {
      rest += text;
      continue;
    }
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.replace(/\r$/, '');
  }
  rest += decoder.decode();
  if (rest !== '') yield rest.replace(/\r$/, '');
}
