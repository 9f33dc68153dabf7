import type { Io } from '../io.js';

/** After this long without the end of stdin, it is said that it is being waited for. In milliseconds. */
const WAIT_MS = 3_000;

/** All of a piped stdin, without a byte order mark; empty for a terminal. Says on stderr when the pipe stays open. */
export async function readPipedPrompt(io: Io): Promise<string> {
  if (io.stdin.isTTY === true) return '';
  const note = setTimeout(() => {
    io.stderr.write('waiting for stdin to end (--no-stdin leaves it unread)\n');
  }, WAIT_MS);
  const chunks: Buffer[] = [];
  const stop = (): void => void io.stdin.destroy();
  io.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of io.stdin as AsyncIterable<Buffer | string>) {
      chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    }
  } catch (error) {
    io.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(note);
    io.signal.removeEventListener('abort', stop);
  }
  io.signal.throwIfAborted();
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\ufeff/, '');
}
