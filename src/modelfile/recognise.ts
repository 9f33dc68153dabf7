import { open } from 'node:fs/promises';

/** What a file is by its first bytes; of what Ollama can't use, its name and what to do about it. */
export type Recognised =
  | { readonly kind: 'gguf' | 'safetensors' }
  | { readonly kind: 'other'; readonly what: string; readonly advice: string };

/** As much as has to be read to know a file. */
const HEAD_BYTES = 4096;

const CONVERT = 'Convert them to safetensors, or to GGUF with convert_hf_to_gguf.py of llama.cpp.';
const UNPACK = 'Unpack it first.';

type Other = readonly [what: string, advice: string];
const other = ([what, advice]: Other): Recognised => ({ kind: 'other', what, advice });

const PYTORCH: Other = ['PyTorch weights', CONVERT];
const GGML: Other = [
  'a file of the old GGML format',
  'Get the model as GGUF: GGML files have not been readable since 2023.',
];
const KERAS: Other = ['Keras weights', CONVERT];

/** By the bytes that a file begins with, as latin1 text. */
const MAGICS: readonly (readonly [start: string, other: Other])[] = [
  // Four letters as a little-endian number: they stand there backwards.
  ...['lmgg', 'fmgg', 'tjgg', 'algg'].map((start) => [start, GGML] as const),
  ['\x89HDF\r\n\x1a\n', KERAS],
  ['\x93NUMPY', ['a NumPy array', CONVERT]],
  ['\x1f\x8b', ['a gzip archive', UNPACK]],
  ['\x28\xb5\x2f\xfd', ['a zstd archive', UNPACK]],
  ['\xfd7zXZ\0', ['an xz archive', UNPACK]],
  ['BZh', ['a bzip2 archive', UNPACK]],
  ['7z\xbc\xaf\x27\x1c', ['a 7z archive', UNPACK]],
  ['Rar!', ['a RAR archive', UNPACK]],
  ['\x7fELF', ['a program', 'Of a llamafile the GGUF inside is wanted: unzip it.']],
  ['MZ', ['a program', 'Of a llamafile the GGUF inside is wanted: unzip it.']],
  ['version https://git-lfs', ['a Git LFS pointer and not the weights', 'Fetch them: git lfs pull']],
];

/** By what stands further on. */
const SHAPES: readonly (readonly [shape: RegExp, other: Other])[] = [
  [/^\x80[\x02-\x05]/, PYTORCH],
  [/^.{4}TFL3/s, ['a TensorFlow Lite model', CONVERT]],
  [/^.{257}ustar/s, ['a tar archive', UNPACK]],
  [/^\x08[\x01-\x0f]\x12/, ['an ONNX model', CONVERT]],
  [/^\s*<(?:!doctype|html)/i, ['a web page', 'The download gave a page instead of the file: get it again.']],
];

/** By the end of a name, where the content says nothing certain. */
const NAMES: readonly (readonly [end: RegExp, other: Other])[] = [
  [/\.(?:pth?|ckpt)$|^pytorch_model.*\.bin$|^consolidated.*\.bin$/i, PYTORCH],
  [/\.onnx(?:_data)?$/i, ['an ONNX model', CONVERT]],
  [/\.(?:h5|hdf5|keras)$/i, KERAS],
  [/\.tflite$/i, ['a TensorFlow Lite model', CONVERT]],
  [/\.pb$|\.ckpt[.-]/i, ['a TensorFlow model', CONVERT]],
  [/\.msgpack$/i, ['Flax weights', CONVERT]],
  [/\.(?:engine|plan)$/i, ['a TensorRT engine', 'It fits one graphics card alone: get the model itself.']],
  [/\.(?:mlmodel|mlpackage)$/i, ['a Core ML model', CONVERT]],
  [/\.zip$/i, ['a ZIP archive', UNPACK]],
];

/** Tells a file by its first bytes, and by its name where those are not enough. `size` is the whole file's, in bytes. */
export function recognise(head: Buffer, name: string, size: number): Recognised {
  if (size === 0) return other(['empty', 'Was its download cut short?']);
  const text = head.toString('latin1');
  if (text.startsWith('GGUF')) {
    // Magic, version and two counts come before anything else.
    return size >= 24 ? { kind: 'gguf' } : other(['cut short', 'Get it again.']);
  }
  if (isSafetensors(head, size)) return { kind: 'safetensors' };
  const byContent =
    MAGICS.find(([start]) => text.startsWith(start))?.[1] ??
    (text.startsWith('PK\x03\x04') ? zipped(text, name) : SHAPES.find(([shape]) => shape.test(text))?.[1]);
  const known = byContent ?? NAMES.find(([end]) => end.test(name))?.[1];
  if (known) return other(known);
  return other(['in no format that is known here', 'Ollama takes GGUF files and folders of safetensors.']);
}

/** PyTorch and Keras 3 pack their files as ZIP; what is inside stands in the first names. */
function zipped(text: string, name: string): Other {
  if (/\/data\.pkl|\.storage|\.pth?$|\.bin$/.test(`${text}\n${name}`)) return PYTORCH;
  return /\.keras$/i.test(name) ? KERAS : ['a ZIP archive', UNPACK];
}

/** The length of a JSON header in eight bytes, then the header. */
function isSafetensors(head: Buffer, size: number): boolean {
  if (head.length < 10 || head[8] !== 0x7b) return false;
  const header = head.readBigUInt64LE(0);
  return header >= 2n && header + 8n <= BigInt(size);
}

/** Reads as much of a file as has to be known of it. Rejects with the system's error. */
export async function readHead(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
