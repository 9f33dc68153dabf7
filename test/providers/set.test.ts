import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import { isOllamaError, type OllamaError } from '../../src/core/errors.js';
import { createProviders, type KeptCheck, type ProvidersOptions } from '../../src/providers/set.js';
import type { ProviderSet } from '../../src/providers/provider.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve } from '../support/fault-server.js';
import { openFallback } from '../../src/providers/fallback.js';
import { answerOf } from './ask.js';
import { collect } from './chain.js';

let sandbox: Sandbox;
let client: OllamaClient;
beforeEach(async () => {
  sandbox = await startSandbox({ tokensPerSecond: Infinity, loadMs: 0, installed: ['gemma3:1b'] });
  client = new OllamaClient(sandbox.url);
});
afterEach(async () => await sandbox.close());

function open(blocks: readonly unknown[], options: Partial<ProvidersOptions> = {}): ProviderSet {
  return createProviders(blocks, { client, ...options });
}

function failure(run: () => unknown): OllamaError {
  try {
    run();
  } catch (error) {
    if (isOllamaError(error)) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const CLOUD = { name: 'cloud', enabled: true, base_url: 'https://api.example/v1', api_key: 'sk-1' };
const HI = { model: 'gemma3:1b', messages: [{ role: 'user', content: 'Hi' }] };

describe('a set of providers', () => {
  it('has the host in force first, whatever its block says of address and state', async () => {
    const set = open([
      CLOUD,
      { name: 'ollama', enabled: false, base_url: 'http://else', model: 'gemma3:1b' },
    ]);
    expect(set.blocks().map(({ name }) => name)).toEqual(['ollama', 'cloud']);
    expect(set.blocks()[0]).toMatchObject({
      type: 'ollama',
      enabled: true,
      base_url: `${sandbox.url}/v1`,
      model: 'gemma3:1b',
    });
    const provider = set.get('ollama');
    expect(provider.info).toMatchObject({ local: true, cost: { prompt: 0, completion: 0 } });
    expect(await provider.models()).toMatchObject([
      { name: 'gemma3:1b', size: expect.any(Number) as number },
    ]);
    const answer = await answerOf(provider, HI);
    expect(answer.metrics).toMatchObject({ cost: 0 });
    expect(sandbox.requests.at(-1)?.path).toBe('/api/chat');
    expect(provider.supportsFeature('pull')).toBe(true);
    expect(set.get('ollama')).toBe(provider);
  });

  it("takes the configured model where ollama's block names none", () => {
    expect(open([], { model: 'qwen3' }).blocks()[0]?.model).toBe('qwen3');
    expect(open([{ name: 'ollama' }], { model: 'qwen3' }).blocks()[0]?.model).toBe('qwen3');
    expect(open([]).blocks()[0]?.model).toBe('llama3.2');
  });

  it('asks a host for the model that was asked for alone, unless its block names one', async () => {
    const hosts = { bare: { url: sandbox.url, open: () => Promise.resolve(client) } };
    const blocks = [{ name: 'named', enabled: true, type: 'ollama', base_url: sandbox.url, model: 'own:1b' }];
    const set = open(blocks, { hosts, fallback: ['ollama', 'bare', 'named'] });
    expect(set.chain().map(({ info }) => info.model_is_default)).toEqual([true, true, undefined]);
    const came = await collect(openFallback(set.chain()), { model: 'gone:1b' });
    expect(came.steps.map(({ name, model }) => [name, model])).toEqual([
      ['bare', 'gone:1b'],
      ['named', 'gone:1b'],
      ['named', 'own:1b'],
    ]);
  });

  it('never tells a key', () => {
    expect(JSON.stringify(open([CLOUD]).blocks())).not.toContain('sk-1');
  });

  it('names what is near where there is none of that name', () => {
    expect(failure(() => open([CLOUD]).get('clout'))).toMatchObject({
      code: 'host_not_found',
      hint: 'Did you mean cloud?',
    });
    expect(failure(() => open([CLOUD]).get('constructor')).code).toBe('host_not_found');
    const hosts = { gpu: { url: sandbox.url, open: () => Promise.resolve(client) } };
    expect(failure(() => open([], { fallback: ['gpo'], hosts }).chain())).toMatchObject({
      code: 'config',
      hint: 'Did you mean gpu?',
    });
  });

  it('asks nobody that is not enabled, unless to test it', () => {
    const set = open([{ ...CLOUD, enabled: false }], { fallback: ['cloud'] });
    expect(failure(() => set.get('cloud')).code).toBe('not_allowed');
    expect(set.get('cloud', { evenDisabled: true }).info.name).toBe('cloud');
    expect(set.chain().map(({ info }) => info.name)).toEqual(['ollama']);
  });

  it('has its chain in the order of fallback, each once, a provider before a host of its name', () => {
    const hosts = {
      gpu: { url: sandbox.url, open: () => Promise.resolve(client) },
      cloud: { url: sandbox.url, open: () => Promise.resolve(client) },
    };
    const set = open([CLOUD], { fallback: ['gpu', 'cloud', 'gpu', 'ollama'], hosts });
    expect(set.chain().map(({ info }) => [info.name, info.type])).toEqual([
      ['gpu', 'ollama'],
      ['cloud', 'openai'],
      ['ollama', 'ollama'],
    ]);
    expect(set.blocks().map(({ name }) => name)).toEqual(['ollama', 'cloud', 'gpu']);
  });

  it('asks the address of a provider, not that of a host of the same name', async () => {
    const hosts = {
      gpu: { url: 'http://else', open: () => Promise.reject(new Error('the host was opened')) },
    };
    const set = open([{ name: 'gpu', type: 'ollama', enabled: true, base_url: sandbox.url }], { hosts });
    expect(set.get('gpu').info.base_url).toBe(sandbox.url);
    expect(await set.get('gpu').test()).toMatchObject({ status: 'connected', models: ['gemma3:1b'] });
  });

  it('opens a host when it is first asked, once, and says in its errors which one it was', async () => {
    const dead = new OllamaClient(`http://127.0.0.1:${await closedPort()}`);
    let opened = 0;
    const openHost = async (): Promise<OllamaClient> => {
      opened += 1;
      return Promise.resolve(dead);
    };
    const set = open([], { hosts: { gpu: { url: dead.host.url, open: openHost } } });
    const gpu = set.get('gpu');
    expect(opened).toBe(0);
    const { error } = await answerOf(gpu, HI);
    await gpu.test();
    expect(opened).toBe(1);
    expect(error?.code).toBe('unreachable');
    expect(error?.message).toMatch(
      /^gpu \(http:\/\/127\.0\.0\.1:\d+\) can't be reached: the connection was refused/,
    );
  });

  it('sends the key of an Ollama host to it, and to nobody else', async () => {
    const server = await serve({ status: 401, body: ['{"error":"bad sk-ollama-key"}'] });
    try {
      const block = { name: 'far', type: 'ollama', enabled: true, base_url: server.url, api_key_env: 'FAR' };
      const set = open([block], { env: { FAR: 'sk-ollama-key' } });
      const { error } = await answerOf(set.get('far'), HI);
      expect(server.requests.at(-1)?.headers.authorization).toBe('Bearer sk-ollama-key');
      expect(error?.message).toContain('***');
      expect(error?.message).not.toContain('sk-ollama-key');
      expect((await answerOf(open([block]).get('far'), HI)).error).toMatchObject({ code: 'unauthorized' });
    } finally {
      await server.close();
    }
  });

  it('refuses wrong blocks and two of one name, all of them at once', () => {
    const error = failure(() => open([{ name: 'a', model: '' }, { name: 'b', type: 'x' }, CLOUD, CLOUD]));
    expect(error.code).toBe('config');
    for (const words of ['provider a', 'provider b', 'two providers with the name cloud']) {
      expect(error.message).toContain(words);
    }
  });

  it('keeps what tests came to, and forgets it with the address', async () => {
    const kept: Readonly<Record<string, KeptCheck>>[] = [];
    const keep = (checks: Readonly<Record<string, KeptCheck>>): Promise<void> => {
      kept.push(checks);
      return Promise.resolve();
    };
    const set = open([{ ...CLOUD, base_url: `${sandbox.url}/v1`, model: 'gemma3:1b' }], { keep });
    const outcome = await set.get('cloud').test();
    await Promise.all([set.note(outcome), set.note(await set.get('ollama').test())]);
    expect(set.blocks()[1]).toMatchObject({ status: 'connected', last_checked: outcome.last_checked });
    const checks = kept.at(-1) ?? {};
    expect(Object.keys(checks)).toEqual(['cloud', 'ollama']);
    expect(open([{ ...CLOUD, base_url: `${sandbox.url}/v1` }], { checks }).blocks()[1]?.status).toBe(
      'connected',
    );
    expect(open([CLOUD], { checks }).blocks()[1]).toMatchObject({ status: 'disconnected', last_checked: '' });
  });
});
