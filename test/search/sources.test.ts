import { describe, expect, it } from 'vitest';
import { OllamaError } from '../../src/core/errors.js';
import type { Recommendation } from '../../src/core/wire.js';
import { checkModelName, DEFAULT_REGISTRY } from '../../src/core/model-name.js';
import { openRegistry, type RegistryManifest } from '../../src/core/registry.js';
import { registryError } from '../../src/core/registry-errors.js';
import { askSources, failureOfAll } from '../../src/search/ask-sources.js';
import { readCapabilities } from '../../src/search/capabilities.js';
import { recommendations } from '../../src/search/recommendations.js';
import { registrySource } from '../../src/search/registry-source.js';
import { hasWords, type Source } from '../../src/search/source.js';
import { serve } from '../support/fault-server.js';

const forever = new AbortController().signal;
const source = (name: Source['name'], search: NonNullable<Source['search']>): Source => ({ name, search });
const ask = async (sources: readonly Source[], signal = forever, limitMs = 5000) =>
  await askSources(
    sources,
    (one, bound) => one.search?.(['x'], { limit: 1, signal: bound }),
    signal,
    limitMs,
  );

describe('several sources', () => {
  const good = source('registry', async () => ({
    results: [{ name: 'a', source: 'registry' }],
    note: 'only a',
  }));
  const bad = source('library', () => Promise.reject(new OllamaError('protocol', 'odd')));
  const absent = source('registry', () => Promise.reject(new OllamaError('model_not_found', 'no manifest')));
  const silent = source(
    'huggingface',
    async (_, { signal }) =>
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  );

  it('answer in their order; one that fails or is too slow only says so', async () => {
    const { results, reports } = await ask([silent, bad, good], forever, 20);
    expect(results).toEqual([{ name: 'a', source: 'registry' }]);
    expect(reports.map(({ name, error, note }) => [name, error?.code, note])).toEqual([
      ['huggingface', 'timeout', undefined],
      ['library', 'protocol', undefined],
      ['registry', undefined, 'only a'],
    ]);
    expect(failureOfAll(reports)).toBeUndefined();
  });

  it('fail as one where none answers, as not found only if all say so', async () => {
    expect(failureOfAll((await ask([bad])).reports)).toMatchObject({ code: 'protocol', message: 'odd' });
    expect(failureOfAll((await ask([absent, absent])).reports)).toMatchObject({ code: 'model_not_found' });
    const mixed = failureOfAll((await ask([absent, bad])).reports);
    expect(mixed).toMatchObject({ code: 'registry_unreachable' });
    expect(mixed?.message).toContain('registry: no manifest\nlibrary: odd');
  });

  it('end together when the caller stops, and on a mistake of ours', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new OllamaError('interrupted', 'x')), 10);
    await expect(ask([good, silent], stop.signal)).rejects.toMatchObject({ code: 'interrupted' });
    const broken = source('library', () => Promise.reject(new TypeError('bug')));
    await expect(ask([good, broken])).rejects.toThrow('bug');
  });
});

describe('what a model can do', () => {
  const manifest = (...kinds: string[]): RegistryManifest => ({
    digest: '',
    bytes: Buffer.of(),
    config: undefined,
    layers: kinds.map((kind) => ({ digest: '', size: 0, mediaType: `application/vnd.ollama.image.${kind}` })),
    size: 0,
  });

  it.each([
    [{}, '', ['model'], ['completion']],
    [{}, '{{ range .Tools }}{{ .Prompt }}', ['model', 'template'], ['completion', 'tools']],
    [{}, '{{ .Suffix }}{{ if .Thinking }}', ['model'], ['completion', 'insert', 'thinking']],
    [{}, '{{ .ToolsX }}', ['model', 'projector'], ['completion', 'vision']],
    [{ model_family: 'nomic-bert' }, '', ['model'], ['embedding']],
    [{ capabilities: ['image'] }, '{{ .Tools }}', ['model'], ['image']],
  ])('by %j and the template %j with %j is %j', (config, template, kinds, expected) => {
    expect(readCapabilities(manifest(...kinds), config, template)).toEqual(expected);
  });
});

describe('a registry whose answers are late', () => {
  it.each(['search', 'tags'] as const)('is told by the names that it has: %s', async (question) => {
    const json = (value: object) => ({
      headers: { 'content-type': 'application/json' },
      body: [JSON.stringify(value)],
    });
    const server = await serve(({ url }) => {
      if (url.startsWith('/v2/_catalog')) return json({ repositories: ['library/tiny', 'library/tall'] });
      return url.endsWith('/tags/list') ? json({ tags: ['1b', '2b'] }) : { then: 'stall' };
    });
    const registry = registrySource(openRegistry({ base: server.url }), DEFAULT_REGISTRY);
    const { results, reports } = await askSources(
      [registry],
      (one, signal) =>
        question === 'search'
          ? one.search?.(['t'], { limit: 9, signal })
          : one.tags?.(checkModelName('tiny'), false, { limit: 9, signal }),
      forever,
      1_500,
    );
    expect(results.map(({ name }) => name)).toEqual(
      question === 'search' ? ['tiny', 'tall'] : ['tiny:1b', 'tiny:2b'],
    );
    expect(reports).toMatchObject([
      { error: undefined, note: expect.stringContaining('too slow') as string },
    ]);
    await server.close();
  });
});

describe('recommendations', () => {
  const recommended = async (answer: () => Promise<Recommendation[]>, words: readonly string[], limit = 9) =>
    await recommendations({ recommendations: answer }).search?.(words, { limit, signal: forever });

  it('are the names that a pull takes, with their words, at most so many', async () => {
    const list = [{ model: 'qwen3:8b', description: 'good' }, { model: '\u001b[2J' }, { model: 'qwq' }];
    const qwen = { name: 'qwen3:8b', source: 'recommendations', description: 'good' };
    const answer = async () => await Promise.resolve(list);
    expect(await recommended(answer, [])).toEqual({
      results: [qwen, { name: 'qwq', source: 'recommendations' }],
    });
    expect(await recommended(answer, ['GOOD'])).toEqual({ results: [qwen] });
    expect(await recommended(answer, [], 1)).toEqual({ results: [qwen] });
  });

  it('are none of a server that is too old, and an error of one that fails', async () => {
    const fails = (status: number) => async () =>
      await Promise.reject(new OllamaError('server_error', 'no', { status }));
    expect(await recommended(fails(404), [])).toEqual({ results: [], note: 'this server recommends none' });
    await expect(recommended(fails(500), [])).rejects.toMatchObject({ status: 500 });
  });

  it.each([
    ['Qwen3 coder', ['qwen', 'CODER'], true],
    ['qwen3', ['qwen', 'coder'], false],
    ['anything', [], true],
  ])('%j has the words %j: %s', (text, words, expected) => {
    expect(hasWords(text, words)).toBe(expected);
  });
});

describe('a refusal of Hugging Face', () => {
  it.each([401, 403])('of %i says what it can mean there', (status) => {
    const answer = { status, headers: {}, body: Buffer.of(), url: 'https://hf.co' };
    expect(registryError(answer, { model: 'hf.co/a/b:latest', what: 'manifests/latest' })).toMatchObject({
      code: 'unauthorized',
      status,
      message: expect.stringContaining('private or gated on Hugging Face') as string,
    });
  });
});
