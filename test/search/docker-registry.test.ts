import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkModelName } from '../../src/core/model-name.js';
import { openRegistry } from '../../src/core/registry.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { hasDockerRegistry, startDockerRegistry, type DockerRegistry } from '../support/docker-registry.js';
import { run, schemaErrors } from '../support/run.js';

const CONFIG = { model_format: 'gguf', model_family: 'llama', model_type: '1B', file_type: 'Q4_K_M' };
const LAYERS = { model: 'w'.repeat(5000), template: '{{ .Prompt }} {{ .Tools }}' };

// A real registry, not one of ours: what both of ours took wrong would show here.
describe.skipIf(!hasDockerRegistry())('against docker-registry', () => {
  let registry: DockerRegistry;
  let sandbox: Sandbox;
  let small = '';
  let host = '';
  const size = JSON.stringify(CONFIG).length + 5000 + LAYERS.template.length;

  beforeAll(async () => {
    registry = await startDockerRegistry();
    sandbox = await startSandbox();
    host = `127.0.0.1:${registry.port}`;
    small = await registry.push('library/tiny', '1b', CONFIG, LAYERS);
    await registry.push('library/tiny', 'latest', CONFIG, { ...LAYERS, system: 'Be short.' });
    await registry.push('acme/other', 'q8', { ...CONFIG, file_type: 'Q8_0' }, { model: 'x' });
    // Nothing that a pull could name.
    await registry.push('deep/er/than', 'models', CONFIG, LAYERS);
  }, 30_000);
  afterAll(async () => {
    await sandbox.close();
    await registry.close();
  });

  it('tells the digest of a head and of the bytes alike, the config, and the start of a blob', async () => {
    const client = openRegistry();
    const name = checkModelName(`${host}/library/tiny:1b`);
    const manifest = await client.manifest(name);
    expect(manifest).toMatchObject({ digest: small, size });
    expect(await client.digest(name)).toEqual({ digest: small });
    expect(await client.config(name, manifest)).toEqual(CONFIG);
    expect((await client.blobStart(name, manifest.layers[0]?.digest ?? '', 3)).toString()).toBe('www');
    await expect(client.manifest(checkModelName(`${host}/library/tiny:none`))).rejects.toMatchObject({
      code: 'model_not_found',
    });
    await expect(client.tags(checkModelName(`${host}/library/none`))).rejects.toMatchObject({
      code: 'model_not_found',
    });
  });

  it('reads a catalogue of many pages', async () => {
    const client = openRegistry({ base: registry.url });
    for (const letter of 'abcde') await registry.push(`many/${letter}`, 'latest', CONFIG, { model: letter });
    const all = await client.catalog('registry.ollama.ai');
    expect(all.filter((name) => name.startsWith('many/'))).toHaveLength(5);
    expect(all).toEqual(expect.arrayContaining(['library/tiny', 'acme/other']));
  });

  it('lists the tags of a model, with or without --registry', async () => {
    const ran = await run(['tags', `${host}/library/tiny`, '--json'], sandbox.url);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const document = JSON.parse(ran.stdout) as { results: unknown[] };
    expect(schemaErrors('tags', document)).toBe('');
    expect(document.results).toHaveLength(2);
    expect(document.results).toContainEqual({
      name: `${host}/library/tiny:1b`,
      source: 'registry',
      installed: false,
      sizes: [size],
      parameter_sizes: ['1B'],
      quantization: 'Q4_K_M',
      capabilities: ['completion', 'tools'],
      digest: small,
    });
    const named = await run(['tags', 'tiny', '--registry', registry.url, '--json'], sandbox.url);
    expect(named.stdout).toBe(ran.stdout);
  });

  it('finds models in its catalogue, with what they can do, and only such as a pull can name', async () => {
    const ran = await run(['search', 'ti', '--registry', registry.url, '--json'], sandbox.url);
    expect(ran.code).toBe(0);
    const document = JSON.parse(ran.stdout) as { results: unknown[] };
    expect(document.results).toEqual([
      {
        name: `${host}/library/tiny`,
        source: 'registry',
        installed: false,
        sizes: [size, size + 'Be short.'.length],
        capabilities: ['completion', 'tools'],
      },
    ]);
    const deep = await run(['search', 'than', '--registry', registry.url, '-q'], sandbox.url);
    expect(deep).toMatchObject({ code: 0, stdout: '' });
  });
});
