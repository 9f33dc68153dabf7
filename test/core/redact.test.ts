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
});
