import { afterEach, describe, expect, it } from 'vitest';
import { createContext, type Context } from '../src/context.js';
import { checkModelName } from '../src/core/model-name.js';
import { findRegistry, isSandbox } from '../src/registry.js';
import { startSandbox, type Sandbox } from '../src/sandbox/server.js';
import { serve, type FaultServer } from './support/fault-server.js';
import { testIo } from './support/io.js';

let sandbox: Sandbox | undefined;
let server: FaultServer | undefined;
afterEach(async () => {
  await sandbox?.close();
  await server?.close();
});

async function contextOf(
  env: Record<string, string>,
  debug = false,
): Promise<{ context: Context; stderr: () => string }> {
  const test = testIo({ env });
  return { context: await createContext(test.io, debug ? { debug } : {}), stderr: test.stderr };
}

describe('the registry of a context', () => {
  it('is the sandbox itself for every name, and is made once', async () => {
    sandbox = await startSandbox();
    const { context } = await contextOf({ OLLAMA_HOST: sandbox.url });
    const registry = await findRegistry(context);
    expect(await isSandbox(context)).toBe(true);
    expect(registry.address('registry.ollama.ai')).toBe(sandbox.url);
    expect(registry.address('hf.co')).toBe(sandbox.url);
    expect(await findRegistry(context)).toBe(registry);
    expect(await findRegistry(context, { insecure: true })).not.toBe(registry);
    expect(sandbox.requests.filter(({ path }) => path === '/api/version')).toHaveLength(1);
  });

  it("is the one of the settings for Ollama's names only, and then the server is not asked", async () => {
    sandbox = await startSandbox();
    const { context } = await contextOf({
      OLLAMA_HOST: sandbox.url,
      OLLAMA_CLI_REGISTRY: 'https://mirror.example/ollama',
    });
    const registry = await findRegistry(context);
    expect(registry.address('registry.ollama.ai')).toBe('https://mirror.example/ollama');
    expect(registry.address('hf.co')).toBe('https://hf.co');
    expect(sandbox.requests).toEqual([]);
  });

  it("is Ollama's own for any other server, also for one that is not there", async () => {
    server = await serve({ headers: { 'content-type': 'application/json' }, body: ['{"version":"0.33.0"}'] });
    for (const host of [server.url, 'http://127.0.0.1:1', 'http://reg.invalid:1']) {
      const { context } = await contextOf({ OLLAMA_HOST: host });
      expect((await findRegistry(context)).address('registry.ollama.ai')).toBe('https://registry.ollama.ai');
    }
  });

  it("never gets the server's headers, and is seen with --debug", async () => {
    server = await serve({ headers: {}, body: ['{"schemaVersion":2,"layers":[]}'] });
    const env = {
      OLLAMA_HOST: `http://ann:pw@127.0.0.1:${server.port}`,
      OLLAMA_CLI_REGISTRY: server.url,
    };
    const { context, stderr } = await contextOf(env, true);
    await (await findRegistry(context)).manifest(checkModelName('a/b'));
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(stderr()).toMatch(/^debug: GET \S+\/v2\/a\/b\/manifests\/latest try 1: 200, \d+ ms\n$/);
  });

  it('can have no password in its address', async () => {
    await expect(contextOf({ OLLAMA_CLI_REGISTRY: 'https://ann:pw@reg.example' })).rejects.toMatchObject({
      code: 'config',
      message: expect.not.stringContaining('ann:pw') as string,
    });
  });
});
