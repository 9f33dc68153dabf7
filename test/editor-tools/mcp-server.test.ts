import type { Client } from '@modelcontextprotocol/client';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';
import { openEditor, runMcp, type EditorOptions } from './open-mcp.js';

const MODEL = 'llama3.2:1b';
const TOOLS = [
  ...['check_status', 'list_available_models', 'validate_model_name', 'get_default_model'],
  ...['get_supported_capabilities', 'chat', 'pull_model', 'remove_model'],
];

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: [MODEL], tokensPerSecond: Infinity, loadMs: 1, scale: 0.001 });
});
afterEach(async () => await sandbox.close());

const open = async (options: EditorOptions = {}, argv: readonly string[] = [], env = {}) => {
  const mcp = runMcp(sandbox.url, argv, { env });
  return { mcp, ...(await openEditor(mcp, options)) };
};
async function call(client: Client, name: string, given: Record<string, unknown> = {}) {
  const { structuredContent, content, isError } = await client.callTool({ name, arguments: given });
  const [first] = content ?? [];
  return { fields: structuredContent, text: first?.type === 'text' ? first.text : '', isError };
}
const asksFor = (path: string): number => sandbox.requests.filter((request) => request.path === path).length;

describe.each([
  ['an editor of 2025', false],
  ['an editor of 2026', true],
])('%s', (_, isModern) => {
  it('finds the tools, each with what it takes and answers', async () => {
    const { client } = await open({ isModern });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([...TOOLS].sort());
    expect(tools.every(({ inputSchema, outputSchema }) => inputSchema && outputSchema)).toBe(true);
    expect(tools.filter(({ annotations }) => annotations?.destructiveHint).map(({ name }) => name)).toEqual([
      'remove_model',
    ]);
  });

  it('is told what the server has, as fields and as text', async () => {
    const { client } = await open({ isModern });
    const status = await call(client, 'check_status');
    expect(status.fields).toEqual({ reachable: true, models_count: 1, version: '0.24.0-sandbox' });
    expect(JSON.parse(status.text)).toEqual(status.fields);
    const { fields, text } = await call(client, 'list_available_models');
    expect(fields).toMatchObject({ models: [{ name: MODEL, size: expect.any(Number) }] });
    expect(JSON.parse(text)).toMatchObject([{ name: MODEL }]);
    expect((await call(client, 'validate_model_name', { name: 'llama3.2:1c' })).fields).toEqual({
      is_valid: false,
      message: '"llama3.2:1c" is not installed.',
      suggestions: [MODEL],
    });
    expect((await call(client, 'get_default_model')).fields).toEqual({
      ...{ model: MODEL, source: 'newest', installed: true },
    });
    expect((await call(client, 'get_supported_capabilities')).fields).toEqual({
      ...{ chat: true, streaming: true, tools: true, vision: false, thinking: false, embeddings: false },
    });
  });

  it('gets an answer of a model, with what it took', async () => {
    const { client } = await open({ isModern });
    const { fields, text, isError } = await call(client, 'chat', {
      ...{ message: 'Say hello', system_prompt: 'Be brief.' },
    });
    expect(isError).toBeUndefined();
    expect(fields).toMatchObject({ model: MODEL, content: text, done_reason: 'stop' });
    expect(text.length).toBeGreaterThan(0);
    const { body } = sandbox.requests.find(({ path }) => path === '/api/chat') ?? {};
    expect(body).toMatchObject({ messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }] });
  });

  it('pulls and removes once a person has said yes, and never before', async () => {
    const { client, asked } = await open({ isModern, answer: 'yes' });
    const pulled = await call(client, 'pull_model', { model: 'gemma3:1b' });
    expect(pulled.fields).toMatchObject({ success: true, model: 'gemma3:1b', size: expect.any(Number) });
    const removed = await call(client, 'remove_model', { model: 'gemma3:1b' });
    expect(removed.fields).toMatchObject({ success: true, model: 'gemma3:1b' });
    expect(asked).toEqual([
      expect.stringMatching(/^Download gemma3:1b to 127\.0\.0\.1:\d+\?$/),
      expect.stringMatching(/^Remove gemma3:1b \(.*B\) from 127\.0\.0\.1:\d+\?$/),
    ]);
  });

  it.each(['no', 'cancel'] as const)('changes nothing where the person answers %s', async (answer) => {
    const { client, asked } = await open({ isModern, answer });
    for (const [name, model] of [
      ['pull_model', 'gemma3:1b'],
      ['remove_model', MODEL],
    ] as const) {
      const { isError, text } = await call(client, name, { model });
      expect(isError).toBe(true);
      expect(text).toMatch(/^declined: /);
    }
    expect(asked).toHaveLength(2);
    expect(asksFor('/api/pull') + asksFor('/api/delete')).toBe(0);
  });

  it('changes nothing where it can ask nobody, and says which flag allows it', async () => {
    const { client } = await open({ isModern });
    const { isError, text } = await call(client, 'remove_model', { model: MODEL });
    expect(isError).toBe(true);
    expect(text).toContain('--allow-remove');
    expect((await call(client, 'pull_model', { model: 'gemma3:1b' })).isError).toBe(true);
    expect(asksFor('/api/pull') + asksFor('/api/delete')).toBe(0);
  });
});

