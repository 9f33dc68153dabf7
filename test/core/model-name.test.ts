import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkModelName,
  displayName,
  isHuggingFace,
  parseModelName,
  sameModel,
} from '../../src/core/model-name.js';

const long = (length: number): string => 'a'.repeat(length);

describe('a name inside the grammar', () => {
  test.each([
    ['llama3.2', 'registry.ollama.ai', 'library', 'llama3.2', 'latest', 'llama3.2:latest'],
    ['llama3.2:1b', 'registry.ollama.ai', 'library', 'llama3.2', '1b', 'llama3.2:1b'],
    ['library/llama3.2:1b', 'registry.ollama.ai', 'library', 'llama3.2', '1b', 'llama3.2:1b'],
    ['acme/tiny', 'registry.ollama.ai', 'acme', 'tiny', 'latest', 'acme/tiny:latest'],
    ['registry.ollama.ai/library/m', 'registry.ollama.ai', 'library', 'm', 'latest', 'm:latest'],
    [
      'registry.example:5000/acme/t:x',
      'registry.example:5000',
      'acme',
      't',
      'x',
      'registry.example:5000/acme/t:x',
    ],
    [
      'registry.example/library/t',
      'registry.example',
      'library',
      't',
      'latest',
      'registry.example/library/t:latest',
    ],
    ['https://registry.example/a/t', 'registry.example', 'a', 't', 'latest', 'registry.example/a/t:latest'],
    ['http://m', 'registry.ollama.ai', 'library', 'm', 'latest', 'm:latest'],
    ['hf.co/User/Repo-GGUF:Q4_K_M', 'hf.co', 'User', 'Repo-GGUF', 'Q4_K_M', 'hf.co/User/Repo-GGUF:Q4_K_M'],
    ['_m:_t', 'registry.ollama.ai', 'library', '_m', '_t', '_m:_t'],
    ['M:0', 'registry.ollama.ai', 'library', 'M', '0', 'M:0'],
    ['a-._b:c-._d', 'registry.ollama.ai', 'library', 'a-._b', 'c-._d', 'a-._b:c-._d'],
    ['n_-s/m', 'registry.ollama.ai', 'n_-s', 'm', 'latest', 'n_-s/m:latest'],
    [long(80), 'registry.ollama.ai', 'library', long(80), 'latest', `${long(80)}:latest`],
    [`${long(350)}/b/c`, long(350), 'b', 'c', 'latest', `${long(350)}/b/c:latest`],
  ])('%s', (text, host, namespace, model, tag, shown) => {
    const name = parseModelName(text);
    expect(name).toMatchObject({ host, namespace, model, tag, source: undefined });
    expect(name && displayName(name)).toBe(shown);
  });
});

describe('a name outside the grammar', () => {
  test.each([
    ['', 'the model is empty'],
    ['/', 'the namespace is empty'],
    ['m:', 'the tag is empty'],
    [':t', 'the model is empty'],
    ['a//b', 'the namespace is empty'],
    ['a/b/c/d', 'more parts'],
    ['host:5000/m', '":" can\'t stand there in the namespace'],
    ['a.b/m', '"." can\'t stand there in the namespace'],
    ['-m', '"-" can\'t stand there in the model'],
    ['.m', '"." can\'t stand there in the model'],
    ['m:-t', '"-" can\'t stand there in the tag'],
    ['.host/a/m', '"." can\'t stand there in the registry'],
    ['m:a:b', '":" can\'t stand there in the tag'],
    ['bad name', '" " can\'t stand there in the model'],
    ['m!', '"!" can\'t stand there in the model'],
    ['modèle', '"è" can\'t stand there in the model'],
    ['m\u001b[31m', '"\\u001b" can\'t stand there in the model'],
    ['m@sha256:abc', 'a digest'],
    [long(81), 'longer than 80'],
    [`m:${long(81)}`, 'longer than 80'],
    [`${long(81)}/m`, 'longer than 80'],
    [`${long(351)}/b/c`, 'longer than 350'],
    ['a:cloud:local', 'not both'],
    ['a:local:cloud', 'not both'],
    ['a:b-cloud:local', 'not both'],
    ['m:-cloud', 'the tag is empty'],
  ])('%j: %s', (text, why) => {
    expect(parseModelName(text)).toBeUndefined();
    expect(() => checkModelName(text)).toThrow(why);
    expect(() => checkModelName(text)).toThrow(
      expect.objectContaining({ code: 'invalid_name', model: text }),
    );
  });
});

describe('where a model runs', () => {
  test.each([
    ['m:cloud', 'cloud', 'latest', 'm:cloud'],
    ['m:CLOUD', 'cloud', 'latest', 'm:cloud'],
    ['gpt-oss:120b-cloud', 'cloud', '120b', 'gpt-oss:120b-cloud'],
    ['gpt-oss:120b-Cloud', 'cloud', '120b', 'gpt-oss:120b-cloud'],
    ['m:8b:cloud', 'cloud', '8b', 'm:8b-cloud'],
    ['m:latest-cloud', 'cloud', 'latest', 'm:cloud'],
    ['m:8b:local', 'local', '8b', 'm:8b'],
    ['m:local', 'local', 'latest', 'm:latest'],
    ['my-cloud', undefined, 'latest', 'my-cloud:latest'],
    ['h:1-cloud/a/b', undefined, 'latest', 'h:1-cloud/a/b:latest'],
  ])('%s', (text, source, tag, shown) => {
    const name = checkModelName(text);
    expect(name).toMatchObject({ source, tag });
    expect(displayName(name)).toBe(shown);
  });
});

test('a shown name, parsed and shown again, stays the same', () => {
  const part = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,8}$/);
  const tag = fc.oneof(part, fc.constantFrom('latest', 'cloud', 'local', '8b-cloud', '8b:cloud', '8b:local'));
  const name = fc
    .tuple(
      fc.array(fc.oneof(part, fc.constantFrom('library', 'registry.ollama.ai')), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.option(tag),
    )
    .map(([parts, end]) => parts.join('/') + (end === null ? '' : `:${end}`));
  fc.assert(
    fc.property(name, (text) => {
      const parsed = parseModelName(text);
      fc.pre(parsed !== undefined);
      if (parsed === undefined) return;
      const shown = displayName(parsed);
      const again = parseModelName(shown);
      expect(again && displayName(again)).toBe(shown);
      expect(sameModel(text, shown)).toBe(true);
    }),
  );
});

test('any text is a name or is told why it is none', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', ':', '/', '-', '.', '@', 'cloud') })),
      (text) => {
        const name = parseModelName(text);
        if (name === undefined) expect(() => checkModelName(text)).toThrow('is no model name');
        else expect(checkModelName(text)).toEqual(name);
      },
    ),
  );
});

test.each([
  ['llama3.2', 'llama3.2:latest', true],
  ['Llama3.2', 'llama3.2', true],
  ['library/m:x', 'registry.ollama.ai/library/M:X', true],
  ['m:8b-cloud', 'm:8b:cloud', true],
  ['m:1b', 'm:3b', false],
  ['acme/m', 'm', false],
  ['bad name', 'BAD name', true],
])('%s and %s are the same model: %s', (a, b, expected) => {
  expect(sameModel(a, b)).toBe(expected);
});

test.each([
  ['hf.co/a/b', true],
  ['https://huggingface.co/a/b:Q8', true],
  ['HF.co/a/b', true],
  ['xhf.co/a/b', false],
  ['hf.co', false],
])('%s is on Hugging Face: %s', (name, expected) => {
  expect(isHuggingFace(name)).toBe(expected);
});
