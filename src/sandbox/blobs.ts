import type { ByteSource } from './bytes.js';
import { bufferSource } from './bytes.js';

/** A download that is under way or was broken off. */
export interface Partial {
  readonly completed: number;
  append(chunk: Buffer): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Ends writing; the bytes are kept for the next one who opens it. */
  close(): Promise<void>;
}

/** The layers of the server's models, and what is kept of unfinished ones; digests read `sha256:…`. */
export interface BlobStore {
  get(digest: string): ByteSource | undefined;
  put(digest: string, bytes: Buffer): Promise<void>;
  /** Goes on with what is kept of this layer; `source` is where its bytes come from. */
  openPartial(digest: string, source: ByteSource): Promise<Partial>;
  /** Forgets what is kept of an unfinished layer; true where there was something. */
  dropPartial(digest: string): Promise<boolean>;
  /** Makes a finished and closed partial a blob; its bytes are not checked here. */
  commit(digest: string): Promise<void>;
  remove(digest: string): Promise<void>;
  digests(): readonly string[];
}

/** Keeps blobs in memory: small ones as bytes, downloaded ones as the source that they came from. */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<string, ByteSource>();
  const partials = new Map<
    string,
    { completed: number; readonly source: ByteSource; kept: Buffer | undefined }
  >();
  return {
    get: (digest) => blobs.get(digest),
    put: (digest, bytes) => {
      blobs.set(digest, bufferSource(bytes));
      return Promise.resolve();
    },
    openPartial: (digest, source) => {
      const kept = source.once === true ? Buffer.alloc(source.size) : undefined;
      const partial = partials.get(digest) ?? { completed: 0, source, kept };
      partials.set(digest, partial);
      return Promise.resolve({
        get completed() {
          return partial.completed;
        },
        append: (chunk: Buffer) => {
          if (partial.kept !== undefined) chunk.copy(partial.kept, partial.completed);
          partial.completed += chunk.length;
          return Promise.resolve();
        },
        truncate: (size: number) => {
          partial.completed = Math.min(size, partial.completed);
          return Promise.resolve();
        },
        close: () => Promise.resolve(),
      });
    },
    dropPartial: (digest) => Promise.resolve(partials.delete(digest)),
    commit: (digest) => {
      const partial = partials.get(digest);
      if (partial !== undefined) {
        blobs.set(digest, partial.kept === undefined ? partial.source : bufferSource(partial.kept));
      }
      partials.delete(digest);
      return Promise.resolve();
    },
    remove: (digest) => {
      blobs.delete(digest);
      return Promise.resolve();
    },
    digests: () => [...blobs.keys()],
  };
}