it('names the server of the command line in the commands that it advises', async () => {
  const { client } = await open({}, ['-H', sandbox.url]);
  const { text, isError } = await call(client, 'chat', { message: 'Hi', model: 'absent:1b' });
  expect(isError).toBe(true);
  expect(text).toContain(`ollama-cli -H ${sandbox.url} `);
});

it('asks for the model that the block of the server in use names', async () => {
  const env = { OLLAMA_CLI_PROVIDERS__OLLAMA__MODEL: 'absent:1b' };
  const { client } = await open({}, [], env);
  const { fields } = await call(client, 'get_default_model');
  expect(fields).toEqual({ model: 'absent:1b', source: 'configured', installed: false });
  expect((await call(client, 'chat', { message: 'Hi' })).text).toContain('absent:1b');
});

describe('a chat with others than the server in use', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'mcp-providers-'));
    const folder = path.join(home, '.config', 'ollama-cli');
    mkdirSync(folder, { recursive: true });
    const cloud = { type: 'openai', enabled: true, base_url: `${sandbox.url}/v1`, model: MODEL };
    const config = { providers: { cloud }, fallback: ['ollama', 'cloud'] };
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('asks a provider that is named', async () => {
    const { client } = await open({}, [], { HOME: home });
    const { fields } = await call(client, 'chat', { message: 'Hello', provider: 'cloud' });
    expect(fields).toMatchObject({ provider: 'cloud', model: MODEL });
    expect(asksFor('/v1/chat/completions')).toBe(1);
    const unknown = await call(client, 'chat', { message: 'Hello', provider: 'clod' });
    expect(unknown.text).toMatch(/^host_not_found: There is no provider "clod"\.\n.*cloud/);
  });

  it('gets the answer of the next one of fallback, and is told why', async () => {
    const dead = `http://127.0.0.1:${String(await closedPort())}`;
    const mcp = runMcp(dead, [], { env: { HOME: home } });
    const { client } = await openEditor(mcp);
    const { fields } = await call(client, 'chat', { message: 'Hello' });
    expect(fields).toMatchObject({
      ...{ provider: 'cloud', model: MODEL },
      fallback: [{ name: 'cloud', reason: expect.stringContaining('ollama: ') }],
    });
  });
});

describe('a pull that the disk does not hold', () => {
  const PETABYTE = 1e15;
  async function setting(): Promise<Record<string, string>> {
    const layers = [
      {
        mediaType: 'application/vnd.ollama.image.model',
        digest: `sha256:${'a'.repeat(64)}`,
        size: PETABYTE,
      },
    ];
    const config = {
      ...{ mediaType: 'application/vnd.docker.container.image.v1+json', size: 2 },
      digest: `sha256:${'b'.repeat(64)}`,
    };
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers });
    const registry = await serve({ headers: { 'content-type': 'application/json' }, body: [manifest] });
    onTestFinished(() => registry.close());
    return { OLLAMA_MODELS: folder, OLLAMA_CLI_REGISTRY: registry.url };
  }
  let folder: string;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'mcp-disk-'));
    await sandbox.close();
    sandbox = await startSandbox({ installed: [MODEL], scale: 0.001, modelsDir: folder });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is refused where it was allowed beforehand', async () => {
    const { client } = await open({}, ['--allow-pull'], await setting());
    expect((await call(client, 'pull_model', { model: 'giant' })).text).toMatch(/^no_space: .*1\.0 PB/);
    expect(asksFor('/api/pull')).toBe(0);
  });

  it('is a part of the question to a person', async () => {
    const { client, asked } = await open({ answer: 'no' }, [], await setting());
    expect((await call(client, 'pull_model', { model: 'giant' })).text).toMatch(/^declined: /);
    expect(asked[0]).toMatch(/^Download giant to \S+\? 1\.0 PB are still to be fetched, and .* are free in /);
  });
});

