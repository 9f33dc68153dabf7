import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { isOllamaError } from '../../src/core/errors.js';
import { startSandbox } from '../../src/sandbox/server.js';
import type { Lab } from './lab.js';
import { startLab } from './lab.js';

let lab: Lab;
afterEach(() => lab.sandbox.close());

function statusWith(headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${lab.sandbox.url}/api/version`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('it says that it is a sandbox', async () => {
  lab = await startLab();
  const response = await lab.send('GET', '/api/version');
  expect(response.headers.get('x-ollama-sandbox')).toBe('true');
  expect(await response.json()).toEqual({ version: '0.24.0-sandbox' });
});

test('it says which server it takes after', async () => {
  lab = await startLab({ version: '0.5.13' });
  expect(await (await lab.send('GET', '/api/version')).json()).toEqual({ version: '0.5.13-sandbox' });
  expect((await lab.send('GET', '/api/status')).status).toBe(404);
});

test.each([
  '0.0.0.0',
  '::',
  '192.168.1.5',
  'example.com',
  '127.evil.example',
  '127.0.0.1.evil.example',
  '::ffff:8.8.8.8',
])('it does not listen on %s', async (host) => {
  lab = await startLab();
  const error: unknown = await startSandbox({ listen: { host, port: 0 } }).catch((reason: unknown) => reason);
  expect(isOllamaError(error) && error.code).toBe('usage');
});

test.each(['localhost', '::1', '[::1]', '127.0.0.2'])('it may listen on %s', async (host) => {
  // Whether the machine has the address is another matter.
  const tried = startLab({ listen: { host, port: 0 } });
  lab = await tried.catch((error: unknown) => {
    expect(String(error)).toMatch(/EADDRNOTAVAIL|EAFNOSUPPORT/);
    return startLab();
  });
  expect((await lab.send('GET', '/')).status).toBe(200);
});

test('it listens on the port that it is given, and says so when that is taken', async () => {
  lab = await startLab();
  const error: unknown = await startSandbox({
    listen: { host: 'localhost', port: lab.sandbox.port },
    installed: [],
  }).catch((reason: unknown) => reason);
  expect(String(error)).toContain(String(lab.sandbox.port));
});

describe('the guard against foreign pages', () => {
  test.each([
    [{}, 200],
    [{ host: 'evil.example' }, 403],
    [{ host: 'localhost:11434' }, 200],
    [{ host: '[::1]:80' }, 200],
    [{ host: 'my.localhost' }, 200],
    [{ host: '192.168.0.7' }, 200],
    [{ host: '8.8.8.8' }, 403],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'http://localhost:3000' }, 200],
    [{ origin: 'http://127.0.0.1' }, 200],
    [{ origin: 'not an origin' }, 403],
  ])('%j gets %i', async (headers, status) => {
    lab = await startLab();
    expect(await statusWith(headers as Record<string, string>)).toBe(status);
  });
});

test.each([
  ['GET', '/', 200, 'Ollama is running'],
  ['HEAD', '/api/version', 200, ''],
  ['HEAD', '/api/tags', 200, ''],
  ['POST', '/api/tags', 405, '405 method not allowed'],
  ['GET', '/nowhere', 404, '404 page not found'],
  ['GET', '/v2/a/b/c', 404, '404 page not found'],
])('%s %s gets %i', async (method, path, status, text) => {
  lab = await startLab();
  const response = await lab.send(method, path);
  expect([response.status, await response.text()]).toEqual([status, text]);
});

test.each(['/api/show', '/api/pull', '/api/chat', '/api/generate', '/api/create', '/api/embed'])(
  '%s without a body is told so',
  async (path) => {
    lab = await startLab();
    const response = await lab.send('POST', path);
    expect([response.status, await response.json()]).toEqual([400, { error: 'missing request body' }]);
  },
);

test.each(['[]', '"x"', '{"model":5}', 'null'])('the body %s is refused', async (body) => {
  lab = await startLab();
  expect((await lab.send('POST', '/api/show', body)).status).toBe(400);
});

test('it remembers the latest requests with their bodies', async () => {
  lab = await startLab();
  await lab.send('POST', '/api/show', { model: 'x' });
  expect(lab.sandbox.requests).toEqual([{ method: 'POST', path: '/api/show', body: { model: 'x' } }]);
  for (let index = 0; index < 510; index += 1) await lab.send('GET', '/api/version');
  expect(lab.sandbox.requests.length).toBe(500);
});

test('closing ends what is under way', async () => {
  lab = await startLab({ rate: 1000 });
  const response = await lab.send('POST', '/api/pull', { model: 'all-minilm' });
  await lab.sandbox.close();
  await expect(response.text()).rejects.toThrow();
  await expect(lab.send('GET', '/')).rejects.toThrow();
});
