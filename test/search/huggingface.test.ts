import { describe, expect, it } from 'vitest';
import { checkModelName } from '../../src/core/model-name.js';
import { decodeFiles, decodeRepositories } from '../../src/search/huggingface.js';

const NAME = checkModelName('hf.co/ann/tiny-GGUF');

describe('the repositories of a search', () => {
  it('are models by the name that a pull takes', () => {
    const value = [
      { id: 'ann/tiny-GGUF', pipeline_tag: 'image-text-to-text', lastModified: '2025-01-02T00:00:00.000Z' },
      { modelId: 'ann/gated', gated: 'auto', pipeline_tag: 'other' },
      { id: 'no-owner' },
      { id: 'ann/\u001b[31mred' },
      { id: 'ann/../etc' },
      5,
    ];
    expect(decodeRepositories(value, 'x')).toEqual([
      {
        name: 'hf.co/ann/tiny-GGUF',
        source: 'huggingface',
        capabilities: ['completion', 'vision'],
        updatedAt: Date.UTC(2025, 0, 2),
      },
      {
        name: 'hf.co/ann/gated',
        source: 'huggingface',
        description: 'gated: ask for access on its page',
      },
    ]);
  });

  it('are refused where they are no list', () => {
    expect(() => decodeRepositories({ error: 'x' }, 'x')).toThrow(/no list/);
  });
});

describe('the files of a repository', () => {
  const tags = (...files: [path: string, size: unknown][]) =>
    decodeFiles(
      files.map(([path, size]) => ({ type: 'file', path, size })),
      NAME,
      'x',
    ).map(({ name, sizes, description }) => [name.slice(NAME.host.length + 15), sizes?.[0], description]);

  it.each([
    ['tiny-Q4_K_M.gguf', 'Q4_K_M'],
    ['tiny.q8_0.gguf', 'Q8_0'],
    ['tiny-IQ3_XXS.gguf', 'IQ3_XXS'],
    ['tiny-UD-Q2_K_XL.gguf', 'UD-Q2_K_XL'],
    ['BF16/tiny-BF16.gguf', 'BF16'],
    ['tiny-f16.gguf', 'F16'],
    ['gpt-oss-MXFP4.gguf', 'MXFP4'],
  ])('%s is the tag %s', (path, tag) => {
    expect(tags([path, 7])).toEqual([[`:${tag}`.slice(1), 7, undefined]]);
  });

  it('leave out what is no model, has no size, or no quantization in its name', () => {
    expect(
      tags(
        ['README.md', 5],
        ['mmproj-tiny-F16.gguf', 5],
        ['tiny-Q4_0.gguf', -1],
        ['tiny-Q4_1.gguf', 'x'],
        ['tiny.gguf', 5],
        ['imatrix.dat', 5],
      ),
    ).toEqual([]);
  });

  it('add up where they are parts of one, which is said; a second whole one of a quantization does not', () => {
    expect(
      tags(
        ['Q8_0/tiny-Q8_0-00001-of-00002.gguf', 5],
        ['Q8_0/tiny-Q8_0-00002-of-00002.gguf', 6],
        ['tiny-Q4_0.gguf', 3],
        ['other-Q4_0.gguf', 9],
      ),
    ).toEqual([
      ['Q8_0', 11, 'in several files, which Ollama does not pull'],
      ['Q4_0', 3, undefined],
    ]);
  });
});