describe('what was allowed beforehand', () => {
  it.each([
    ['--allow-pull', 'pull_model', 'gemma3:1b', 'remove_model', MODEL],
    ['--allow-remove', 'remove_model', MODEL, 'pull_model', 'gemma3:1b'],
  ])('%s allows that alone', async (flag, allowed, its, other, others) => {
    const { client } = await open({}, [flag]);
    expect((await call(client, other, { model: others })).isError).toBe(true);
    expect((await call(client, allowed, { model: its })).fields).toMatchObject({ success: true });
  });

  it('is never a model outside allowed_models', async () => {
    const env = { OLLAMA_CLI_ALLOWED_MODELS: 'qwen*' };
    const { client } = await open({ answer: 'yes' }, ['--allow-pull'], env);
    for (const [name, given] of [
      ['pull_model', { model: 'gemma3:1b' }],
      ['chat', { message: 'hi', model: MODEL }],
    ] as const) {
      expect((await call(client, name, given)).text).toMatch(/^not_allowed: /);
    }
    expect(asksFor('/api/pull') + asksFor('/api/chat')).toBe(0);
  });
});

describe('a host that a project’s file chose', () => {
  it.each([false, true])(
    'gets no chat and no pull before a person consented elsewhere; at a terminal: %s',
    async (isTyped) => {
      const cwd = mkdtempSync(path.join(tmpdir(), 'mcp-project-'));
      writeFileSync(path.join(cwd, '.ollamarc'), 'host: http://ollama.invalid:11434\n');
      const env = { HOME: path.join(cwd, 'home') };
      const mcp = runMcp(undefined, ['--allow-pull'], { cwd, env, isTyped });
      const { client } = await openEditor(mcp, { answer: 'yes' });
      for (const [name, given] of [
        ['pull_model', { model: 'gemma3:1b' }],
        ['chat', { message: 'hi', model: MODEL }],
      ] as const) {
        const { isError, text } = await call(client, name, given);
        expect(isError).toBe(true);
        expect(text).toMatch(/^declined: .*ollama\.invalid/);
      }
      await mcp.end();
      rmSync(cwd, { recursive: true });
    },
  );
});

describe('a call', () => {
  it('tells its progress, which only rises', async () => {
    sandbox.setFaults([parseFault('slow=2MB')]);
    const { client } = await open({}, ['--allow-pull']);
    const told: { progress: number; total?: number | undefined }[] = [];
    await client.callTool(
      { name: 'pull_model', arguments: { model: 'gemma3:1b' } },
      { onprogress: (progress) => void told.push(progress) },
    );
    expect(told.length).toBeGreaterThan(0);
    expect(told.map(({ progress }) => progress)).toEqual(
      told.map(({ progress }) => progress).sort((a, b) => a - b),
    );
  });

  it('that is taken back ends the pull on the server', async () => {
    sandbox.setFaults([parseFault('stall@50%')]);
    const { client } = await open({}, ['--allow-pull']);
    const stop = new AbortController();
    const pulling = client.callTool(
      { name: 'pull_model', arguments: { model: 'gemma3:1b' } },
      { signal: stop.signal },
    );
    await expect.poll(() => asksFor('/api/pull')).toBe(1);
    await sleep(50);
    stop.abort();
    await expect(pulling).rejects.toThrow();
    expect((await call(client, 'check_status')).fields).toMatchObject({ reachable: true });
  });

  it('of a model that is not there fails with its code and what to do', async () => {
    const { client } = await open();
    const { isError, text } = await call(client, 'chat', { message: 'hi', model: 'absent' });
    expect(isError).toBe(true);
    expect(text).toMatch(/^model_not_found: /);
    expect((await call(client, 'remove_model', { model: 'absent' })).text).toMatch(/^model_not_found: /);
    expect((await call(client, 'pull_model', { model: 'a@b' })).text).toMatch(/^invalid_name: /);
  });

  it('without what it needs is refused, and the next one is answered', async () => {
    const { client } = await open();
    const refused = await client
      .callTool({ name: 'validate_model_name', arguments: {} })
      .then(({ isError }) => isError === true)
      .catch(() => true);
    expect(refused).toBe(true);
    expect((await call(client, 'get_default_model')).fields).toMatchObject({ model: MODEL });
  });

  it('of a server that is down says so, and its other tools fail with why', async () => {
    const mcp = runMcp(`http://127.0.0.1:${await closedPort()}`);
    const { client } = await openEditor(mcp);
    const status = await call(client, 'check_status');
    expect(status.fields).toMatchObject({ reachable: false, models_count: 0, error: expect.any(String) });
    const list = await call(client, 'list_available_models');
    expect(list.isError).toBe(true);
    expect(list.text).toMatch(/^unreachable: /);
  });

  it('gets text of others without control characters', async () => {
    sandbox.setFaults([parseFault('escapes')]);
    const { client } = await open();
    const { text, fields } = await call(client, 'chat', { message: 'Say hello' });
    expect(text + JSON.stringify(fields)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\\u00/);
  });
});
