import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { openFeatureMemory } from '../../src/health/remember.js';
import { serve } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { run } from '../support/run.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'remember-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const file = (): string => path.join(folder, 'ollama-cli', 'features.json');
const open = (host: string, now = 1_000_000) =>
  openFeatureMemory(testIo({ env: { XDG_CACHE_HOME: folder }, now: () => now }).io, host);
const DAY = 24 * 3_600_000;

test('a refusal is remembered of its host and its feature alone, in a file for its owner', async () => {
  expect(await open('http://a:1').isRefused('embed')).toBe(false);
  await open('http://a:1').refuse('embed');
  await open('http://b:1').refuse('ps');
  expect(await open('http://a:1').isRefused('embed')).toBe(true);
  expect(await open('http://a:1').isRefused('ps')).toBe(false);
  expect(await open('http://b:1').isRefused('embed')).toBe(false);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test('a server is asked again after a day, and where the clock went back', async () => {
  await open('http://a:1').refuse('embed');
  expect(await open('http://a:1', 1_000_000 + DAY - 1).isRefused('embed')).toBe(true);
  expect(await open('http://a:1', 1_000_000 + DAY).isRefused('embed')).toBe(false);
  expect(await open('http://a:1', 999_999).isRefused('embed')).toBe(false);
});

test('only so many hosts are kept', async () => {
  for (let at = 0; at < 102; at++) await open(`http://h${at}:1`).refuse('embed');
  expect(Object.keys(JSON.parse(readFileSync(file(), 'utf8')) as object)).toHaveLength(100);
  expect(await open('http://h101:1').isRefused('embed')).toBe(true);
});

test.each(['{"http://a:1":{"embed":1000000', '{"http://a:1":{"embed":"x"}}', '[]', '{"http://a:1":3}'])(
  'a file that holds %s says nothing',
  async (text) => {
    mkdirSync(path.dirname(file()));
    writeFileSync(file(), text);
    expect(await open('http://a:1').isRefused('embed')).toBe(false);
    await open('http://a:1').refuse('embed');
    expect(await open('http://a:1').isRefused('embed')).toBe(true);
  },
);

const MISSING = { status: 404, headers: { 'content-type': 'text/plain' }, body: ['404 page not found'] };
const old = () =>
  serve(({ url, body }) => {
    if (url !== '/api/embeddings') return MISSING;
    const { prompt } = JSON.parse(body) as { prompt: string };
    return {
      headers: { 'content-type': 'application/json' },
      body: [`{"embedding":[${prompt.length},0.5]}`],
    };
  });

test('a server without the newer route of embeddings is asked by the older one, and so the next time', async () => {
  const server = await old();
  const env = { XDG_CACHE_HOME: folder };
  const ran = await run(['embed', 'm', 'one', 'three'], server.url, { env });
  expect(ran).toMatchObject({ code: 0, stdout: '[3,0.5]\n[5,0.5]\n' });
  expect(server.requests.filter(({ url }) => url === '/api/embed')).toHaveLength(1);
  await run(['embed', 'm', 'again'], server.url, { env });
  expect(server.requests.filter(({ url }) => url === '/api/embed')).toHaveLength(1);
  await server.close();
});

test('the library remembers as long as the client lives, and leaves other failures alone', async () => {
  const server = await old();
  const client = new OllamaClient(server.url, { env: {} });
  expect((await client.embed({ model: 'm', input: 'ab' })).embeddings).toEqual([[2, 0.5]]);
  await client.embed({ model: 'm', input: ['a'] });
  expect(server.requests.map(({ url }) => url)).toEqual(['/api/embed', '/api/embeddings', '/api/embeddings']);
  await expect(
    new OllamaClient(server.url, { env: {} }).embed({ model: 'm', input: 'a', dimensions: 8 }),
  ).rejects.toMatchObject({ code: 'server_error', status: 404 });
  await server.close();
  const garbled = await serve(({ url }) =>
    url === '/api/embed' ? MISSING : { headers: { 'content-type': 'application/json' }, body: ['{}'] },
  );
  await expect(
    new OllamaClient(garbled.url, { env: {} }).embed({ model: 'm', input: 'a' }),
  ).rejects.toMatchObject({ code: 'protocol' });
  await garbled.close();
});
