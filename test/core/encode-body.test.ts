import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeBody } from '../../src/core/encode-body.js';

const read = (body: unknown): unknown => JSON.parse(encodeBody(body).toString('utf8'));

test.each([
  ['nothing else', { messages: [{ role: 'user', content: 'Why?' }] }],
  ['no message', { model: 'm', messages: [] }],
  ['several messages', { model: 'm', messages: [{ content: 'ü' }, { content: '"\n😀' }], stream: true }],
  ['messages that are none', { model: 'm', messages: 'x' }],
  ['no messages at all', { model: 'm' }],
  ['no object', [1, 'ü']],
])('a body with %s is its JSON', (_, body) => {
  expect(read(body)).toEqual(body);
});

test('what is undefined is left out', () => {
  expect(read({ model: undefined, messages: [{ content: 'a', images: undefined }] })).toEqual({
    messages: [{ content: 'a' }],
  });
});

test('any messages are the JSON that they are as one string', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.json()), fc.array(fc.json()), (others, messages) => {
      const body = { ...others, messages };
      expect(read(body)).toEqual(JSON.parse(JSON.stringify(body)));
    }),
  );
});
