import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findNearest, suggestLowerCase } from '../../src/format/nearest.js';

const MODELS = [
  'llama3.2:1b',
  'llama3.2:3b',
  'llama3.1:8b',
  'qwen3:0.6b',
  'qwen3:8b',
  'nomic-embed-text:latest',
];

describe('findNearest', () => {
  it.each([
    ['capitals don’t count', 'Llama3.2:1B', 'llama3.2:1b'],
    ['a letter is missing', 'llama3.2:b', 'llama3.2:1b'],
    ['two neighbours are swapped', 'lalma3.2:3b', 'llama3.2:3b'],
    ['the tag is missing', 'nomic-embed-text', 'nomic-embed-text:latest'],
    ['the tag is another', 'qwen3:4b', 'qwen3:0.6b'],
    ['the name is misspelled and the tag missing', 'nomic-embd-text', 'nomic-embed-text:latest'],
    ['it is the start of one', 'nomic', 'nomic-embed-text:latest'],
    ['it is a part of one', 'embed', 'nomic-embed-text:latest'],
  ])('finds what was meant when %s', (_, word, nearest) => {
    expect(findNearest(word, MODELS, 3)[0]).toBe(nearest);
  });

  it('gives the same model with its other tags before a misspelling', () => {
    expect(findNearest('llama3.2:8b', MODELS, 3)).toEqual(['llama3.2:1b', 'llama3.2:3b', 'llama3.1:8b']);
  });

  it.each([
    ['a letter more', 'abcd', 'abxcd'],
    ['a letter fewer', 'abcd', 'acd'],
    ['another letter', 'abcd', 'abxd'],
    ['two neighbours swapped', 'abcd', 'acbd'],
    ['the first two swapped', 'abcd', 'bacd'],
    ['two edits in six letters', 'abcdef', 'axbcxef'],
    ['a start of three letters', 'abc', 'abc-defgh'],
  ])('takes %s for a misspelling', (_, word, candidate) => {
    expect(findNearest(word, [candidate], 1)).toEqual([candidate]);
  });

  it.each([
    ['two edits in four letters', 'abcd', 'axbxcd'],
    ['a letter moved and one changed', 'abcd', 'bxcd'],
    ['a swap and another letter', 'abcd', 'xbdc'],
    ['three edits in six letters', 'abcdef', 'axbxcxf'],
    ['a start of two letters', 'ab', 'ab-defgh'],
    ['nothing', '', 'a'],
  ])('does not take %s for one', (_, word, candidate) => {
    expect(findNearest(word, [candidate], 1)).toEqual([]);
  });

  it('keeps the order of what is equally near', () => {
    expect(findNearest('mode', ['modx', 'model'], 2)).toEqual(['modx', 'model']);
  });

  it('does not take the port of a registry for a tag', () => {
    expect(findNearest('host:5000/x', ['host:5000/y-long-name'], 1)).toEqual([]);
    expect(findNearest('host:5000/model', ['host:5000/model:v1'], 1)).toEqual(['host:5000/model:v1']);
  });

  it('gives nothing for what is like none of them', () => {
    expect(findNearest('mistral', MODELS, 3)).toEqual([]);
    expect(findNearest('x'.repeat(500), ['x'.repeat(500)], 3)).toEqual([]);
  });

  it('gives at most as many as asked for, each once, and none that was not there', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), fc.nat(4), (word, names, count) => {
        const found = findNearest(word, names, count);
        expect(found.length).toBeLessThanOrEqual(count);
        expect(new Set(found).size).toBe(found.length);
        expect(names).toEqual(expect.arrayContaining(found));
      }),
    );
  });

  it('puts first what differs by one swap, whatever the word', () => {
    const words = fc.stringMatching(/^[a-z]{4,12}$/);
    fc.assert(
      fc.property(words, fc.nat(10), (word, at) => {
        const place = at % (word.length - 1);
        const swapped =
          word.slice(0, place) + word.charAt(place + 1) + word.charAt(place) + word.slice(place + 2);
        expect(findNearest(swapped, ['0123456789', word], 1)).toEqual([word]);
      }),
    );
  });
});

describe('suggestLowerCase', () => {
  it.each([
    ['Llama3.2:1B', 'llama3.2:1b'],
    ['llama3.2:1b', undefined],
    ['hf.co/TheBloke/Model-GGUF', undefined],
    ['HF.co/TheBloke/Model-GGUF', undefined],
    ['https://huggingface.co/TheBloke/Model', undefined],
    ['myhf.co/Model', 'myhf.co/model'],
  ])('for %s says %s', (name, lower) => {
    expect(suggestLowerCase(name)).toBe(lower);
  });
});
