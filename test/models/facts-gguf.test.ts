import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGgufStart } from '../../src/models/facts-gguf.js';
import { writeGguf } from '../../src/sandbox/gguf.js';

const INFO = {
  'general.architecture': 'llama',
  'llama.block_count': 22,
  'llama.rope.freq_base': 0.5,
  'llama.attention.causal': true,
  'llama.attention.head_count_kv': [1, 0, 4],
  'tokenizer.ggml.tokens': ['<a>', 'b', 'c', 'd'],
  'tokenizer.ggml.pre': 'default',
};
const FILE = writeGguf({ info: INFO, tensors: [] });

function header(entries: bigint, version = 3): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.write('GGUF');
  bytes.writeUInt32LE(version, 4);
  bytes.writeBigUInt64LE(entries, 16);
  return bytes;
}

/** A key, its type, and what follows it. */
function entry(key: string, type: number, ...rest: Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(key.length));
  const kind = Buffer.alloc(4);
  kind.writeUInt32LE(type);
  return Buffer.concat([head, Buffer.from(key), kind, ...rest]);
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

describe('the start of a GGUF file', () => {
  it('tells numbers, texts and lists of numbers, and of lists of texts how long they are', () => {
    const { 'tokenizer.ggml.tokens': tokens, ...told } = INFO;
    const start = readGgufStart(FILE);
    expect(start?.info).toEqual(told);
    expect(start?.lengths).toEqual({
      'llama.attention.head_count_kv': 3,
      'tokenizer.ggml.tokens': tokens.length,
    });
  });

  it('tells of a start that is cut off what stands before the cut', () => {
    const cut = FILE.subarray(0, FILE.indexOf('<a>'));
    const start = readGgufStart(cut);
    expect(start?.info['llama.block_count']).toBe(22);
    expect(start?.info).not.toHaveProperty('tokenizer.ggml.pre');
    expect(start?.lengths['tokenizer.ggml.tokens']).toBe(4);
  });

  it('is a part of the whole wherever it is cut', () => {
    const whole = readGgufStart(FILE)?.info ?? {};
    for (let length = 24; length < FILE.length; length++) {
      const { info } = readGgufStart(FILE.subarray(0, length)) ?? { info: undefined };
      expect(whole).toMatchObject(info ?? { missing: true });
    }
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a page', Buffer.from('<!doctype html><title>502 Bad Gateway</title>')],
    ['version 1', header(0n, 1)],
    ['a version to come', header(0n, 4)],
  ])('is not found in %s', (_, bytes) => {
    expect(readGgufStart(bytes)).toBeUndefined();
  });

  it.each([
    ['a key longer than the file', Buffer.concat([header(1n), u64(2n ** 63n)])],
    ['more entries than can be', header(2n ** 64n - 1n)],
    ['a list longer than the file', Buffer.concat([header(1n), entry('l', 9, u32(10), u64(2n ** 60n))])],
    ['endless texts', Buffer.concat([header(1n), entry('l', 9, u32(8), u64(2n ** 60n), u64(0n), u64(0n))])],
    ['lists in lists', Buffer.concat([header(1n), entry('l', 9, u32(9), u64(5n))])],
    ['a type that is none', Buffer.concat([header(1n), entry('l', 99, u64(5n))])],
  ])('takes no harm from %s', (_, bytes) => {
    expect(readGgufStart(bytes)?.info).toEqual({});
  });

  it('keeps a key that is called like a part of every object', () => {
    const bytes = Buffer.concat([header(1n), entry('__proto__', 4, u32(7))]);
    expect(Object.entries(readGgufStart(bytes)?.info ?? {})).toEqual([['__proto__', 7]]);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(20), (noise, entries) => {
        expect(readGgufStart(Buffer.concat([header(BigInt(entries)), noise]))).toBeDefined();
      }),
    );
  });

  it('never throws where bytes of a file are changed', () => {
    fc.assert(
      fc.property(fc.nat(FILE.length - 25), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(FILE);
        bytes[24 + at] = byte;
        expect(readGgufStart(bytes)).toBeDefined();
      }),
    );
  });
});
