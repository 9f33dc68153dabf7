import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeGguf } from '../../src/sandbox/gguf.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve, type FaultServer, type Handler } from '../support/fault-server.js';
import { ESCAPES, run, schemaErrors, TERMINAL } from '../support/run.js';

let sandbox: Sandbox;
let server: FaultServer | undefined;
beforeEach(async () => {
  sandbox = await startSandbox({ installed: ['qwen3:8b', 'gemma3:4b', 'nomic-embed-text'] });
});
afterEach(async () => {
  await sandbox.close();
  await server?.close();
  server = undefined;
});

const ROOM = ['--ram', '16GB', '--vram', '0'];

async function fit(argv: readonly string[], host = sandbox.url): Promise<Record<string, unknown>> {
  const ran = await run(['fit', ...argv, '--json'], host);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const document = JSON.parse(ran.stdout) as Record<string, unknown>;
  expect(schemaErrors('fit', document)).toBe('');
  return document;
}

function downloads(): number {
  return sandbox.requests.filter(({ path }) => path === '/api/pull').length;
}

// The key-value cache of qwen3:8b at 4096 tokens: blocks, heads, keys and values, bytes.
const QWEN_CACHE = 36 * 8 * (128 + 128) * 4096 * 2;

describe('fit', () => {
  it('tells an installed model by its metadata, as an estimate', async () => {
    const document = await fit(['qwen3:8b', ...ROOM]);
    expect(document).toMatchObject({
      model: 'qwen3:8b',
      context: 4096,
      kv_bytes: QWEN_CACHE,
      available: { ram: 16e9, vram: 0 },
      verdict: 'fits',
      estimate: true,
      basis: 'metadata',
      installed: true,
      context_limit: 40_960,
      quantization: 'Q4_K_M',
    });
    const { weights_bytes: weights, kv_bytes: cache, overhead_bytes: overhead } = document;
    expect(document['total_bytes']).toBe(Number(weights) + Number(cache) + Number(overhead));
  });

  it('tells the same of a model before its download, from the registry', async () => {
    const there = await fit(['qwen3:8b', ...ROOM]);
    const other = await startSandbox({ installed: [] });
    const before = await fit(['qwen3:8b', ...ROOM], other.url);
    await other.close();
    expect(before).toMatchObject({ installed: false, basis: 'metadata', kv_bytes: QWEN_CACHE });
    // Its template, licence and config are not loaded.
    expect(Number(there['weights_bytes']) - Number(before['weights_bytes'])).toBeLessThan(5_000);
    expect(other.requests.some(({ path }) => path === '/api/pull')).toBe(false);
    expect(downloads()).toBe(0);
  });

  it('counts the part that sees pictures, and no cache for embeddings', async () => {
    const seeing = await fit(['gemma3:4b', ...ROOM]);
    expect(Number(seeing['weights_bytes'])).toBeGreaterThanOrEqual((2490 + 851) * 1e4);
    expect(await fit(['nomic-embed-text', ...ROOM])).toMatchObject({ kv_bytes: 0 });
  });

  it.each([
    [['--context', '8192'], 8192, 2],
    [['--context', '8k'], 8192, 2],
    [['--context', '1M'], undefined, undefined],
    [['--context', '999k'], 40_960, 10],
    [['--kv', 'q8_0'], 4096, 17 / 32],
    [['--kv', 'q4_0'], 4096, 9 / 32],
  ])('with %j', async (flags, context, times) => {
    if (context === undefined) {
      const ran = await run(['fit', 'qwen3:8b', ...flags], sandbox.url);
      expect(ran.code).toBe(2);
      expect(ran.stderr).toContain('--context');
      return;
    }
    const document = await fit(['qwen3:8b', ...ROOM, ...flags]);
    expect(document).toMatchObject({ context, kv_bytes: QWEN_CACHE * (times ?? 0) });
  });

  it('takes the context of the configuration, else of the model itself, else by the memory of the GPU', async () => {
    const env = { OLLAMA_HOST: sandbox.url, OLLAMA_CLI_OPTIONS__NUM_CTX: '2048' };
    const set = await run(['fit', 'qwen3:8b', '--json', ...ROOM], undefined, { env });
    expect(JSON.parse(set.stdout)).toMatchObject({ context: 2048 });
    // Its own parameters ask for 8192, and it was made for 2048.
    expect(await fit(['nomic-embed-text', ...ROOM])).toMatchObject({ context: 2048 });
    // Not installed: read from the registry's layer of parameters.
    expect(await fit(['all-minilm:22m', ...ROOM])).toMatchObject({ context: 256, context_limit: 512 });
    expect(await fit(['qwen3:8b', '--ram', '1GB', '--vram', '30GB'])).toMatchObject({ context: 32_768 });
  });

  it.each([
    ['8GB', '8GB', 'fits'],
    ['1GB', '600MB', 'partly'],
    ['100MB', '600MB', 'no'],
    ['2GB', '0', 'fits'],
    ['100MB', '0', 'no'],
  ])('judges %s of memory and %s of a GPU: %s', async (ram, vram, verdict) => {
    expect(await fit(['qwen3:8b', '--ram', ram, '--vram', vram])).toMatchObject({ verdict });
    const quiet = await run(['fit', 'qwen3:8b', '--ram', ram, '--vram', vram, '-q'], sandbox.url);
    expect(quiet).toMatchObject({ code: 0, stdout: `${verdict}\n` });
  });

  it('looks at the memory of this machine, for a server on it', async () => {
    const document = await fit(['qwen3:8b']);
    expect(document['memory_source']).toMatch(/^this machine/);
    expect(Number((document['available'] as { ram: number }).ram)).toBeGreaterThan(0);
  });

  it('exits 3 for a model that is nowhere, 2 for a name or a size that is none, before anything is asked', async () => {
    const absent = await run(['fit', 'absent:1b'], sandbox.url);
    expect(absent.code).toBe(3);
    expect(absent.stderr).toContain('in the registry');
    const asked = sandbox.requests.length;
    for (const argv of [['a@b'], ['x', '--ram', 'much'], ['x', '--kv', 'f32'], ['x', '--fields', 'nope']]) {
      const ran = await run(['fit', ...argv], sandbox.url);
      expect(ran.code).toBe(2);
      if (argv.includes('--ram')) expect(ran.stderr).toContain('--ram: "much" is not a size');
    }
    expect(sandbox.requests).toHaveLength(asked);
  });

  it('draws a table, the verdict and the word estimate in a terminal, within its width', async () => {
    for (const columns of [80, 40]) {
      const ran = await run(['fit', 'qwen3:8b', '--ram', '100MB', '--vram', '600MB'], sandbox.url, {
        ...TERMINAL,
        columns,
        env: { NO_COLOR: '1' },
      });
      expect(ran.code).toBe(0);
      expect(ran.stdout).toContain('estimate');
      expect(ran.stdout).toContain('qwen3:8b does not fit');
      expect(Math.max(...ran.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
    }
  });

  it.each([
    [
      'of a GPU that the driver alone fills, that it takes the memory',
      '8GB',
      '400MB',
      /memory, without a GPU/,
    ],
    ['of what is missing', '1MB', '0', /does not fit/],
    ['of a GPU that has the room', '8GB', '8GB', /the GPU memory/],
  ])('says %s, in lines that end between words', async (_, ram, vram, words) => {
    const ran = await run(['fit', 'nomic-embed-text', '--ram', ram, '--vram', vram], sandbox.url, {
      ...TERMINAL,
      columns: 24,
      env: { NO_COLOR: '1' },
    });
    const lines = ran.stdout.split('\n');
    expect(lines.slice(lines.indexOf('')).join('')).toMatch(words);
    expect(lines).toContain(' nomic-embed-text:latest');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(24);
  });

  it('is a table of fields in a pipe', async () => {
    const ran = await run(['fit', 'qwen3:8b', ...ROOM], sandbox.url);
    expect(ran.stdout).toMatch(/^field\tvalue\n/);
    expect(ran.stdout).toContain('verdict\tfits\n');
    expect(ran.stdout).toContain('available_ram\t16000000000\n');
    const picked = await run(['fit', 'qwen3:8b', ...ROOM, '--fields', 'verdict,kv_bytes'], sandbox.url);
    expect(picked.stdout).toBe(`field\tvalue\nverdict\tfits\nkv_bytes\t${QWEN_CACHE}\n`);
  });
});

const json = (value: unknown, status = 200): ReturnType<Handler> => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: [JSON.stringify(value)],
});

