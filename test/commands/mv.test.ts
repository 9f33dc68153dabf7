import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve, type Handler } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { run, schemaErrors } from '../support/run.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['qwen3:0.6b', 'gemma3:1b'] });
});
afterEach(async () => await sandbox.close());

async function installed(): Promise<string> {
  return (await run(['list', '-q', '--sort', 'name'], sandbox.url)).stdout.trim().replaceAll('\n', ' ');
}

function changes(): string[] {
  return sandbox.requests.map(({ path }) => path).filter((path) => /copy|delete/.test(path));
}

/** A server with the models `a` and, once it was copied, `b`; `rest` answers what changes them. */
function withModels(rest: Handler): Handler {
  let copied = false;
  const model = (name: string): object => ({ name: `${name}:latest`, size: 5, digest: 'd1' });
  return (request, response) => {
    if (request.url === '/api/copy') copied = true;
    if (request.url !== '/api/tags') return rest(request, response);
    return {
      headers: { 'content-type': 'application/json' },
      body: [JSON.stringify({ models: [model('a'), ...(copied ? [model('b')] : [])] })],
    };
  };
}

const DONE = { headers: {}, body: [] };
const FAILED = {
  status: 500,
  headers: { 'content-type': 'application/json' },
  body: ['{"error":"disk on fire"}'],
};

describe('mv', () => {
  it('gives a model another name', async () => {
    const ran = await run(['mv', 'gemma3:1b', 'mine'], sandbox.url);
    expect(ran).toEqual({ code: 0, stdout: 'renamed gemma3:1b to mine\n', stderr: '' });
    expect(await installed()).toBe('mine:latest qwen3:0.6b');
    const { stdout } = await run(['mv', 'mine', 'yours', '--json'], sandbox.url);
    expect(schemaErrors('mv', JSON.parse(stdout))).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      schema_version: 1,
      host: sandbox.url,
      source: 'mine',
      destination: 'yours',
    });
    expect(changes()).toEqual(['/api/copy', '/api/delete', '/api/copy', '/api/delete']);
  });

  it('changes nothing with --dry-run, without a yes, and where there is no such model', async () => {
    const dry = await run(['mv', 'gemma3:1b', 'mine', '-n'], sandbox.url);
    expect(dry.stdout).toBe('gemma3:1b would be renamed to mine\n');
    const taken = await run(['mv', 'gemma3:1b', 'qwen3:0.6b'], sandbox.url);
    const absent = await run(['mv', 'absent', 'mine'], sandbox.url);
    expect([dry.code, taken.code, absent.code, changes()]).toEqual([0, 7, 3, []]);
    expect((await run(['mv', 'gemma3:1b', 'qwen3:0.6b', '--yes'], sandbox.url)).code).toBe(0);
    expect(await installed()).toBe('qwen3:0.6b');
  });

  it('says that both names are there where the old one could not be removed', async () => {
    const server = await serve(withModels((request) => (request.method === 'DELETE' ? FAILED : DONE)));
    const ran = await run(['mv', 'a', 'b', '--json'], server.url);
    await server.close();
    expect([ran.code, ran.stdout]).toEqual([1, '']);
    expect(JSON.parse(ran.stderr)).toMatchObject({
      error: {
        code: 'server_error',
        message: expect.stringContaining('"b" was made, and "a" is still there: disk on fire') as string,
        hint: expect.stringContaining('ollama-cli rm a') as string,
        status: 500,
      },
    });
  });

  it.each([
    ['not to be seen', []],
    ['another model', [{ name: 'b:latest', size: 5, digest: 'd2' }]],
  ])('does not remove the old name where the new one is %s', async (_, others) => {
    const models = [{ name: 'a:latest', size: 5, digest: 'd1' }, ...others];
    const server = await serve((request) => ({
      headers: { 'content-type': 'application/json' },
      body: request.url === '/api/tags' ? [JSON.stringify({ models })] : [],
    }));
    const ran = await run(['mv', 'a', 'b', '--yes'], server.url);
    await server.close();
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('"a" is still there');
    expect(server.requests.map(({ method }) => method)).not.toContain('DELETE');
  });

  it('says so too where it is stopped between the two', async () => {
    const server = await serve(
      withModels((request) => {
        if (request.method !== 'DELETE') return DONE;
        test.abort();
        return { headers: {}, then: 'stall' };
      }),
    );
    const test = testIo({ env: { OLLAMA_HOST: server.url } });
    expect(await main(['mv', 'a', 'b'], test.io)).toBe(130);
    await server.close();
    expect(test.stderr()).toContain('"b" was made, and "a" is still there.\n');
  });
});
