import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve } from '../support/fault-server.js';
import { run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['qwen3:8b'] });
});
afterEach(async () => await sandbox.close());

function resultsOf({ stdout }: Ran): readonly Record<string, unknown>[] {
  const document = JSON.parse(stdout) as { results: readonly Record<string, unknown>[] };
  expect(schemaErrors('tags', document)).toBe('');
  return document.results;
}

describe('tags', () => {
  it('lists each tag with its size, quantization and digest, and what is installed', async () => {
    const ran = await run(['tags', 'qwen3', '--json'], sandbox.url);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const results = resultsOf(ran);
    expect(results.map(({ name, installed }) => [name, installed])).toEqual([
      ['qwen3:0.6b', false],
      ['qwen3:8b', true],
      ['qwen3:latest', false],
    ]);
    const list = await run(['list', '--json'], sandbox.url);
    const { models } = JSON.parse(list.stdout) as { models: { digest: string; size: number }[] };
    expect(results[1]).toMatchObject({
      digest: `sha256:${models[0]?.digest ?? ''}`,
      sizes: [models[0]?.size],
      quantization: 'Q4_K_M',
    });
  });

  it('shows a table in a terminal and one for a pipe, in the order that is asked for', async () => {
    const terminal = await run(['tags', 'qwen3', '--sort', 'size'], sandbox.url, {
      ...TERMINAL,
      env: { NO_COLOR: '1' },
    });
    expect(terminal.stdout).toMatch(
      /^NAME +SIZE +QUANT +HERE +ID +UPDATED +SOURCE\nqwen3:0\.6b +5\.2 MB +Q4_K_M/,
    );
    expect(terminal.stdout).toMatch(/qwen3:8b +52 MB +Q4_K_M +yes +8b/);
    expect(terminal.stdout).toMatch(/3 tags from registry\n$/);
    const piped = await run(['tags', 'qwen3', '--no-header', '--max-size', '10MB'], sandbox.url);
    expect(piped.stdout).toMatch(/^qwen3:0\.6b\t5220815\tQ4_K_M\tfalse\tsha256:[0-9a-f]{64}\t/);
    expect(piped.stdout.trim().split('\n')).toHaveLength(1);
    expect((await run(['tags', 'qwen3', '-q', '--limit', '1'], sandbox.url)).stdout).toBe('qwen3:0.6b\n');
  });

  it('chooses by what a tag can do, and asks once for what several have in common', async () => {
    const ran = await run(['tags', 'gemma3', '--cap', 'vision', '--json'], sandbox.url);
    expect(resultsOf(ran).map(({ name }) => name)).toEqual(['gemma3:4b', 'gemma3:latest']);
    expect(resultsOf(ran)[0]?.['capabilities']).toEqual(['completion', 'vision']);
    const blobs = sandbox.requests.map(({ path }) => path).filter((path) => path.includes('/blobs/'));
    // Three tags: two configs, one of which two of them have, and one template.
    expect(blobs).toHaveLength(4);
    expect(new Set(blobs).size).toBe(3);
    expect((await run(['tags', 'gemma3', '--cap', 'flying', '-q'], sandbox.url)).stdout).toBe('');
  });

  it('of one tag asks for that one alone', async () => {
    const ran = await run(['tags', 'qwen3:8b', '--json'], sandbox.url);
    expect(resultsOf(ran).map(({ name }) => name)).toEqual(['qwen3:8b']);
    expect(sandbox.requests.some(({ path }) => path.includes('tags/list'))).toBe(false);
  });

  it.each([
    ['nope', 3, 'There is no model "nope:latest" in the registry'],
    ['qwen3:nope', 3, 'There is no model "qwen3:nope" in the registry'],
    ['a@b', 2, 'no model name'],
  ])('of %s exits %i', async (model, code, words) => {
    const ran = await run(['tags', model], sandbox.url);
    expect(ran).toMatchObject({ code, stdout: '' });
    expect(ran.stderr).toContain(words);
  });

  it('of a registry without a list of tags tells the one that was asked for, and that it is only that', async () => {
    const server = await serve(({ url }) => {
      const headers = { 'content-type': 'application/json' };
      if (url === '/api/version') return { headers, body: ['{"version":"0.33.0"}'] };
      if (url === '/api/tags') return { headers, body: ['{"models":[]}'] };
      if (url.endsWith('/manifests/latest')) return { headers, body: ['{"schemaVersion":2,"layers":[]}'] };
      return { status: 404, headers, body: ['{}'] };
    });
    try {
      const env = {
        OLLAMA_CLI_REGISTRY: server.url,
        OLLAMA_CLI_SEARCH__LIBRARY_URL: server.url,
        OLLAMA_CLI_SEARCH__HUGGINGFACE_URL: server.url,
      };
      const ran = await run(['tags', 'llama3.2', '--json'], server.url, { env });
      expect(ran.code).toBe(0);
      expect(resultsOf(ran)).toMatchObject([{ name: 'llama3.2:latest', sizes: [0] }]);
      expect(JSON.parse(ran.stdout)).toMatchObject({
        sources: [
          { name: 'registry', ok: true, note: expect.stringContaining('lists no tags') as string },
          { name: 'library', ok: false, error: { code: 'model_not_found' } },
        ],
      });
      // The library knows no other registry's models, and Hugging Face has its own.
      const hf = await run(['tags', 'hf.co/ann/tiny', '--json'], server.url, { env });
      expect(hf.code).toBe(3);
      expect(server.requests.map(({ url }) => url)).toContain(
        '/api/models/ann/tiny/tree/main?recursive=true',
      );
    } finally {
      await server.close();
    }
  });

  it('of a repository on Hugging Face are its quantizations', async () => {
    const files = ['x-Q4_K_M.gguf', 'x-Q8_0.gguf', 'README.md'].map((path, i) => ({
      path,
      size: 10 * (i + 1),
    }));
    const server = await serve(({ url }) => {
      const headers = { 'content-type': 'application/json' };
      if (url.startsWith('/api/models/')) return { headers, body: [JSON.stringify(files)] };
      return { headers, body: ['{"version":"0.33.0","models":[{"name":"hf.co/ann/tiny:Q8_0"}]}'] };
    });
    try {
      const env = { OLLAMA_CLI_SEARCH__HUGGINGFACE_URL: server.url };
      const ran = await run(['tags', 'hf.co/ann/tiny', '--json'], server.url, { env });
      const tag = (name: string, size: number, installed: boolean) => ({
        ...{ name: `hf.co/ann/tiny:${name}`, source: 'huggingface', installed },
        ...{ sizes: [size], quantization: name },
      });
      expect(resultsOf(ran)).toEqual([tag('Q4_K_M', 10, false), tag('Q8_0', 20, true)]);
      const one = await run(['tags', 'hf.co/ann/tiny:q8_0', '-q'], server.url, { env });
      expect(one.stdout).toBe('hf.co/ann/tiny:Q8_0\n');
      expect((await run(['tags', 'hf.co/ann/tiny:Q2_K'], server.url, { env })).code).toBe(3);
    } finally {
      await server.close();
    }
  });
});
