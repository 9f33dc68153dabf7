import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeGguf } from '../../src/sandbox/gguf.js';

/** A small GGUF file: a head of this architecture, and `bytes` of weights behind it. */
export function gguf(info: Readonly<Record<string, string | number>> = {}, bytes = 64): Buffer {
  const head = writeGguf({
    info: {
      'general.architecture': 'llama',
      'general.file_type': 1,
      'general.parameter_count': 1_000_000,
      ...info,
    },
    tensors: [],
  });
  return Buffer.concat([head, Buffer.alloc(bytes, 7)]);
}

/** A file of safetensors: the length of its header, the header, and weights. */
export function safetensors(bytes = 64): Buffer {
  const header = Buffer.from('{"__metadata__":{"format":"pt"}}');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(bytes, 3)]);
}

let root: string | undefined;

function openRoot(): string {
  if (root === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), 'modelfile-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    root = made;
  }
  return root;
}

/** A folder of these files, by their relative paths, that is removed when the tests end. */
export function folderOf(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = mkdtempSync(path.join(openRoot(), 'f-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}
