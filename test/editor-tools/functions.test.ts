import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import {
  checkStatus,
  getDefaultModel,
  getSupportedCapabilities,
  listAvailableModels,
  validateModelName,
} from '../../src/editor-tools/functions.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';

const INSTALLED = ['llama3.2:1b', 'qwen3:0.6b', 'nomic-embed-text'];
const NOTHING = {
  ...{ chat: false, streaming: false, tools: false, vision: false, thinking: false, embeddings: false },
};

let sandbox: Sandbox;
let client: OllamaClient;
let away: OllamaClient;
beforeAll(async () => {
  sandbox = await startSandbox({ installed: INSTALLED, scale: 0.001 });
  client = new OllamaClient(sandbox.url, { env: {} });
  away = new OllamaClient(`http://127.0.0.1:${await closedPort()}`, { env: {}, retry: { attempts: 1 } });
});
afterAll(async () => await sandbox.close());

const lists = (): number => sandbox.requests.filter(({ path }) => path === '/api/tags').length;

describe('checkStatus', () => {
  it('tells a server that answers from one that does not', async () => {
    expect(await checkStatus(client)).toEqual({
      ...{ reachable: true, models_count: 3, version: '0.24.0-sandbox' },
    });
    expect(await checkStatus(away)).toEqual({
      ...{ reachable: false, models_count: 0, error: expect.stringMatching(/127\.0\.0\.1/) },
    });
  });

  it('asks again only with force', async () => {
    const before = sandbox.requests.length;
    await checkStatus(client);
    expect(sandbox.requests.length).toBe(before);
    await checkStatus(client, { force: true });
    expect(sandbox.requests.length).toBeGreaterThan(before);
  });
});

describe('listAvailableModels', () => {
  it('gives names and sizes, and asks again only with force or after clearCache()', async () => {
    const models = await listAvailableModels(client, { force: true });
    expect(models.map(({ name }) => name).sort()).toEqual([
      ...['llama3.2:1b', 'nomic-embed-text:latest', 'qwen3:0.6b'],
    ]);
    expect(models[0]).toMatchObject({
      size: expect.any(Number),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      family: expect.any(String),
      parameter_size: expect.any(String),
    });
    const before = lists();
    await listAvailableModels(client);
    expect(lists()).toBe(before);
    client.clearCache();
    await listAvailableModels(client);
    expect(lists()).toBe(before + 1);
  });

  it('throws what the server fails with', async () => {
    await expect(listAvailableModels(away)).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('validateModelName', () => {
  it.each([
    ['llama3.2:1b', true, undefined],
    ['LLAMA3.2:1B', true, undefined],
    ['nomic-embed-text', true, undefined],
    ['llama3.2', false, ['llama3.2:1b']],
    ['qwen3:0.7b', false, ['qwen3:0.6b']],
    ['something-else', false, undefined],
    ['a@b', false, undefined],
    ['', false, undefined],
    ['qwen3:0.6b!', false, ['qwen3:0.6b']],
  ])('%j: %s', async (name, isValid, suggestions) => {
    const answer = await validateModelName(client, name);
    expect(answer).toEqual({
      is_valid: isValid,
      message: expect.stringContaining(isValid ? 'installed' : ''),
      ...(suggestions === undefined ? {} : { suggestions }),
    });
    expect(await validateModelName([...(await client.fetchModels())], name)).toEqual(answer);
  });

  it('knows a wrong name without a server, and asks for no other', async () => {
    expect(await validateModelName(away, 'a@b')).toMatchObject({ is_valid: false });
    await expect(validateModelName(away, 'llama3.2:1b')).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('getDefaultModel', () => {
  it.each([
    ['qwen3:0.6b', { model: 'qwen3:0.6b', source: 'configured', installed: true }],
    ['absent', { model: 'absent', source: 'configured', installed: false }],
  ])('is the configured one: %s', async (configured, answer) => {
    expect(await getDefaultModel(client, configured)).toEqual(answer);
  });

  it('is else the newest to talk to, and none where none is installed', async () => {
    const newest = await getDefaultModel(client);
    expect(newest).toMatchObject({ source: 'newest', installed: true });
    expect(newest.model).not.toBe('nomic-embed-text:latest');
    const empty = await startSandbox({ installed: [] });
    expect(await getDefaultModel(new OllamaClient(empty.url, { env: {} }))).toEqual({
      ...{ model: null, source: 'none', installed: false },
    });
    await empty.close();
  });
});

describe('getSupportedCapabilities', () => {
  it.each([
    ['qwen3:0.6b', { chat: true, streaming: true, tools: true, thinking: true }],
    ['llama3.2:1b', { chat: true, streaming: true, tools: true }],
    ['nomic-embed-text', { embeddings: true }],
  ])('of %s', async (model, can) => {
    expect(await getSupportedCapabilities(client, model)).toEqual({ ...NOTHING, ...can });
  });

  it('of no model are none; an absent one is an error', async () => {
    expect(await getSupportedCapabilities(client, undefined)).toEqual(NOTHING);
    await expect(getSupportedCapabilities(client, 'absent')).rejects.toMatchObject({
      code: 'model_not_found',
    });
  });

  it.each([
    [
      { details: { family: 'llama' }, template: '{{ if .Tools }}x{{ end }}' },
      { chat: true, tools: true },
    ],
    [
      { details: { family: 'llama', families: ['llama', 'clip'] }, template: '' },
      { chat: true, vision: true },
    ],
    [
      { details: { family: 'gemma3' }, projector_info: {} },
      { chat: true, vision: true },
    ],
    [{ details: { family: 'nomic-bert' }, template: '{{ .Prompt }}' }, { embeddings: true }],
  ])('of a server that does not say are found out: %j', async (shown, can) => {
    const server = await serve({
      headers: { 'content-type': 'application/json' },
      body: [JSON.stringify(shown)],
    });
    const old = new OllamaClient(server.url, { env: {} });
    const chats = 'chat' in can ? { streaming: true } : {};
    expect(await getSupportedCapabilities(old, 'x')).toEqual({ ...NOTHING, ...chats, ...can });
    await server.close();
  });
});
