import { describe, expect, it, onTestFinished } from 'vitest';
import { serve, type Script } from '../support/fault-server.js';
import { openTestGateway, type TestGateway } from './open.js';
import { readEvents } from './read-stream.js';

const ROUTES: readonly (readonly [string, string, object?])[] = [
  ['GET', '/api/providers/ollama/models'],
  ['GET', '/api/providers/ollama/models/gemma3:1b'],
  ['DELETE', '/api/providers/ollama/models/gemma3:1b'],
  ['POST', '/api/providers/ollama/pull', { model: 'gemma3:1b' }],
  ['POST', '/api/chat', { message: 'hello', model: 'gemma3:1b' }],
  ['POST', '/api/chat', { message: 'hello', model: 'gemma3:1b', stream: true }],
];
const JSON_TYPE = { 'content-type': 'application/json' };

async function openBefore(answer: Script, env: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
  const server = await serve(answer);
  onTestFinished(async () => await server.close());
  return await openTestGateway({ host: server.url, env: { OLLAMA_CLI_RETRY__ATTEMPTS: '1', ...env } });
}

describe('what a server answers with', () => {
  it.each([
    [400, { error: 'bad' }, 400],
    // The gateway's own credentials were refused, not the caller's.
    [401, { error: 'unauthorized' }, 500],
    [403, { error: 'forbidden' }, 500],
    [404, { error: 'model "gemma3:1b" not found' }, 404],
    [429, { error: 'too many requests' }, 429],
    [500, { error: 'out of luck' }, 500],
    [503, { error: 'server busy, please try again.  maximum pending requests exceeded' }, 503],
    // Not an answer of its: invalid.
    [200, ['what', 'is', 'this'], 500],
  ])('%i %j is %i on every route', async (status, body, told) => {
    const headers = { ...JSON_TYPE, ...(status === 429 ? { 'retry-after': '7' } : {}) };
    const gateway = await openBefore({ status, headers, body: [JSON.stringify(body)] });
    for (const [method, path, asked] of ROUTES) {
      // A removal is answered with nothing: there is nothing to be wrong with.
      if (method === 'DELETE' && status === 200) continue;
      const response = await gateway.send(method, path, asked);
      const answer = await response.text();
      // A list has no model to be missing.
      const expected = status === 404 && path.endsWith('/models') ? [404, 500] : [told];
      expect(expected, `${method} ${path}: ${response.status} ${answer}`).toContain(response.status);
      expect(JSON.parse(answer)).toEqual({
        error: { code: expect.any(String), message: expect.any(String), hint: expect.any(String) },
      });
      expect([path, response.headers.get('retry-after')]).toEqual([path, status === 429 ? '7' : null]);
    }
  });

  it('not at all is 504 on every route', async () => {
    const limits = {
      OLLAMA_CLI_TIMEOUTS__RESPONSE: '200ms',
      OLLAMA_CLI_TIMEOUTS__SILENCE: '200ms',
      OLLAMA_CLI_TIMEOUTS__PULL: '200ms',
    };
    const gateway = await openBefore({ headers: JSON_TYPE, body: [{ wait: 3_000 }] }, limits);
    for (const [method, path, asked] of ROUTES) {
      const response = await gateway.send(method, path, asked);
      const answer = await response.text();
      expect(`${method} ${path}: ${response.status} ${answer}`).toMatch(/: 504 \{"error":\{"code":"timeout"/);
    }
    const pulled = await gateway.send(
      'POST',
      '/api/providers/ollama/pull',
      { model: 'gemma3:1b' },
      {
        accept: 'application/x-ndjson',
      },
    );
    expect((await readEvents(pulled)).at(-1)).toMatchObject({ type: 'error', status: 504 });
  });
});
