import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOllamaError } from '../../src/core/errors.js';
import { parseProviderBlock, showBlock } from '../../src/providers/block.js';

function faultOf(value: unknown): string {
  try {
    parseProviderBlock(value);
  } catch (error) {
    if (isOllamaError(error) && error.code === 'config') return error.message;
    throw error;
  }
  return '';
}

describe("a provider's block", () => {
  it('has the defaults of a server that is not asked yet', () => {
    expect(parseProviderBlock({ name: 'local' })).toEqual({
      name: 'local',
      type: 'ollama',
      enabled: false,
      api_key: '',
      model: 'llama3.2',
      base_url: 'http://localhost:11434/v1',
      status: 'disconnected',
      last_checked: '',
    });
  });

  it.each([
    [{ base_url: 'https://api.example/v1' }, 'openai'],
    [{ base_url: 'https://api.example/v1/' }, 'openai'],
    [{ base_url: 'https://api.example' }, 'ollama'],
    [{ base_url: 'https://v1' }, 'ollama'],
    [{ base_url: 'https://api.example/v1', type: 'anthropic' }, 'anthropic'],
    [{ base_url: 'https://api.example/v1', name: 'ollama' }, 'ollama'],
  ])('of %j is of the type %s', (more, type) => {
    expect(parseProviderBlock({ name: 'cloud', ...more }).type).toBe(type);
  });

  it.each<[string, object, string]>([
    ['no name', {}, 'name is missing'],
    ['a name with a dot', { name: 'a.b' }, 'name is no name'],
    ['a name that begins with a dash', { name: '-a' }, 'name is no name'],
    ['an unknown field', { name: 'a', apikey: 'x' }, 'apikey is no field'],
    ['a field of all objects', { name: 'a', constructor: 'x' }, 'constructor is no field'],
    ['another type', { name: 'a', type: 'gemini' }, 'type is none of ollama, openai, anthropic'],
    ['a text for enabled', { name: 'a', enabled: 'yes' }, 'enabled is neither true nor false'],
    ['an empty model', { name: 'a', model: ' ' }, 'model is no text, or empty'],
    ['no address', { name: 'a', base_url: 'localhost' }, 'base_url is no address'],
    ['another scheme', { name: 'a', base_url: 'ftp://a/v1' }, 'base_url is neither http nor https'],
    ['a password in the address', { name: 'a', base_url: 'https://u:pw-1@a/v1' }, 'base_url has a password'],
    ['a query', { name: 'a', base_url: 'https://a/v1?x=1' }, 'base_url has a query'],
    ['two keys', { name: 'a', api_key: 'k', api_key_env: 'K' }, 'api_key and api_key_env are both there'],
    ['a key of two lines', { name: 'a', api_key: 'k\nx: y' }, 'api_key has characters that no key has'],
    ['no name of a variable', { name: 'a', api_key_env: '$K' }, 'api_key_env is no name'],
    ['another status', { name: 'a', status: 'ok' }, 'status is none of'],
    ['no time', { name: 'a', last_checked: 'today' }, 'last_checked is no ISO 8601 time'],
    ['a negative cost', { name: 'a', cost: { prompt: -1, currency: '' } }, 'not so: prompt, currency'],
    ['an unknown cost', { name: 'a', cost: { input: 1 } }, 'not so: input'],
  ])('with %s is refused', (_, value, words) => {
    expect(faultOf(value)).toContain(words);
  });

  it('names every fault at once', () => {
    const message = faultOf({ name: 'cloud', enabled: 1, model: 7, base_url: 'x', status: 'up', extra: 0 });
    expect(message).toMatch(/^The provider cloud is not right: /);
    for (const key of ['enabled', 'model', 'base_url', 'status', 'extra']) expect(message).toContain(key);
  });

  it.each([null, 7, 'x', []])('is never %j', (value) => {
    expect(faultOf(value)).toContain('A provider is an object');
  });

  it('tells neither its key nor the password of a wrong address', () => {
    expect(showBlock(parseProviderBlock({ name: 'a', api_key: ' sk-1 ' })).api_key).toBe('***');
    expect(showBlock(parseProviderBlock({ name: 'a' })).api_key).toBe('');
    const message = faultOf({ name: 'a', api_key: 'sk-secret\u0007', base_url: 'https://u:pw-secret@h/' });
    expect(message).not.toMatch(/secret/);
  });

  it('is read or refused in words, whatever it holds', () => {
    const keys = fc.constantFrom('name', 'type', 'enabled', 'api_key', 'base_url', 'cost', 'model', 'x');
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue()), (value) => {
        if (faultOf(value) === '') expect(parseProviderBlock(value).name).toBe(value['name']);
      }),
    );
  });

  it('is the same read again from what was read', () => {
    const once = parseProviderBlock({ name: 'a', base_url: 'https://h/v1', cost: { prompt: 1 } });
    expect(parseProviderBlock(once)).toEqual(once);
  });
});
