import { afterEach, describe, expect, it } from 'vitest';
import { chooseModel } from '../../src/opening/auto.js';
import { checkCapability } from '../../src/attachments/attachments.js';
import type { Settings } from '../../src/config/schema.js';
import { createContext, type Context } from '../../src/context.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/server.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { testIo } from '../support/io.js';

const ALL = ['llama3.2:1b', 'qwen3:8b', 'qwen2.5-coder:1.5b', 'gemma3:4b', 'llava:7b', 'all-minilm:22m'];
const NOTHING = { images: false, tools: false, text: 'Why is the sky blue?' };

let sandbox: Sandbox | undefined;
let server: FaultServer | undefined;
afterEach(async () => {
  await sandbox?.close();
  await server?.close();
  sandbox = undefined;
  server = undefined;
});

async function contextOf(url: string, changes: Partial<Settings>): Promise<Context> {
  const context = await createContext(testIo({ env: { OLLAMA_HOST: url } }).io, {});
  return { ...context, mode: context.mode, settings: { ...context.settings, ...changes } };
}

async function start(
  installed: readonly string[],
  changes: Partial<Settings> = {},
  options: SandboxOptions = {},
): Promise<Context> {
  sandbox = await startSandbox({ installed, tokensPerSecond: Infinity, loadMs: 1, ...options });
  return await contextOf(sandbox.url, changes);
}

describe('chat --auto', () => {
  it.each([
    ['an image', { ...NOTHING, images: true }, 'llava:7b', 'it can see images, and it is the largest of 2'],
    [
      'functions',
      { ...NOTHING, tools: true },
      'qwen3:8b',
      'it can call functions, and it is the largest of 3',
    ],
    ['code', { ...NOTHING, text: 'fix main.rs' }, 'qwen2.5-coder:1.5b', 'the question is about code'],
    [
      'nothing special',
      NOTHING,
      'qwen3:8b',
      'the question needs nothing special, and it is the largest of 5',
    ],
  ])('chooses for %s', async (_what, prompt, model, why) => {
    expect(await chooseModel(await start(ALL), prompt)).toEqual({ model, why });
  });

  it('prefers a model that is loaded, then the default one', async () => {
    const context = await start(ALL, { default_model: 'gemma3:4b' });
    expect(await chooseModel(context, NOTHING)).toMatchObject({
      model: 'gemma3:4b',
      why: 'the question needs nothing special, and it is the default model',
    });
    await context.client.chat({ model: 'llama3.2:1b', messages: [{ role: 'user', content: 'x' }] }).next();
    expect(await chooseModel(context, NOTHING)).toMatchObject({
      model: 'llama3.2:1b',
      why: 'the question needs nothing special, and it is loaded already',
    });
    await context.client.chat({ model: 'qwen3:8b', messages: [{ role: 'user', content: 'x' }] }).next();
    expect(await chooseModel(context, NOTHING)).toMatchObject({
      model: 'qwen3:8b',
      why: 'the question needs nothing special, and it is the largest of 2 that are loaded',
    });
  });

  it('follows the globs of the configuration in their order, where one fits', async () => {
    const auto = {
      rest: ['mistral*', 'llama*', 'qwen*'],
      image: ['gemma*'],
      tools: ['gemma*'],
      code: ['*:8b'],
    };
    const context = await start(ALL, { auto });
    expect(await chooseModel(context, NOTHING)).toEqual({
      model: 'llama3.2:1b',
      why: 'the question needs nothing special, and auto.rest names llama*',
    });
    expect((await chooseModel(context, { ...NOTHING, images: true })).model).toBe('gemma3:4b');
    expect((await chooseModel(context, { ...NOTHING, text: 'fix main.rs' })).model).toBe('qwen3:8b');
    // A rule does not give a model what it lacks.
    expect((await chooseModel(context, { ...NOTHING, tools: true })).model).toBe('qwen3:8b');
  });

  it('chooses none that is not allowed', async () => {
    const context = await start(ALL, { allowed_models: ['llama*'] });
    expect((await chooseModel(context, NOTHING)).model).toBe('llama3.2:1b');
  });

  it('chooses none that runs elsewhere, unless the configuration names it', async () => {
    const models = ['home:1b', 'far:cloud'].map((name) => ({
      name,
      model: name,
      ...{
        size: 1,
        digest: 'a'.repeat(64),
        modified_at: '2026-01-01T00:00:00Z',
        capabilities: ['completion'],
      },
      details: { parameter_size: name === 'home:1b' ? '1B' : '400B' },
      ...(name === 'home:1b' ? {} : { remote_host: 'https://far.example' }),
    }));
    server = await serve(() => ({ body: [JSON.stringify({ models })] }));
    expect((await chooseModel(await contextOf(server.url, {}), NOTHING)).model).toBe('home:1b');
    const named = await contextOf(server.url, { auto: { rest: ['far*'] } });
    expect((await chooseModel(named, NOTHING)).model).toBe('far:cloud');
  });

  it('goes by the family where the server does not tell what models can do', async () => {
    const context = await start(ALL, {}, { version: '0.5.13' });
    expect((await chooseModel(context, NOTHING)).model).not.toContain('minilm');
  });

  it.each([
    [
      ['llama3.2:1b', 'qwen3:8b'],
      { images: true, tools: false },
      'None of the 2 installed models can see images.',
      'gemma3:4b',
    ],
    [
      ['gemma3:4b'],
      { images: false, tools: true },
      'The one installed model is not one that can call functions.',
      'qwen3:4b',
    ],
    [
      ['llava:7b', 'qwen3:8b'],
      { images: true, tools: true },
      'None of the 2 installed models can see images and call',
      'qwen3-vl:4b',
    ],
    [
      ['all-minilm:22m'],
      { images: false, tools: false },
      'The one installed model is not one that holds',
      'llama3.2:3b',
    ],
    [[], { images: false, tools: false }, 'No model that may be used is installed.', 'llama3.2:3b'],
  ])('says what to pull where none of %j will do', async (installed, prompt, message, pull) => {
    await expect(chooseModel(await start(installed), { ...NOTHING, ...prompt })).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining(message) as string,
      hint: `Get one: ollama-cli pull ${pull}`,
    });
  });
});

