import type { OutputStream } from '../io.js';

/** Resolves when the stream takes more, or never will again, or the signal is aborted. */
function waitForDrain(stream: OutputStream, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, finish);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.on(event, finish);
    signal?.addEventListener('abort', finish);
  });
}

/**
 * Writes text and waits while the reader is slow; after the signal it writes but waits no more. Nothing happens, and
 * nothing is thrown, where the stream has ended or its reader has gone: that is what the program's own signal is for.
 */
export async function writeText(stream: OutputStream, text: string, signal?: AbortSignal): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return;
  const taken = stream.write(text);
  if (taken || stream.destroyed || signal?.aborted === true) return;
  await waitForDrain(stream, signal);
}

/** Writes lines, each with its end; waits and gives up as `writeText` does. */
export async function writeLines(
  stream: OutputStream,
  lines: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  await writeText(stream, lines.map((line) => `${line}\n`).join(''), signal);
}