describe('fit with other servers', () => {
  it('asks for the lists that a server keeps to itself, and adds what it has loaded to what is free', async () => {
    const info = {
      'general.architecture': 'x',
      'x.block_count': 2,
      'x.embedding_length': 8,
      'x.attention.head_count': 4,
      'x.attention.head_count_kv': null,
    };
    server = await serve((request) => {
      if (request.url === '/api/tags')
        return json({ models: [{ name: 'm:latest', size: 5e6, digest: 'ab' }] });
      if (request.url === '/api/ps') return json({ models: [{ name: 'o', size: 3e9, size_vram: 3e9 }] });
      if (request.url === '/api/version') return json({ version: '0.24.0' });
      const verbose = (JSON.parse(request.body) as { verbose?: boolean }).verbose === true;
      return json({
        details: {},
        model_info: verbose ? { ...info, 'x.attention.head_count_kv': [1, 3] } : info,
      });
    });
    const document = await fit(['m'], server.url);
    expect(document).toMatchObject({ kv_bytes: 4 * (2 + 2) * 4096 * 2, weights_bytes: 5e6 });
    // Without a GPU in sight, what is loaded on one says nothing about the memory here.
    expect(document).toMatchObject({ verdict: 'fits' });
  });

  it('does not take a model in the cloud for one that has to fit', async () => {
    server = await serve((request) => {
      if (request.url === '/api/tags') {
        return json({
          models: [{ name: 'm:cloud', size: 300, digest: 'ab', remote_host: 'https://ollama.com' }],
        });
      }
      if (request.url === '/api/ps') return json({ models: [] });
      return json({ details: { parameter_size: '120B' }, model_info: {}, remote_host: 'https://ollama.com' });
    });
    expect(await fit(['m:cloud', '--ram', '1MB'], server.url)).toMatchObject({
      verdict: 'fits',
      total_bytes: 0,
      reason: 'it runs in the cloud and takes no memory here',
    });
  });

  it('guesses from the config where the head of the weights is no GGUF, and says so', async () => {
    const registry = await serveRegistry(Buffer.from('<html>'));
    const document = await fit(['m', ...ROOM], registry.url);
    expect(document).toMatchObject({
      basis: 'config',
      weights_bytes: 4e9,
      parameters: 8e9,
      quantization: 'Q4_K_M',
    });
    expect(document['kv_bytes']).toBe(144 * 1024 * 4096);
    const drawn = await run(['fit', 'm', ...ROOM], registry.url, { ...TERMINAL, env: { NO_COLOR: '1' } });
    expect(drawn.stdout).toContain('a guess: only its config is known');
  });

  it('cleans what a registry says of a model', async () => {
    const registry = await serveRegistry(Buffer.from(''), { file_type: '\u001b[31mQ4\u0007' });
    const env = { NO_COLOR: '1' };
    for (const options of [{ env }, { ...TERMINAL, env }]) {
      expect((await run(['fit', 'm', ...ROOM], registry.url, options)).stdout).not.toMatch(ESCAPES);
    }
  });

  it('reads a longer start where the metadata is behind a long text', async () => {
    const head = writeGguf({
      info: {
        'general.architecture': 'x',
        'tokenizer.chat_template': 'x'.repeat(100_000),
        'x.block_count': 2,
        'x.embedding_length': 8,
        'x.attention.head_count': 4,
      },
      tensors: [],
    });
    const registry = await serveRegistry(head);
    expect(await fit(['m', ...ROOM], registry.url)).toMatchObject({
      basis: 'metadata',
      kv_bytes: 2 * 4 * 4 * 4096 * 2,
    });
  });
});

