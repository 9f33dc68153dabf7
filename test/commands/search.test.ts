import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { closedPort, serve, type FaultServer, type Handler } from '../support/fault-server.js';
import { ESCAPES, run, schemaErrors, TERMINAL, type Ran } from '../support/run.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (server) => await server.close()));
});

async function start(handler: Handler): Promise<FaultServer> {
  const server = await serve(handler);
  open.push(server);
  return server;
}

interface Document {
  readonly results: readonly Record<string, unknown>[];
  readonly sources: readonly { name: string; ok: boolean; error?: object; note?: string }[];
  readonly total: number;
}

function documentOf({ stdout }: Ran): Document {
  const document = JSON.parse(stdout) as Document;
  expect(schemaErrors('search', document)).toBe('');
  return document;
}

describe('search in a sandbox', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox({ installed: ['qwen3:8b', 'gemma3:1b'] });
    open.push(sandbox);
  });

  it("finds what its registry's catalogue has, with sizes, what it can do, and what is installed", async () => {
    const ran = await run(['search', 'qwen', '--json'], sandbox.url);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const { results, sources, total } = documentOf(ran);
    expect(sources).toEqual([{ name: 'registry', ok: true }]);
    expect(total).toBe(2);
    expect(results[1]).toMatchObject({ name: 'qwen3', source: 'registry', installed: true });
    expect(results[1]?.['sizes']).toHaveLength(2);
    expect(results[1]?.['capabilities']).toContain('tools');
    expect(results[0]).toMatchObject({ name: 'qwen2.5-coder', installed: false });
  });

  it('shows a fitted table in a terminal, a plain one in a pipe, and names with --quiet', async () => {
    const terminal = await run(['search', 'LLAMA', '3'], sandbox.url, {
      ...TERMINAL,
      env: { NO_COLOR: '1' },
    });
    expect(terminal.stdout).toMatch(/^NAME +SIZE +CAN +UPDATED +SOURCE\nllama3\.1 +49 MB +tools/);
    expect(terminal.stdout).toMatch(/2 models from registry\n$/);
    const narrow = await run(['search', 'llama'], sandbox.url, { tty: true, columns: 24 });
    for (const line of narrow.stdout.split('\n'))
      expect(line.replace(/\u001b\[\d+m/g, '').length).toBeLessThanOrEqual(24);
    const piped = await run(['search', 'llama3.2'], sandbox.url);
    expect(piped.stdout).toMatch(
      /^name\tinstalled\tsizes\t.*\nllama3\.2\tfalse\t\d+,\d+\t\tcompletion,tools\t/,
    );
    const quiet = await run(['search', 'llama', '-q', '--sort', 'name'], sandbox.url);
    expect(quiet.stdout).toBe('llama3.1\nllama3.2\ntinyllama\n');
  });

  it('chooses by size and by what a model can do, orders, and cuts', async () => {
    const names = async (...flags: string[]): Promise<string> =>
      (await run(['search', 'a', '-q', ...flags], sandbox.url)).stdout.trim().replaceAll('\n', ' ');
    const all = await names();
    expect(all.split(' ').length).toBeGreaterThan(3);
    expect((await names('--cap', 'vision')).split(' ')).not.toContain('llama3.2');
    expect(await names('--max-size', '1kB')).toBe('');
    const bySize = await names('--sort', 'size');
    expect(bySize).not.toBe(all);
    expect(bySize.split(' ').sort()).toEqual(all.split(' ').sort());
    expect(await names('--sort', 'size', '--limit', '3')).toBe(bySize.split(' ').slice(0, 3).join(' '));
  });

  it('picks fields, and refuses those that there are not', async () => {
    const ran = await run(['search', 'qwen3', '--json', '--fields', 'name'], sandbox.url);
    expect(documentOf(ran).results).toEqual([{ name: 'qwen3' }]);
    const piped = await run(['search', 'qwen3', '--fields', 'installed,name'], sandbox.url);
    expect(piped.stdout).toBe('installed\tname\ntrue\tqwen3\n');
    expect((await run(['search', 'qwen3', '--fields', 'nope'], sandbox.url)).code).toBe(2);
  });

  it('of nothing that there is ends well, and says what may help', async () => {
    const ran = await run(['search', 'zzz'], sandbox.url, { ...TERMINAL, env: { NO_COLOR: '1' } });
    expect(ran).toMatchObject({ code: 0, stdout: 'Nothing for "zzz" from registry\n' });
    expect(ran.stderr).toContain('Fewer words');
  });

  it.each([
    [['--max-size', 'big'], 'no size'],
    [['--sort', 'age'], 'no order "age"'],
    [['--limit', '0'], 'from 1 to 1000'],
    [['--source', 'web'], 'no source "web"'],
    [['--registry', 'https://ann:pw@reg.example'], 'without a password'],
    [['--registry', 'https://reg.example/path'], 'without a path'],
  ])('refuses %j before it asks anybody', async (flags, words) => {
    const ran = await run(['search', 'a', ...flags], sandbox.url);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(words);
    expect(ran.stderr).not.toContain('ann:pw');
    expect(sandbox.requests).toEqual([]);
  });
});

