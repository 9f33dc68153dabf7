import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { OllamaClient } from '../core/client.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { isCutConnection } from '../core/http-errors.js';
import type { OllamaPullEvent } from '../core/pull-events.js';
import { changed, isUnchanged, PIECE_BYTES, unreadable } from './hash.js';
import type { SourceFile } from './sources.js';

/** How often the bytes sent are told, in milliseconds. */
const TICK_MS = 100;
/** A connection that breaks is tried once more: what had come of the blob is lost, the server keeps no half ones. */
const TRIES = 2;

type BlobClient = Pick<OllamaClient, 'hasBlob' | 'createBlob' | 'host'>;

/**
 * Sends one file as a blob, unless the server has it. Yields the events of a layer. Throws `usage` where the file changes,
 * `digest_mismatch` where it does not arrive as it is, and what the connection fails with.
 */
export async function* uploadBlob(
  client: BlobClient,
  file: SourceFile,
  digest: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<OllamaPullEvent, void, undefined> {
  const { size } = file;
  const at = (completed: number): OllamaPullEvent => ({
    type: 'ChunkProgress',
    digest,
    total: size,
    completed,
  });
  for (let attempt = 1; ; attempt++) {
    if (await client.hasBlob(digest, { signal })) {
      yield at(size);
      return;
    }
    yield at(0);
    try {
      if (!(await isUnchanged(file))) throw changed(file);
      yield* sendOnce(client, file, digest, signal, at);
      return;
    } catch (error) {
      if (signal?.aborted || !isOllamaError(error)) throw error;
      if (!(await isUnchanged(file))) throw changed(file);
      if (attempt === TRIES || !mayPass(error)) throw explain(error, file);
      yield {
        type: 'Retry',
        attempt: attempt + 1,
        reason: error.message,
        delayMs: 0,
        kind: kindOf(error),
        digest,
      };
    }
  }
}

function mayPass(error: OllamaError): boolean {
  const cut = error.code === 'unreachable' && isCutConnection(error.cause);
  return cut || error.code === 'stream_cut' || error.code === 'digest_mismatch';
}

function kindOf(error: OllamaError): 'digest' | 'cut' {
  return error.code === 'digest_mismatch' ? 'digest' : 'cut';
}

/** In neutral words, what there is to do about a file that did not arrive. */
function explain(error: OllamaError, { name }: SourceFile): OllamaError {
  if (!mayPass(error)) return error;
  const { host, status, cause } = error;
  const code = error.code === 'digest_mismatch' ? error.code : 'stream_cut';
  const what = code === 'digest_mismatch' ? 'did not arrive as it is' : 'was cut off';
  return new OllamaError(code, `Sending ${name} to ${host ?? 'the server'} ${what}: ${error.message}`, {
    host,
    status,
    cause,
    hint: 'Run the command again: what has arrived whole is not sent twice.',
  });
}

async function* sendOnce(
  client: BlobClient,
  file: SourceFile,
  digest: string,
  signal: AbortSignal | undefined,
  at: (completed: number) => OllamaPullEvent,
): AsyncGenerator<OllamaPullEvent, void, undefined> {
  let sent = 0;
  let fault: OllamaError | undefined;
  const read = async function* (): AsyncGenerator<Buffer, void, undefined> {
    try {
      const pieces = createReadStream(file.path, { highWaterMark: PIECE_BYTES });
      for await (const piece of pieces as AsyncIterable<Buffer>) {
        yield piece;
        sent += piece.length;
      }
    } catch (error) {
      fault = unreadable(file, error);
      throw fault;
    }
  };
  const body = Readable.from(read(), { objectMode: false, highWaterMark: PIECE_BYTES });
  let ended = false;
  const sending = client.createBlob(digest, body, { signal }).finally(() => (ended = true));
  // Awaited at the end; that it may fail before is no unhandled rejection.
  const settled = sending.catch(() => undefined);
  let told = 0;
  while (!ended) {
    await Promise.race([settled, tick()]);
    if (sent === told) continue;
    told = sent;
    yield at(told);
  }
  try {
    await sending;
  } catch (error) {
    throw fault ?? error;
  } finally {
    body.destroy();
  }
  yield at(file.size);
}

async function tick(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