/** A server without models that says it is a sandbox, and so is its own registry with the model `m`. */
async function serveRegistry(weights: Buffer, config: object = {}): Promise<FaultServer> {
  const { createHash } = await import('node:crypto');
  const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const body = Buffer.from(JSON.stringify({ model_type: '8.0B', file_type: 'Q4_K_M', ...config }));
  const media = 'application/vnd.ollama.image';
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      digest: digestOf(body),
      size: body.length,
    },
    layers: [
      { mediaType: `${media}.model`, digest: `sha256:${'a'.repeat(64)}`, size: 3e9 },
      { mediaType: `${media}.projector`, digest: `sha256:${'b'.repeat(64)}`, size: 1e9 },
      { mediaType: `${media}.license`, digest: `sha256:${'c'.repeat(64)}`, size: 1e9 },
    ],
  });
  server = await serve(({ url, headers }) => {
    if (url === '/api/version') return json({ version: '0.24.0-sandbox' });
    if (url === '/api/tags' || url === '/api/ps') return json({ models: [] });
    if (url === '/api/show') return json({ error: "model 'm' not found" }, 404);
    if (url.includes('/manifests/')) return { headers: {}, body: [manifest] };
    if (url.includes(digestOf(body))) return { headers: {}, body: [body] };
    const end = Number(/bytes=0-(\d+)/.exec(headers.range ?? '')?.[1] ?? 0) + 1;
    return { status: 206, headers: {}, body: [weights.subarray(0, end)] };
  });
  return server;
}
