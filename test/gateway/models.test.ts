import { describe, expect, it } from 'vitest';
import { closedPort } from '../support/fault-server.js';
import { openTestGateway, type TestGateway } from './open.js';

const LIST = '/api/providers/ollama/models';

const askedFor = ({ sandbox }: TestGateway, path: string): number =>
  sandbox.requests.filter((request) => request.path === path).length;

describe('the installed models', () => {
  it('are told with what an application asks of them, and nothing else', async () => {
    const gateway = await openTestGateway();
    const response = await gateway.send('GET', LIST);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'application/json; charset=utf-8',
    ]);
    const body = (await response.json()) as { models: object[]; total: number };
    expect(body).toMatchObject({ total: 2 });
    expect(body.models.map((model) => (model as { name: string }).name).toSorted()).toEqual([
      'gemma3:1b',
      'qwen3:8b',
    ]);
    for (const model of body.models) {
      expect(Object.keys(model)).toEqual(['name', 'size', 'modified_at', 'digest', 'details']);
      expect(Object.keys((model as { details: object }).details)).toEqual([
        'format',
        'family',
        'families',
        'parameter_size',
        'quantization_level',
      ]);
    }
  });

  it('are kept for a while, and asked for anew where that is said', async () => {
    const gateway = await openTestGateway();
    for (let at = 0; at < 5; at++) await (await gateway.send('GET', LIST)).text();
    expect(askedFor(gateway, '/api/tags')).toBe(1);
    await (await gateway.send('GET', `${LIST}?force=false`)).text();
    expect(askedFor(gateway, '/api/tags')).toBe(1);
    await (await gateway.send('GET', `${LIST}?force=true`)).text();
    expect(askedFor(gateway, '/api/tags')).toBe(2);
    expect((await gateway.send('GET', `${LIST}?force=perhaps`)).status).toBe(400);
  });

  it('are asked for anew when one was removed', async () => {
    const gateway = await openTestGateway();
    expect(await (await gateway.send('GET', LIST)).json()).toMatchObject({ total: 2 });
    expect((await gateway.send('DELETE', `${LIST}/gemma3:1b`)).status).toBe(200);
    expect(await (await gateway.send('GET', LIST)).json()).toMatchObject({ total: 1 });
  });

  it.each([
    ['html', 502, 500],
    ['html-200', 200, 500],
    ['500', 500, 500],
  ])('are an error of their own where the server answers with %s', async (fault, _theirs, status) => {
    const gateway = await openTestGateway({ env: { OLLAMA_CLI_RETRY__ATTEMPTS: '1' } });
    gateway.fault(fault);
    const response = await gateway.send('GET', LIST);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: { code: expect.any(String), message: expect.any(String), hint: expect.any(String) },
    });
  });

  it('are 503 of a server that does not run', async () => {
    const gateway = await openTestGateway({ host: `http://127.0.0.1:${await closedPort()}` });
    const response = await gateway.send('GET', LIST);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: 'unreachable' } });
  });

  it('are 504 of a server that is silent', async () => {
    const gateway = await openTestGateway({ env: { OLLAMA_CLI_TIMEOUTS__RESPONSE: '100ms' } });
    gateway.fault('delay=5s');
    const response = await gateway.send('GET', LIST);
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ error: { code: 'timeout' } });
  });
});

describe('one model', () => {
  it('is told with what it can and is made of', async () => {
    const gateway = await openTestGateway();
    const response = await gateway.send('GET', `${LIST}/qwen3:8b`);
    expect(response.status).toBe(200);
    const body = (await response.json()) as Record<string, unknown>;
    expect(body).toMatchObject({
      name: 'qwen3:8b',
      size: expect.any(Number),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      details: { format: 'gguf' },
      capabilities: expect.arrayContaining(['completion', 'tools']),
    });
    // A server's own paths are nobody's business.
    expect(body).not.toHaveProperty('modelfile');
  });

  it.each(['library/gemma3:1b', 'library%2Fgemma3%3A1b', 'gemma3%3a1b', 'GEMMA3:1b'])(
    'is found as %s',
    async (name) => {
      const gateway = await openTestGateway();
      const response = await gateway.send('GET', `${LIST}/${name}`);
      expect([response.status, await response.json()]).toMatchObject([200, { name: 'gemma3:1b' }]);
    },
  );

  it.each([
    ['nothing:1b', 404, 'model_not_found'],
    ['ns%2Fnothing', 404, 'model_not_found'],
    [`${'a'.repeat(80)}%2F${'b'.repeat(80)}:${'c'.repeat(80)}`, 404, 'model_not_found'],
    ['a%20b', 400, 'invalid_name'],
    ['%2Fetc%2Fpasswd', 400, 'invalid_name'],
    ['http:%2F%2Fexample.org%2Fa%2Fb', 400, 'invalid_name'],
    ['x'.repeat(601), 400, 'usage'],
    ['a/b/c/d', 400, 'invalid_name'],
  ])('that is named %s is %i', async (name, status, code) => {
    const gateway = await openTestGateway();
    for (const method of ['GET', 'DELETE']) {
      const response = await gateway.send(method, `${LIST}/${name}`);
      expect([method, response.status]).toEqual([method, status]);
      expect(await response.json()).toMatchObject({ error: { code } });
    }
    expect(askedFor(gateway, '/api/delete')).toBe(status === 404 ? 1 : 0);
  });

  it('is removed, also by a name with slashes', async () => {
    const gateway = await openTestGateway();
    const response = await gateway.send('DELETE', `${LIST}/library/gemma3:1b`);
    expect([response.status, await response.json()]).toEqual([
      200,
      { success: true, message: "Model 'gemma3:1b' removed", model: 'gemma3:1b' },
    ]);
    expect((await gateway.send('DELETE', `${LIST}/gemma3:1b`)).status).toBe(404);
  });

  it('that is not among the allowed ones is not removed', async () => {
    const gateway = await openTestGateway({ env: { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' } });
    expect((await gateway.send('DELETE', `${LIST}/gemma3:1b`)).status).toBe(403);
    expect(askedFor(gateway, '/api/delete')).toBe(0);
    expect((await gateway.send('DELETE', `${LIST}/qwen3:8b`)).status).toBe(200);
  });
});