describe('what a model can do', () => {
  it('is asked once a run, and lets those pass that can', async () => {
    const context = await start(ALL);
    await checkCapability(context, 'gemma3:4b', 'vision');
    await checkCapability(context, 'gemma3:4b', 'completion');
    expect(sandbox?.requests.filter(({ path }) => path === '/api/show')).toHaveLength(1);
  });

  it('refuses what a model lacks, and names those that have it', async () => {
    const context = await start(ALL);
    await expect(checkCapability(context, 'llama3.2:1b', 'vision')).rejects.toMatchObject({
      code: 'not_allowed',
      message: "llama3.2:1b can't see images. Nothing was sent.",
      hint: expect.stringMatching(/these can: .*gemma3:4b/) as string,
    });
  });

  it('says what to pull where nothing that is installed has it', async () => {
    const context = await start(['llama3.2:1b']);
    await expect(checkCapability(context, 'llama3.2:1b', 'vision')).rejects.toMatchObject({
      hint: 'Get one that can: ollama-cli pull gemma3:4b',
    });
  });

  it('passes where the server does not tell', async () => {
    const context = await start(ALL, {}, { version: '0.5.13' });
    await checkCapability(context, 'llama3.2:1b', 'vision');
  });

  it('is asked again of a model that was not there', async () => {
    const context = await start(['llama3.2:1b']);
    await expect(checkCapability(context, 'gemma3:4b', 'vision')).rejects.toMatchObject({
      code: 'model_not_found',
    });
    await context.client.pullWithReporter('gemma3:4b', { onEvent: () => undefined });
    await checkCapability(context, 'gemma3:4b', 'vision');
  });
});
