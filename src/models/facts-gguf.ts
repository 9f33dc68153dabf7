/** What could be read of a GGUF file's metadata from its first bytes. */
export interface GgufStart {
  /** Numbers, texts, truth values, and lists of numbers or truth values; lists of texts are left out. */
  readonly info: Readonly<Record<string, unknown>>;
  /** How long each list is, also those that are left out or cut off. */
  readonly lengths: Readonly<Record<string, number>>;
}

const MAGIC = 0x46554747;
const MOST_ENTRIES = 10_000;
const LONGEST_KEY = 65_535;
const LONGEST_TEXT = 4_096;
const LONGEST_LIST = 4_096;

const STRING = 8;
const ARRAY = 9;

/** How a value of each type of fixed size is read. Source: docs/gguf.md of ggml. */
const READERS: Readonly<
  Record<number, readonly [size: number, read: (bytes: Buffer, at: number) => unknown]>
> = {
  0: [1, (bytes, at) => bytes.readUInt8(at)],
  1: [1, (bytes, at) => bytes.readInt8(at)],
  2: [2, (bytes, at) => bytes.readUInt16LE(at)],
  3: [2, (bytes, at) => bytes.readInt16LE(at)],
  4: [4, (bytes, at) => bytes.readUInt32LE(at)],
  5: [4, (bytes, at) => bytes.readInt32LE(at)],
  6: [4, (bytes, at) => bytes.readFloatLE(at)],
  7: [1, (bytes, at) => bytes.readUInt8(at) !== 0],
  10: [8, (bytes, at) => Number(bytes.readBigUInt64LE(at))],
  11: [8, (bytes, at) => Number(bytes.readBigInt64LE(at))],
  12: [8, (bytes, at) => bytes.readDoubleLE(at)],
};

/** The bytes are at their end, or make no sense: what was read before them counts. */
class Cut extends Error {}

/**
 * Reads as much of a GGUF file's metadata (versions 2 and 3) as its first bytes hold; the lengths in them are believed
 * only as far as the bytes reach. Undefined where the bytes are no such file.
 */
export function readGgufStart(bytes: Buffer): GgufStart | undefined {
  if (bytes.length < 24 || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  const version = bytes.readUInt32LE(4);
  if (version !== 2 && version !== 3) return undefined;
  const entries = Math.min(Number(bytes.readBigUInt64LE(16)), MOST_ENTRIES);
  const info = new Map<string, unknown>();
  const lengths = new Map<string, number>();
  try {
    readEntries(openCursor(bytes, 24), entries, info, lengths);
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
  }
  // Unlike assignment, this makes a key of any text, `__proto__` too.
  return { info: Object.fromEntries(info), lengths: Object.fromEntries(lengths) };
}

interface Cursor {
  /** Where the next `length` bytes begin; they are behind it then. */
  take(length: number): number;
  u32(): number;
  u64(): number;
  text(most: number): string;
  readonly bytes: Buffer;
}

function openCursor(bytes: Buffer, start: number): Cursor {
  let at = start;
  const take = (length: number): number => {
    if (length > bytes.length - at) throw new Cut();
    const from = at;
    at += length;
    return from;
  };
  const u64 = (): number => Number(bytes.readBigUInt64LE(take(8)));
  const text = (most: number): string => {
    const length = u64();
    const from = take(length);
    return bytes.toString('utf8', from, from + Math.min(length, most));
  };
  return { take, u32: () => bytes.readUInt32LE(take(4)), u64, text, bytes };
}

function readEntries(
  cursor: Cursor,
  entries: number,
  info: Map<string, unknown>,
  lengths: Map<string, number>,
): void {
  for (let entry = 0; entry < entries; entry++) {
    const key = cursor.text(LONGEST_KEY);
    const type = cursor.u32();
    if (type !== ARRAY) {
      info.set(key, readScalar(cursor, type));
      continue;
    }
    const itemType = cursor.u32();
    const length = cursor.u64();
    lengths.set(key, length);
    const list = readList(cursor, itemType, length);
    if (list !== undefined) info.set(key, list);
  }
}

function readScalar(cursor: Cursor, type: number): unknown {
  if (type === STRING) return cursor.text(LONGEST_TEXT);
  const reader = READERS[type];
  if (reader === undefined) throw new Cut();
  const [size, read] = reader;
  return read(cursor.bytes, cursor.take(size));
}

function readList(cursor: Cursor, type: number, length: number): unknown[] | undefined {
  if (type === STRING) {
    // Each takes eight bytes at least, so the bytes' end comes soon enough.
    for (let item = 0; item < length; item++) cursor.take(cursor.u64());
    return undefined;
  }
  const reader = READERS[type];
  if (reader === undefined) throw new Cut();
  const [size, read] = reader;
  const from = cursor.take(size * length);
  if (length > LONGEST_LIST) return undefined;
  return Array.from({ length }, (_, item) => read(cursor.bytes, from + item * size));
}
