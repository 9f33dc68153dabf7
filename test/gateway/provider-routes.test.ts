import { describe, expect, it, onTestFinished } from 'vitest';
import { startLab, type Lab } from '../sandbox/lab.js';
import { closedPort } from '../support/fault-server.js';
import type { Send } from './open.js';
import { KEY, openWithProviders } from './providers-set.js';

async function openLab(): Promise<Lab> {
  const lab = await startLab({ installed: ['gemma3:1b'] });
  onTestFinished(() => lab.sandbox.close());
  return lab;
}

async function openAll(): Promise<{ readonly send: Send; readonly lab: Lab }> {
  const lab = await openLab();
  const send = await openWithProviders({
    host: lab.sandbox.url,
    blocks: [
      {
        name: 'cloud',
        enabled: true,
        api_key: KEY,
        model: 'gemma3:1b',
        base_url: `${lab.sandbox.url}/v1`,
      },
      { name: 'off', base_url: `${lab.sandbox.url}/v1`, model: 'nothing' },
      { name: 'gone', enabled: true, base_url: `http://127.0.0.1:${await closedPort()}/v1` },
    ],
  });
  return { send, lab };
}

describe('the providers', () => {
  it('are told without their keys', async () => {
    const { send } = await openAll();
    const response = await send('GET', '/api/providers');
    const text = await response.text();
    expect(text).not.toContain(KEY);
    const body = JSON.parse(text) as { providers: object[]; total: number };
    expect(body.total).toBe(4);
    expect(body.providers.map((block) => (block as { name: string }).name)).toEqual([
      'ollama',
      'cloud',
      'off',
      'gone',
    ]);
    expect(body.providers[1]).toEqual({
      name: 'cloud',
      type: 'openai',
      enabled: true,
      api_key: '***',
      model: 'gemma3:1b',
      base_url: expect.stringMatching(/\/v1$/),
      status: 'disconnected',
      last_checked: '',
    });
    expect(body.providers[2]).toMatchObject({ enabled: false, api_key: '' });
    expect(await (await send('GET', '/api/providers/cloud')).json()).toEqual(body.providers[1]);
  });

  it.each(['nobody', 'ollam', '%20', 'x'.repeat(100), '__proto__', 'constructor'])(
    'have none named %s',
    async (name) => {
      const { send } = await openAll();
      for (const [method, path] of [
        ['GET', `/api/providers/${name}`],
        ['POST', `/api/providers/${name}/test`],
      ] as const) {
        const response = await send(method, path);
        expect([method, response.status]).toEqual([method, 404]);
        expect(await response.json()).toMatchObject({ error: { code: 'host_not_found' } });
      }
    },
  );

  it('are tested, enabled or not, and the outcome is remembered', async () => {
    const { send } = await openAll();
    const test = async (name: string): Promise<unknown> => {
      const response = await send('POST', `/api/providers/${name}/test`);
      expect(response.status).toBe(200);
      return await response.json();
    };
    expect(await test('cloud')).toEqual({
      name: 'cloud',
      status: 'connected',
      last_checked: expect.stringMatching(/^\d{4}-/),
      response_time_ms: expect.any(Number),
      models: ['gemma3:1b'],
      model_available: true,
    });
    // Also by a client that says JSON of every request, and sends none.
    const empty = await send('POST', '/api/providers/cloud/test', '');
    expect([empty.status, await empty.json()]).toMatchObject([200, { status: 'connected' }]);
    expect(await test('off')).toMatchObject({ status: 'connected', model_available: false });
    const gone = await test('gone');
    expect(gone).toMatchObject({ status: 'error', models: [], error: { code: 'unreachable' } });
    const { providers } = (await (await send('GET', '/api/providers')).json()) as {
      providers: { name: string; status: string }[];
    };
    expect(providers.map(({ name, status }) => [name, status])).toEqual([
      ['ollama', 'disconnected'],
      ['cloud', 'connected'],
      ['off', 'connected'],
      ['gone', 'error'],
    ]);
  });
});

describe('what is kept for a while', () => {
  it('of a provider that failed is forgotten once a test of it has passed', async () => {
    const cloud = await openLab();
    const own = await openLab();
    const base_url = `${cloud.sandbox.url}/v1`;
    const send = await openWithProviders({
      host: own.sandbox.url,
      blocks: [{ name: 'cloud', enabled: true, base_url, model: 'gemma3:1b' }],
      fallback: ['cloud', 'ollama'],
    });
    const answerer = async (): Promise<unknown> => {
      const response = await send('POST', '/api/chat', { message: 'Hello' });
      return ((await response.json()) as { provider?: unknown }).provider;
    };
    cloud.fault('500');
    expect([await answerer(), await answerer()]).toEqual(['ollama', 'ollama']);
    cloud.sandbox.setFaults([]);
    expect(await answerer()).toBe('ollama');
    expect((await send('POST', '/api/providers/cloud/test')).status).toBe(200);
    expect(await answerer()).toBe('cloud');
  });

  it.each(['/health', '/ready'])('of the server is asked anew by %s with force=true', async (path) => {
    const { send, lab } = await openAll();
    expect((await send('GET', path)).status).toBe(200);
    await lab.sandbox.close();
    expect((await send('GET', path)).status).toBe(200);
    expect((await send('GET', `${path}?force=true`)).status).toBe(503);
  });
});