describe('search with a server of the world', () => {
  const json = (value: unknown, status = 200) => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: [JSON.stringify(value)],
  });
  const server: Handler = ({ url }) => {
    if (url === '/api/version') return json({ version: '0.33.0' });
    if (url === '/api/tags') return json({ models: [{ name: 'llama3.2:1b', size: 1 }] });
    if (url.endsWith('model-recommendations')) {
      return json({
        recommendations: [{ model: 'llama3.2', description: 'small' }, { model: '\u001b[31m!' }],
      });
    }
    return json({}, 404);
  };
  const registry: Handler = ({ url }) =>
    url.includes('/manifests/latest') && url.includes('library/llama')
      ? json({ schemaVersion: 2, layers: [{ digest: `sha256:${'1'.repeat(64)}`, size: 1000 }] })
      : json({}, 404);
  const library: Handler = () => ({
    headers: { 'content-type': 'text/html' },
    body: [
      '<li x-test-model><a href="/library/llama3.2"><p>Meta \u001b[2J</p><span x-test-capability>tools</span><span x-test-size>1b</span></a></li>',
      '<li x-test-model><a href="/library/llama-guard"><span x-test-size>70b</span></a></li>',
    ],
  });
  const huggingFace: Handler = () => json([{ id: 'ann/llama-GGUF', pipeline_tag: 'text-generation' }]);

  async function world(more: Partial<Record<'server' | 'registry' | 'library' | 'hf', Handler>> = {}) {
    const places = {
      server: await start(more.server ?? server),
      registry: await start(more.registry ?? registry),
      library: await start(more.library ?? library),
      hf: await start(more.hf ?? huggingFace),
    };
    const env = {
      OLLAMA_CLI_REGISTRY: places.registry.url,
      OLLAMA_CLI_SEARCH__LIBRARY_URL: places.library.url,
      OLLAMA_CLI_SEARCH__HUGGINGFACE_URL: places.hf.url,
      OLLAMA_CLI_RETRY__ATTEMPTS: '1',
    };
    return { ...places, ask: async (...argv: string[]) => await run(argv, places.server.url, { env }), env };
  }

  it('asks all sources, tells a model that several have once, and each that answered', async () => {
    const { ask, hf, library: pages } = await world();
    const ran = await ask('search', 'llama3.2', '--json');
    const { results, sources } = documentOf(ran);
    expect(sources.map(({ name, ok }) => [name, ok])).toEqual([
      ['recommendations', true],
      ['registry', true],
      ['library', true],
      ['huggingface', true],
    ]);
    expect(sources[1]?.note).toContain('has no catalogue');
    expect(results).toEqual([
      {
        name: 'llama3.2',
        source: 'recommendations',
        installed: true,
        description: 'small',
        sizes: [1000],
        parameter_sizes: ['1b'],
        capabilities: ['completion'],
      },
      { name: 'llama-guard', source: 'library', installed: false, parameter_sizes: ['70b'] },
      { name: 'hf.co/ann/llama-GGUF', source: 'huggingface', installed: false, capabilities: ['completion'] },
    ]);
    expect(hf.requests[0]?.url).toMatch(/^\/api\/models\?search=llama3\.2&filter=gguf&/);
    expect(pages.requests[0]?.url).toBe('/search?q=llama3.2');
    expect(hf.requests[0]?.headers.authorization).toBeUndefined();
  });

  it("asks for the server's recommendations as for all else of it: with its headers, told by --debug", async () => {
    const { ask, server: asked } = await world();
    const ran = await ask('search', 'llama3.2', '--source', 'recommendations', '--debug');
    expect(ran.stdout).toContain('llama3.2');
    expect(ran.stderr).toMatch(/debug: GET \S+\/model-recommendations try 1: 200/);
    const request = asked.requests.find(({ url }) => url.endsWith('model-recommendations'));
    expect(request?.headers['user-agent']).toBe('ollama-cli');
  });

  it('cuts what a terminal has no room for: of descriptions the end, of lines between words', async () => {
    const page = `<li x-test-model><a href="/library/llama3.2"><p>${'long '.repeat(60)}</p></a></li>`;
    const { server: asked, env } = await world({
      library: () => ({ headers: { 'content-type': 'text/html' }, body: [page] }),
    });
    const search = async (columns: number) =>
      await run(['search', 'llama3.2', '--source', 'library', '--source', 'registry'], asked.url, {
        ...TERMINAL,
        columns,
        env: { ...env, NO_COLOR: '1' },
      });
    const wide = await search(100);
    expect(wide.stdout).toMatch(
      /SOURCE +DESCRIPTION\nllama3\.2 .* long long.*…\n\n1 model from registry, library\n$/,
    );
    const narrow = await search(29);
    expect(narrow.stdout).toMatch(/\n1 model from registry,\nlibrary\n$/);
    expect(narrow.stderr).toMatch(/catalogue; only the exact\nname was looked up\n/);
  });

  it('leaves out what fails and says so, on stderr and in the document', async () => {
    const { ask } = await world({
      library: () => ({ headers: { 'content-type': 'text/html' }, body: ['<h1>New \u001b[31m layout</h1>'] }),
      hf: () => json({}, 500),
    });
    const ran = await ask('search', 'llama3.2', '--json');
    expect(ran.code).toBe(0);
    const { sources, results } = documentOf(ran);
    expect(results).toHaveLength(1);
    expect(sources.map(({ ok }) => ok)).toEqual([true, true, false, false]);
    expect(sources[2]?.error).toMatchObject({
      code: 'protocol',
      message: expect.stringContaining('layout') as string,
    });
    const plain = await ask('search', 'llama3.2');
    expect(plain.stderr).toMatch(/library: no answer: .*another layout/);
    expect(plain.stderr).toMatch(/huggingface: no answer: .*500/);
    expect(plain.stderr + plain.stdout).not.toMatch(ESCAPES);
  });

  it('fails only where none of them answers', async () => {
    const broken: Handler = () => json({}, 500);
    const { ask } = await world({ server: broken, registry: broken, library: broken, hf: broken });
    const ran = await ask('search', 'llama', '--json');
    expect(ran).toMatchObject({ code: 6, stdout: '' });
    const { error } = JSON.parse(ran.stderr.split('\n').find((line) => line.startsWith('{')) ?? '') as {
      error: { code: string; message: string };
    };
    expect(error.code).toBe('registry_unreachable');
    for (const name of ['recommendations', 'registry', 'library', 'huggingface']) {
      expect(error.message).toContain(`${name}: `);
    }
  });

  it('asks only the sources that are named, and a named registry alone', async () => {
    const { ask, hf, library: pages, registry: own } = await world();
    const one = await ask('search', 'llama', '--json', '--source', 'huggingface');
    expect(documentOf(one).sources).toEqual([{ name: 'huggingface', ok: true }]);
    expect([pages.requests.length, own.requests.length]).toEqual([0, 0]);
    const count = hf.requests.length;
    const named = await ask('search', 'llama', '--json', '--registry', own.url);
    expect(documentOf(named).sources).toMatchObject([{ name: 'registry', ok: true }]);
    expect(hf.requests.length).toBe(count);
  });

  it('finds without a server too, and does not claim to know what is installed', async () => {
    const { env } = await world();
    const host = `http://127.0.0.1:${await closedPort()}`;
    const ran = await run(['search', 'llama', '--json', '--source', 'huggingface'], host, { env });
    expect(ran.code).toBe(0);
    expect(documentOf(ran).results[0]?.['installed']).toBeNull();
    expect(ran.stderr).toContain('what is installed is not known');
  });

  it('says how many it left out for want of a size', async () => {
    const { ask } = await world();
    const ran = await ask(
      'search',
      'llama',
      '--max-size',
      '8GB',
      '--source',
      'library',
      '--source',
      'huggingface',
    );
    expect(
      ran.stdout
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split('\t')[0]),
    ).toEqual(['llama3.2']);
    expect(ran.stderr).toContain('1 of unknown size is left out');
  });

  it('ends at once when it is stopped', async () => {
    const { server: stalled, env } = await world({ hf: () => ({ body: ['['], then: 'stall' }) });
    const { main } = await import('../../src/main.js');
    const { testIo } = await import('../support/io.js');
    const test = testIo({ env: { ...env, OLLAMA_HOST: stalled.url } });
    setTimeout(() => test.abort(), 200);
    expect(await main(['search', 'llama', '--json'], test.io)).toBe(130);
  });
});
