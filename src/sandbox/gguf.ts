/** A value of the metadata at the head of a GGUF file. */
export type InfoValue = string | number | boolean | readonly string[] | readonly number[];
export type ModelInfo = Readonly<Record<string, InfoValue>>;

/** One tensor as `show` tells of it. */
export interface Tensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}

export interface GgufHead {
  readonly info: ModelInfo;
  readonly tensors: readonly Tensor[];
}

const MAGIC = 0x46554747;
const TENSOR_TYPES = [
  'F32',
  'F16',
  'Q4_0',
  'Q4_1',
  '',
  '',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q8_1',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
] as const;
const TYPE = { int32: 5, uint32: 4, float32: 6, bool: 7, string: 8, array: 9, uint64: 10, float64: 12 };
const SIZES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

/** The head of a GGUF file (version 3) with this metadata; numbers keep their value, not their width. */
export function writeGguf(head: GgufHead): Buffer {
  const parts: Buffer[] = [];
  const u32 = (value: number): number => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return parts.push(bytes);
  };
  const u64 = (value: number): number => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return parts.push(bytes);
  };
  const text = (value: string): number => {
    const bytes = Buffer.from(value);
    u64(bytes.length);
    return parts.push(bytes);
  };
  const scalar = (value: string | number | boolean): number => {
    if (typeof value === 'string') return text(value);
    if (typeof value === 'boolean') return parts.push(Buffer.from([value ? 1 : 0]));
    const bytes = Buffer.alloc(8);
    if (Number.isInteger(value) && value >= 0) bytes.writeBigUInt64LE(BigInt(value));
    else bytes.writeDoubleLE(value);
    return parts.push(bytes);
  };
  u32(MAGIC);
  u32(3);
  u64(head.tensors.length);
  const entries = Object.entries(head.info);
  u64(entries.length);
  for (const [key, value] of entries) {
    text(key);
    if (typeof value === 'object') {
      u32(TYPE.array);
      const kind = value.every((item) => typeof item === 'string') ? TYPE.string : TYPE.float64;
      u32(kind);
      u64(value.length);
      for (const item of value) {
        if (typeof item === 'string') text(item);
        else {
          const bytes = Buffer.alloc(8);
          bytes.writeDoubleLE(item);
          parts.push(bytes);
        }
      }
    } else {
      u32(scalarType(value));
      scalar(value);
    }
  }
  for (const tensor of head.tensors) {
    text(tensor.name);
    u32(tensor.shape.length);
    for (const length of tensor.shape) u64(length);
    u32(
      Math.max(
        0,
        TENSOR_TYPES.findIndex((name) => name === tensor.type),
      ),
    );
    u64(0);
  }
  return Buffer.concat(parts);
}

function scalarType(value: string | number | boolean): number {
  if (typeof value === 'string') return TYPE.string;
  if (typeof value === 'boolean') return TYPE.bool;
  return Number.isInteger(value) && value >= 0 ? TYPE.uint64 : TYPE.float64;
}

/** The metadata and tensors at the head of a GGUF file; undefined where the bytes are not one. */
export function readGguf(bytes: Buffer): GgufHead | undefined {
  try {
    return parseGguf(bytes);
  } catch {
    // A read past the end: the head is longer than what we were given, or no GGUF at all.
    return undefined;
  }
}

function parseGguf(bytes: Buffer): GgufHead | undefined {
  let at = 0;
  const take = (length: number): number => {
    const start = at;
    at += length;
    if (at > bytes.length) throw new RangeError('past the end');
    return start;
  };
  const u32 = (): number => bytes.readUInt32LE(take(4));
  const u64 = (): number => Number(bytes.readBigUInt64LE(take(8)));
  const text = (): string => {
    const length = u64();
    const start = take(length);
    return bytes.toString('utf8', start, start + length);
  };
  const scalar = (type: number): string | number | boolean => {
    if (type === TYPE.string) return text();
    const start = take(SIZES[type] ?? Number.NaN);
    switch (type) {
      case 0:
        return bytes.readUInt8(start);
      case 1:
        return bytes.readInt8(start);
      case 2:
        return bytes.readUInt16LE(start);
      case 3:
        return bytes.readInt16LE(start);
      case TYPE.uint32:
        return bytes.readUInt32LE(start);
      case TYPE.int32:
        return bytes.readInt32LE(start);
      case TYPE.float32:
        return bytes.readFloatLE(start);
      case TYPE.bool:
        return bytes.readUInt8(start) !== 0;
      case TYPE.uint64:
        return Number(bytes.readBigUInt64LE(start));
      case 11:
        return Number(bytes.readBigInt64LE(start));
      case TYPE.float64:
        return bytes.readDoubleLE(start);
      default:
        throw new RangeError('unknown type');
    }
  };
  if (u32() !== MAGIC || u32() < 2) return undefined;
  const tensorCount = u64();
  const entryCount = u64();
  const entries: [string, InfoValue][] = [];
  for (let index = 0; index < entryCount; index += 1) {
    const key = text();
    const type = u32();
    if (type !== TYPE.array) {
      entries.push([key, scalar(type)]);
      continue;
    }
    const itemType = u32();
    const count = u64();
    const items: (string | number)[] = [];
    for (let item = 0; item < count; item += 1) {
      const value = scalar(itemType);
      items.push(typeof value === 'boolean' ? Number(value) : value);
    }
    entries.push([key, items as string[] | number[]]);
  }
  const tensors: Tensor[] = [];
  for (let index = 0; index < tensorCount; index += 1) {
    const name = text();
    const shape = Array.from({ length: u32() }, u64);
    const type = TENSOR_TYPES[u32()] ?? 'F32';
    u64();
    tensors.push({ name, type, shape });
  }
  // Unlike assignment, this makes a key of any text, `__proto__` too.
  return { info: Object.fromEntries(entries), tensors };
}
