import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { createPool } from '../core/pool.js';

/** A file to hash. */
export interface HashJob {
  readonly file: string;
  /** In bytes; what lies behind is not read. */
  readonly size: number;
}

/** The digest of a file, `sha256:…`, or the code of the error that kept it from being read. */
export type Hashed = { readonly digest: string } | { readonly failed: string };

/** How often it is told how much has been hashed. */
const TELL_MS = 100;

/**
 * What a thread runs: text, since the bundled program has no file of its own for it. It reads on its own thread in
 * pieces that stay in the processor's cache, so that it takes what a bare hash takes.
 */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const { openSync, readSync, closeSync } = require('node:fs');
const counter = new BigInt64Array(workerData);
const buffer = Buffer.allocUnsafeSlow(1 << 20);
parentPort.on('message', ({ file, size }) => {
  let handle;
  try {
    handle = openSync(file, 'r');
    const hash = createHash('sha256');
    for (let read = 0; read <= size; ) {
      const length = readSync(handle, buffer, 0, buffer.length, null);
      if (length === 0) break;
      hash.update(length === buffer.length ? buffer : buffer.subarray(0, length));
      read += length;
      Atomics.add(counter, 0, BigInt(length));
    }
    parentPort.postMessage({ digest: 'sha256:' + hash.digest('hex') });
  } catch (error) {
    parentPort.postMessage({ failed: error.code || String(error) });
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
});
`;

/**
 * Hashes files side by side, one a thread and as many threads as there are processors; resolves to what came of each, by
 * its path. `onBytes` is told the bytes hashed so far, ten times a second. Throws the signal's reason.
 */
export async function hashFiles(
  jobs: readonly HashJob[],
  options: { readonly signal: AbortSignal; readonly onBytes?: (bytes: number) => void },
): Promise<ReadonlyMap<string, Hashed>> {
  const { signal, onBytes } = options;
  const results = new Map<string, Hashed>();
  if (jobs.length === 0) return results;
  signal.throwIfAborted();
  const shared = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  const counter = new BigInt64Array(shared);
  const count = Math.min(availableParallelism(), jobs.length);
  const threads = Array.from({ length: count }, () => openThread(shared));
  const idle = [...threads];
  const places = createPool(count);
  const timer = setInterval(() => onBytes?.(Number(counter[0])), TELL_MS);
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new DOMException('', 'AbortError'));
  });
  stopped.catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  // The largest first: the last one to end is then a small one.
  const work = [...jobs]
    .sort((a, b) => b.size - a.size)
    .map((job) =>
      places(async () => {
        const thread = idle.pop();
        if (!thread) return;
        results.set(job.file, await askThread(thread, job));
        idle.push(thread);
      }),
    );
  try {
    await Promise.race([Promise.all(work), stopped]);
    return results;
  } finally {
    signal.removeEventListener('abort', stop);
    clearInterval(timer);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

function openThread(counter: SharedArrayBuffer): Worker {
  return new Worker(THREAD, { eval: true, workerData: counter, execArgv: [], env: {} });
}

async function askThread(thread: Worker, job: HashJob): Promise<Hashed> {
  return await new Promise((resolve) => {
    const answer = (hashed: Hashed): void => {
      thread.off('message', answer);
      thread.off('error', fail);
      thread.off('exit', leave);
      resolve(hashed);
    };
    const fail = (error: Error): void => answer({ failed: error.message });
    const leave = (): void => answer({ failed: 'its thread ended' });
    thread.on('message', answer);
    thread.on('error', fail);
    thread.on('exit', leave);
    thread.postMessage(job);
  });
}
