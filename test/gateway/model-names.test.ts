import { describe, expect, it } from 'vitest';
import { readModelName } from '../../src/gateway/model-names.js';

describe('a model name of a caller', () => {
  it.each([
    ['llama3.2', 'llama3.2:latest'],
    ['library/llama3.2:1b', 'llama3.2:1b'],
    ['hf.co/User/Repo-GGUF:Q4_K_M', 'hf.co/User/Repo-GGUF:Q4_K_M'],
    ['registry.example:5000/acme/tiny', 'registry.example:5000/acme/tiny:latest'],
  ])('%s is %s', (text, name) => {
    expect(readModelName(text)).toBe(name);
  });

  it.each([
    '',
    ' ',
    '../../etc/passwd',
    '/etc/passwd',
    'http://127.0.0.1:1/a/b',
    'https://example.org/a/b',
    'file:///etc/passwd',
    '127.0.0.1/a/b',
    '127.0.0.1:5000/a/b',
    '127.1/a/b',
    '2130706433/a/b',
    '0x7f.0x1/a/b',
    '0x7f000001/a/b',
    '169.254.169.254./a/b',
    'localhost/a/b',
    'localhost:5000/a/b',
    'registry.localhost/a/b',
    'intranet/a/b',
    '::1/a/b',
    'model@sha256:0',
    'a b',
    'a\nb',
  ])('%j is refused', (text) => {
    expect(() => readModelName(text)).toThrow(expect.objectContaining({ code: 'invalid_name' }));
  });
});
