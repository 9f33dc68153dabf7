import { createHash } from 'node:crypto';

/** Bytes that can be read from anywhere without being held in memory; `end` is exclusive. */
export interface ByteSource {
  readonly size: number;
  /** True where the bytes may be gone later: whoever wants them again has to keep them. */
  readonly once?: true;
  read(start: number, end: number): Iterable<Buffer> | AsyncIterable<Buffer>;
}

const BLOCK = 65_536;
const YIELD_EVERY = 4 * 1024 * 1024;

/** The bytes of a buffer. */
export function bufferSource(bytes: Buffer): ByteSource {
  return { size: bytes.length, read: (start, end) => [bytes.subarray(start, end)] };
}

/** `size` bytes that follow from `seed` alone: `head`, then one block repeated with a counter in it. */
export function seededSource(seed: string, size: number, head: Buffer): ByteSource {
  const total = Math.max(size, head.length);
  let block: Buffer | undefined;
  return {
    size: total,
    *read(start, end) {
      block ??= seedBlock(seed);
      const stop = Math.min(end, total);
      let at = start;
      while (at < stop) {
        const index = Math.floor(at / BLOCK);
        const chunk = Buffer.from(block);
        chunk.writeUInt32LE(index, 0);
        const blockStart = index * BLOCK;
        if (blockStart < head.length) head.copy(chunk, 0, blockStart);
        yield chunk.subarray(at - blockStart, Math.min(stop - blockStart, BLOCK));
        at = blockStart + BLOCK;
      }
    },
  };
}

function seedBlock(seed: string): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index < BLOCK / 64; index += 1) {
    parts.push(
      createHash('sha512')
        .update(`${seed}/${String(index)}`)
        .digest(),
    );
  }
  return Buffer.concat(parts, BLOCK);
}

/** The same source with one byte changed: what a bad disk or proxy makes of a download. */
export function flipByte(source: ByteSource, offset: number): ByteSource {
  return {
    size: source.size,
    async *read(start, end) {
      let at = start;
      for await (const chunk of source.read(start, end)) {
        if (offset >= at && offset < at + chunk.length) {
          const changed = Buffer.from(chunk);
          changed[offset - at] = (changed[offset - at] ?? 0) ^ 0xff;
          yield changed;
        } else yield chunk;
        at += chunk.length;
      }
    },
  };
}

/** `sha256:` and the digest of all bytes; lets other work run in between. */
export async function digestOf(source: ByteSource): Promise<string> {
  const hash = createHash('sha256');
  let since = 0;
  for await (const chunk of source.read(0, source.size)) {
    hash.update(chunk);
    since += chunk.length;
    if (since >= YIELD_EVERY) {
      since = 0;
      await nextTurn();
    }
  }
  return `sha256:${hash.digest('hex')}`;
}

/** `sha256:` and the digest of a small text or buffer. */
export function digestOfBytes(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Resolves after everything that waits on input or output has had its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** All bytes of a small source in one buffer. */
export async function readAll(source: ByteSource): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source.read(0, source.size)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
