import { describe, expect, it } from 'vitest';
import { fileBytes, parseParameterCount } from '../../src/models/facts-bits.js';
import { installedFacts } from '../../src/models/facts.js';

function copyOf(more: object, info: object = {}, quantization = 'Q4_K_M'): number {
  const shown = {
    details: { quantization_level: quantization },
    model_info: { 'general.architecture': 'x', 'x.embedding_length': 64, 'x.vocab_size': 1000, ...info },
    ...more,
  };
  return installedFacts(shown, undefined).outputCopyBytes;
}

const table = { name: 'token_embd.weight', type: 'Q8_0', shape: [64, 1000] };

describe('the table that is kept twice', () => {
  it.each([
    ['where no other is among the tensors', [table], (64_000 * 34) / 32],
    ['by its own type', [{ ...table, type: 'F16' }], 128_000],
    ['not where there is another for writing', [table, { ...table, name: 'output.weight' }], 0],
    ['as nothing where its shape makes no sense', [{ ...table, shape: [-1, 'x'] }], 0],
    ['as nothing where the tensors say nothing', [{ name: 'blk.0' }, null, 7], 0],
  ])('counts %s', (_, tensors, bytes) => {
    expect(copyOf({ tensors })).toBe(bytes);
  });

  it.each([
    [
      'the Gemma family',
      { 'general.architecture': 'gemma3', 'gemma3.embedding_length': 64, 'gemma3.vocab_size': 1000 },
      68_000,
    ],
    ['small models', { 'general.parameter_count': 1e9 }, 68_000],
    ['not larger ones', { 'general.parameter_count': 8e9 }, 0],
    [
      'not those for embeddings',
      {
        'general.architecture': 'bert',
        'bert.embedding_length': 64,
        'bert.vocab_size': 1000,
        'general.parameter_count': 1e8,
      },
      0,
    ],
  ])('is guessed without the tensors for %s', (_, info, bytes) => {
    expect(copyOf({}, info)).toBe(bytes);
  });

  it('is guessed with as many bytes as the file has where those are more', () => {
    expect(copyOf({}, { 'general.parameter_count': 1e9 }, 'F16')).toBe(128_000);
  });
});

it.each([
  ['8.2B', 8.2e9],
  ['268.10M', 268.1e6],
  ['8x7B', 56e9],
  ['1t', 1e12],
  ['7', undefined],
  ['B', undefined],
  ['1e9B', undefined],
  ['', undefined],
])('reads %j as a number of parameters', (text, count) => {
  const read = parseParameterCount(text);
  if (count === undefined) expect(read).toBeUndefined();
  else expect(read).toBeCloseTo(count, 0);
});

it.each([
  ['Q4_K_M', 4.9 / 8],
  ['IQ2_XS', 2.9 / 8],
  ['F16', 2],
  ['q8_0', 34 / 32],
  ['something', 1],
])('takes %s for so many bytes a parameter', (quantization, bytes) => {
  expect(fileBytes(quantization)).toBe(bytes);
});
