import { describe, expect, it } from 'vitest';
import { recognise } from '../../src/modelfile/recognise.js';
import { missingShards, shardOf } from '../../src/modelfile/shards.js';
import { gguf, safetensors } from './files.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

function kindOf(head: Buffer, name = 'model', size = head.length): string {
  const found = recognise(head, name, size);
  return found.kind === 'other' ? found.what : found.kind;
}

describe('a file is known by its content', () => {
  it('GGUF and safetensors are what Ollama takes', () => {
    expect(kindOf(gguf(), 'model.bin')).toBe('gguf');
    expect(kindOf(safetensors(), 'model.bin')).toBe('safetensors');
  });

  it.each([
    ['', 'model.gguf', 'empty'],
    ['GGUF\x03\0\0\0', 'model.gguf', 'cut short'],
    ['lmgg\x01\0\0\0', 'model.bin', 'a file of the old GGML format'],
    ['tjgg\x03\0\0\0', 'ggml-model-q4_0.bin', 'a file of the old GGML format'],
    ['PK\x03\x04....archive/data.pkl', 'pytorch_model.bin', 'PyTorch weights'],
    ['PK\x03\x04........', 'model.pt', 'PyTorch weights'],
    ['\x80\x02}q\x00', 'model.pth', 'PyTorch weights'],
    ['PK\x03\x04....config.json', 'model.keras', 'Keras weights'],
    ['PK\x03\x04....x', 'model.zip', 'a ZIP archive'],
    ['\x89HDF\r\n\x1a\n', 'model.gguf', 'Keras weights'],
    ['\x08\x07\x12\x07pytorch', 'model', 'an ONNX model'],
    ['anything', 'model.onnx', 'an ONNX model'],
    ['\x1c\0\0\0TFL3', 'model', 'a TensorFlow Lite model'],
    ['anything', 'saved_model.pb', 'a TensorFlow model'],
    ['anything', 'flax_model.msgpack', 'Flax weights'],
    ['\x93NUMPY', 'x', 'a NumPy array'],
    ['\x1f\x8b\x08', 'model.gguf', 'a gzip archive'],
    [`${'.'.repeat(257)}ustar`, 'model', 'a tar archive'],
    ['\x7fELF', 'model.llamafile', 'a program'],
    ['version https://git-lfs.github.com/spec/v1\n', 'model.gguf', 'a Git LFS pointer and not the weights'],
    ['<!DOCTYPE html><html>', 'model.gguf', 'a web page'],
    ['no idea', 'model.gguf', 'in no format that is known here'],
    ['\xff\xff\xff\xff\xff\xff\xff\x7f{"', 'model.safetensors', 'in no format that is known here'],
  ])('%j as %s is %s', (text, name, what) => expect(kindOf(bytes(text), name)).toBe(what));

  it('of each that Ollama cannot use it says what to do', () => {
    const found = recognise(bytes('\x80\x02}q\x00'), 'model.bin', 10);
    expect(found).toMatchObject({ advice: expect.stringContaining('safetensors') as string });
  });
});

describe('shards', () => {
  it.each([
    ['model-00002-of-00003.safetensors', 2, 3],
    ['qwen-q4-00001-of-00002.gguf', 1, 2],
  ])('%s', (name, index, count) => expect(shardOf(name)).toMatchObject({ index, count }));

  it.each(['model.gguf', 'model-1-of-2.gguf', 'model-00001-of-00002.json'])('%s is none', (name) => {
    expect(shardOf(name)).toBeUndefined();
  });

  it('tells those that are not there, set by set', () => {
    expect(
      missingShards(['a-00001-of-00003.gguf', 'a-00003-of-00003.gguf', 'b-00001-of-00001.gguf', 'c.gguf']),
    ).toEqual(['a-00002-of-00003.gguf']);
    expect(missingShards(['a-00001-of-99999.gguf'])).toHaveLength(10);
  });
});
