import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeGguf } from '../../src/sandbox/gguf.js';
import { hasDockerRegistry, startDockerRegistry, type DockerRegistry } from '../support/docker-registry.js';
import { serve, type FaultServer } from '../support/fault-server.js';
import { run, schemaErrors } from '../support/run.js';

const CONFIG = { model_type: '1B', file_type: 'Q4_K_M' };
const INFO = {
  'general.architecture': 'llama',
  'llama.block_count': 2,
  'llama.embedding_length': 8,
  'llama.attention.head_count': 4,
  'llama.attention.head_count_kv': 2,
  'tokenizer.ggml.tokens': ['a', 'b'],
};

// A real registry, which tells no time of a push and serves its blobs itself.
describe.skipIf(!hasDockerRegistry())('against docker-registry', () => {
  let registry: DockerRegistry;
  let server: FaultServer;
  let weights = '';

  beforeAll(async () => {
    registry = await startDockerRegistry();
    const host = `127.0.0.1:${registry.port}`;
    // As text: the helper that pushes takes nothing else, and these bytes are all below 128.
    weights = writeGguf({ info: INFO, tensors: [] }).toString('latin1');
    const same = await registry.push('library/same', 'latest', CONFIG, { model: weights });
    const models = [
      { name: `${host}/library/same:latest`, digest: same.replace('sha256:', '') },
      { name: `${host}/library/other:latest`, digest: 'a'.repeat(64) },
      { name: `${host}/library/mine:latest`, digest: 'b'.repeat(64) },
    ].map((model) => ({
      ...model,
      model: model.name,
      size: 1,
      modified_at: '2026-01-01T00:00:00Z',
      details: {},
    }));
    await registry.push('library/other', 'latest', CONFIG, { model: 'y' });
    server = await serve(({ url }) => {
      const headers = { 'content-type': 'application/json' };
      if (url === '/api/tags') return { headers, body: [JSON.stringify({ models })] };
      return { status: 404, headers, body: ['{"error":"model not found"}'] };
    });
  }, 30_000);
  afterAll(async () => {
    await server.close();
    await registry.close();
  });

  it('tells what is current, outdated and local by the digests that it gives', async () => {
    const ran = await run(['outdated', '--json'], server.url);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const document = JSON.parse(ran.stdout) as { models: { state: string }[] };
    expect(schemaErrors('outdated', document)).toBe('');
    expect(document.models.map(({ state }) => state)).toEqual(['current', 'outdated', 'local']);
  });

  it('estimates from the first bytes of the weights, without a download', async () => {
    const name = `127.0.0.1:${registry.port}/library/same`;
    const ran = await run(['fit', name, '--ram', '1GB', '--json'], server.url);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      basis: 'metadata',
      installed: false,
      weights_bytes: Buffer.byteLength(weights),
      kv_bytes: 2 * 2 * 4 * 4096 * 2,
      parameters: 1e9,
      quantization: 'Q4_K_M',
      verdict: 'fits',
    });
  });
});
