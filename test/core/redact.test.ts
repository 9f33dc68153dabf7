import { afterEach, describe, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { createRedactor } from '../../src/core/redact.js';
import { serve, type FaultServer } from '../support/fault-server.js';

describe('createRedactor', () => {
  it.each([
    ['a whole header', { 'x-key': 'abc-secret' }, 'wrong key abc-secret!', 'wrong key ***!'],
    [
      'the token behind Bearer',
      { authorization: 'Bearer tok-12345' },
      'tok-12345 is no token',
      '*** is no token',
    ],
    ['the header with its scheme', { authorization: 'Bearer tok-12345' }, 'got Bearer tok-12345', 'got ***'],
    ['a password', { authorization: `Basic ${btoa('me:pass-word')}` }, 'pass-word?', '***?'],
    ['user and password', { authorization: `Basic ${btoa('me:pass-word')}` }, 'me:pass-word', '***'],
    [
      'each of them, everywhere',
      { 'x-a': 'first-1', 'x-b': 'second-2' },
      'first-1 second-2 first-1',
      '*** *** ***',
    ],
    ['it in a query', { 'x-key': 'a b/c+d=e' }, 'to ?next=a%20b%2Fc%2Bd%3De', 'to ?next=***'],
    ['it in quotes', { 'x-key': 'a"b\\cdef' }, 'says "a\\"b\\\\cdef"', 'says "***"'],
    [
      'its beginning where a quotation was cut in it',
      { 'x-key': 'abc-secret' },
      '("is abc-sec")',
      '("is ***")',
    ],
    ['its beginning before an ellipsis', { 'x-key': 'abc-secret' }, '"is abc-sec…".', '"is ***…".'],
    ['its beginning at the end', { 'x-key': 'abc-secret' }, 'abc-se is abc-secre.', 'abc-se is ***.'],
    ['each beginning', { 'x-key': 'abcabc-secret' }, '"abcabcabc-s" "abcabc-"', '"abc***" "***"'],
  ])('takes out %s', (_, headers, text, told) => {
    expect(createRedactor(headers)(text)).toBe(told);
  });

  it('leaves what is no secret', () => {
    const redact = createRedactor({ accept: 'application/json', 'x-short': 'a', 'user-agent': 'ollama-cli' });
    expect(redact('application/json a ollama-cli')).toBe('application/json a ollama-cli');
  });
});

describe('a server that says the credential back', () => {
  let server: FaultServer;
  afterEach(async () => await server.close());

  it.each([
    ['401 in JSON', 401, 'application/json', '{"error": "tok-12345 is not known"}'],
    ['500 in JSON', 500, 'application/json', '{"error": "tok-12345 is not known"}'],
    ['a page', 502, 'text/html', '<html><title>tok-12345</title></html>'],
    ['a page with status 200', 200, 'text/html', '<html><title>tok-12345</title></html>'],
    ['text with status 200', 200, 'text/plain', 'tok-12345'],
  ])('is not quoted with it: %s', async (_, status, type, body) => {
    server = await serve(() => ({ status, headers: { 'content-type': type }, body: [body] }));
    const client = new OllamaClient(server.url, {
      headers: { authorization: 'Bearer tok-12345' },
      retry: { attempts: 1 },
    });
    const error: unknown = await client.version().catch((reason: unknown) => reason);
    expect(String(error)).toContain('***');
    expect(String(error)).not.toContain('tok-12345');
    let told = '';
    for await (const event of client.chat({ model: 'm', messages: [] })) {
      if (event.type === 'error') told = event.error.message;
    }
    expect(told).not.toContain('tok-12345');
  });

  it('is not quoted with it: a line of an error, also where more comes behind it', async () => {
    server = await serve(() => ({ body: ['{"error": "tok-12345 is not known"}\n{"status": "?"}\n'] }));
    const client = new OllamaClient(server.url, { headers: { authorization: 'Bearer tok-12345' } });
    const told: string[] = [];
    for await (const event of client.chat({ model: 'm', messages: [] })) {
      if (event.type === 'error') told.push(event.error.message);
    }
    for await (const event of client.pullModelStream('m', { retries: 0 })) {
      if (event.type === 'Error') told.push(event.message);
    }
    expect(told).toEqual(['*** is not known', '*** is not known']);
  });

  it('is not quoted by the parser that could not read it', async () => {
    server = await serve(() => ({ body: ['tok-12345\n'] }));
    const client = new OllamaClient(server.url, { headers: { authorization: 'Bearer tok-12345' } });
    for await (const event of client.chat({ model: 'm', messages: [] })) {
      if (event.type !== 'error') continue;
      expect(event.error.stack).toContain('no JSON: "***"');
      expect(event.error.cause).toBeInstanceOf(SyntaxError);
      expect((event.error.cause as Error).stack).not.toContain('tok-1234');
    }
    expect.assertions(3);
  });
});
