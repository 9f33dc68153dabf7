import { describe, expect, it } from 'vitest';
import { compileCheck } from '../../src/answers/check-schema.js';

const PERSON = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['name', 'age'],
  properties: { name: { type: 'string', format: 'email' }, age: { type: 'integer' } },
};

describe('compileCheck', () => {
  it.each([
    ['json', '{"a":1}'],
    ['json', ' [1]\n'],
    [PERSON, '{"name":"no e-mail","age":1}'],
    [{}, '"anything"'],
  ])('lets pass what follows %j: %s', (format, answer) => {
    expect(() => compileCheck(format)(answer)).not.toThrow();
  });

  it.each([
    ['json', '{"a":', 'is not the JSON'],
    ['json', 'Sure! {"a":1}', 'is not the JSON'],
    [PERSON, '{"name":"x"}', "the whole must have required property 'age'"],
    [PERSON, '{"name":"x","age":"old"}', '/age must be integer'],
    [PERSON, 'nothing', 'is not the JSON'],
  ])('refuses for %j: %s', (format, answer, words) => {
    expect(() => compileCheck(format)(answer)).toThrow(words);
  });

  it.each([[{ type: 'objekt' }], [[]], ['xml'], [{ $ref: 'https://example.com/x.json' }]])(
    'refuses %j as a schema',
    (format) => {
      expect(() => compileCheck(format)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );

  it('tells a few of many mistakes', () => {
    const schema = { type: 'array', items: { type: 'number' } };
    expect(() => compileCheck(schema)('["a","b","c","d","e"]')).toThrow('; and 2 more.');
  });
});
