import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkModelName } from '../../src/core/model-name.js';
import { isPrivate } from '../../src/core/registry-address.js';
import { allBlobs, openRegistry, type RegistryOptions } from '../../src/core/registry.js';
import { closedPort, serve, type FaultServer, type Handler, type Script } from '../support/fault-server.js';
import { bodyOf, readRecording, startLab } from '../sandbox/lab.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (server) => await server.close()));
});

const JSON_TYPE = { 'content-type': 'application/json' };
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const CONFIG = JSON.stringify({
  model_format: 'gguf',
  file_type: 'Q4_0',
  model_type: '1B',
  capabilities: [1],
});
const LAYER = { mediaType: 'application/vnd.ollama.image.model', digest: digestOf('weights'), size: 7 };
const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  config: { mediaType: 'x', digest: digestOf(CONFIG), size: CONFIG.length },
  layers: [LAYER, LAYER],
});
const NAME = checkModelName('acme/tiny:1b');
const QUICK: RegistryOptions = { retry: { attempts: 2, delay: 1, max_delay: 10 } };

async function start(answer: Script | Handler): Promise<FaultServer> {
  const server = await serve(answer);
  open.push(server);
  return server;
}

async function against(answer: Script | Handler, options: RegistryOptions = {}) {
  const server = await start(answer);
  return { server, registry: openRegistry({ base: server.url, ...QUICK, ...options }) };
}

const json = (value: unknown, more: Script = {}): Script => ({
  headers: JSON_TYPE,
  body: [typeof value === 'string' ? value : JSON.stringify(value)],
  ...more,
});

describe('a manifest', () => {
  it('has the digest of its exact bytes, its layers, and the size of each digest once', async () => {
    const { registry, server } = await against({
      headers: { ...JSON_TYPE, 'ollama-push-time': '1700000000' },
      body: [MANIFEST],
    });
    const manifest = await registry.manifest(NAME);
    expect(manifest).toMatchObject({
      digest: digestOf(MANIFEST),
      layers: [LAYER, LAYER],
      config: { digest: digestOf(CONFIG) },
      size: LAYER.size + CONFIG.length,
      pushedAt: 1_700_000_000_000,
    });
    expect(manifest.bytes.toString()).toBe(MANIFEST);
    expect(allBlobs(manifest).map(({ digest }) => digest)).toEqual([LAYER.digest, digestOf(CONFIG)]);
    expect(server.requests[0]).toMatchObject({ method: 'GET', url: '/v2/acme/tiny/manifests/1b' });
    expect(server.requests[0]?.headers.accept).toContain(
      'application/vnd.docker.distribution.manifest.v2+json',
    );
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('is read as a real registry sends it', async () => {
    const recorded = bodyOf(readRecording('registry', 'manifest'));
    const { registry } = await against(json(recorded));
    const manifest = await registry.manifest(NAME);
    expect(manifest.digest).toBe(digestOf(recorded));
    expect(manifest.layers).toHaveLength(6);
    expect(manifest.config).toMatchObject({ size: 640 });
  });

  it('of a cloud model is asked for by the tag that says so', async () => {
    const { registry, server } = await against(json({ schemaVersion: 2, config: {}, layers: null }));
    expect(await registry.manifest(checkModelName('gpt-oss:20b-cloud'))).toMatchObject({
      layers: [],
      config: undefined,
      size: 0,
    });
    expect(server.requests[0]?.url).toBe('/v2/library/gpt-oss/manifests/20b-cloud');
  });

  it.each([
    ['no JSON', '<html>hello', 'is no JSON'],
    ['no object', '[1]', 'is no JSON object'],
    ['another version', '{"schemaVersion":1}', 'is of a version'],
    ['a list of manifests', '{"schemaVersion":2,"manifests":[]}', 'is a list of manifests'],
    ['layers that are none', '{"schemaVersion":2,"layers":{}}', 'has no list of layers'],
    ['a layer without a digest', '{"schemaVersion":2,"layers":[{"size":1}]}', 'has a layer without'],
    [
      'a digest that leaves its folder',
      '{"schemaVersion":2,"layers":[{"digest":"sha256:../..","size":1}]}',
      'has a layer',
    ],
    [
      'a negative size',
      `{"schemaVersion":2,"layers":[{"digest":"${LAYER.digest}","size":-1}]}`,
      'has a layer',
    ],
    [
      'a size past all numbers',
      `{"schemaVersion":2,"layers":[{"digest":"${LAYER.digest}","size":1e300}]}`,
      'has a layer',
    ],
    ['a wrong config', '{"schemaVersion":2,"config":{"digest":"x"},"layers":[]}', 'has a config without'],
  ])('that is %s is refused as no registry', async (_, body, words) => {
    const { registry } = await against({ headers: JSON_TYPE, body: [body] });
    await expect(registry.manifest(NAME)).rejects.toMatchObject({
      code: 'protocol',
      message: expect.stringContaining(words) as string,
      model: 'acme/tiny:1b',
    });
  });

  it('is read no further than four megabytes, however long it would go on', async () => {
    const megabyte = ' '.repeat(1024 * 1024);
    const { registry, server } = await against((_, response) => {
      response.writeHead(200, JSON_TYPE);
      const more = (): void => {
        if (!response.destroyed) response.write(megabyte, () => setImmediate(more));
      };
      more();
      return undefined;
    });
    await expect(registry.manifest(NAME)).rejects.toMatchObject({
      code: 'protocol',
      message: expect.stringContaining('longer than any can be') as string,
    });
    expect(await server.requests[0]?.finished).toBe(false);
  });

  it('that does not come in time is given up', async () => {
    const { registry } = await against({ body: ['{'], then: 'stall' }, { timeouts: { response: 50 } });
    await expect(registry.manifest(NAME)).rejects.toMatchObject({
      code: 'registry_unreachable',
      message: expect.stringContaining('no answer within 0.05 s') as string,
    });
  });

  it('is let go of when the caller stops', async () => {
    const { registry } = await against({ body: ['{'], then: 'stall' });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    await expect(registry.manifest(NAME, { signal: stop.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });
});

describe('a refusal', () => {
  it.each([
    [404, 'model_not_found', /has no manifest of acme\/tiny:1b/],
    [401, 'unauthorized', /refuses acme\/tiny:1b \(401: nope\)/],
    [403, 'unauthorized', /\(403/],
    [412, 'server_error', /412: nope/],
    [429, 'server_error', /too many requests/],
    [500, 'registry_unreachable', /fails \(500: nope\)/],
    [503, 'registry_unreachable', /fails \(503/],
  ])('of %i is %s, with the registry, the model and its words', async (status, code, message) => {
    const { registry, server } = await against(
      json({ errors: [{ code: 'X', message: 'nope' }] }, { status }),
    );
    await expect(registry.manifest(NAME)).rejects.toMatchObject({
      code,
      status,
      message: expect.stringMatching(message) as string,
      host: server.url,
      model: 'acme/tiny:1b',
    });
    expect(server.requests).toHaveLength(status === 429 || status >= 500 ? 2 : 1);
  });

  it('that passes is waited out as long as the registry says', async () => {
    let count = 0;
    const { registry } = await against(() =>
      count++ === 0 ? { status: 429, headers: { 'retry-after': '0' } } : json(MANIFEST),
    );
    expect((await registry.manifest(NAME)).digest).toBe(digestOf(MANIFEST));
    const { registry: patient, server } = await against({ status: 503, headers: { 'retry-after': '3600' } });
    await expect(patient.manifest(NAME)).rejects.toMatchObject({ status: 503 });
    expect(server.requests).toHaveLength(1);
  });

  it('by nobody is an unreachable registry', async () => {
    const registry = openRegistry({ ...QUICK, base: `http://127.0.0.1:${await closedPort()}` });
    await expect(registry.manifest(NAME)).rejects.toMatchObject({
      code: 'registry_unreachable',
      message: expect.stringContaining('refused') as string,
    });
  });

  it('asks again after a cut connection', async () => {
    let count = 0;
    const { registry } = await against(() =>
      count++ === 0 ? { body: ['{'], then: 'reset' } : json(MANIFEST),
    );
    expect((await registry.manifest(NAME)).digest).toBe(digestOf(MANIFEST));
  });
});

describe('a digest', () => {
  const told = { 'ollama-content-digest': 'a'.repeat(64), 'ollama-push-time': '1' };

  it.each([
    [
      'a time that no date can tell',
      { ...told, 'ollama-push-time': '9007199254740991' },
      { digest: `sha256:${'a'.repeat(64)}` },
    ],
    ["Ollama's header", told, { digest: `sha256:${'a'.repeat(64)}`, pushedAt: 1000 }],
    ["docker's header", { 'docker-content-digest': LAYER.digest }, { digest: LAYER.digest }],
  ])('is read from %s, without a body', async (_, headers, expected) => {
    const { registry, server } = await against({ headers });
    expect(await registry.digest(NAME)).toEqual(expected);
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it.each([
    ['none is told', { headers: JSON_TYPE }],
    ['it is none', { headers: { 'docker-content-digest': 'sha256:xyz' } }],
    ['HEAD is not known', { status: 405, headers: JSON_TYPE }],
  ])('is counted from the bytes where %s', async (_, head) => {
    const { registry } = await against(({ method }) => (method === 'HEAD' ? head : json(MANIFEST)));
    expect(await registry.digest(NAME)).toEqual({ digest: digestOf(MANIFEST) });
  });

  it('of what is not there is not asked for twice', async () => {
    const { registry, server } = await against({ status: 404, headers: JSON_TYPE });
    await expect(registry.digest(NAME)).rejects.toMatchObject({ code: 'model_not_found' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('a blob', () => {
  const serveBlobs: Handler = ({ url, headers }) => {
    if (url.includes('/manifests/')) return json(MANIFEST);
    if (url.startsWith('/v2/')) return { status: 307, headers: { location: `/store${url}` } };
    return { status: headers.range === undefined ? 200 : 206, headers: {}, body: [CONFIG] };
  };

  it('is fetched from where the registry sends, and the config is what it is called', async () => {
    const { registry } = await against(serveBlobs);
    const manifest = await registry.manifest(NAME);
    expect(await registry.config(NAME, manifest)).toEqual({
      model_format: 'gguf',
      file_type: 'Q4_0',
      model_type: '1B',
    });
  });

  it('is read from its start only, also where the registry would send all of it', async () => {
    const { registry, server } = await against(serveBlobs);
    expect((await registry.blobStart(NAME, LAYER.digest, 5)).toString()).toBe(CONFIG.slice(0, 5));
    expect(server.requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-4', 'bytes=0-4']);
  });

  it('with another content than its digest says is refused', async () => {
    const { registry } = await against(({ url }) =>
      url.includes('/manifests/') ? json(MANIFEST) : { headers: {}, body: ['{}'] },
    );
    const manifest = await registry.manifest(NAME);
    await expect(registry.config(NAME, manifest)).rejects.toMatchObject({ code: 'protocol' });
  });

  it.each([
    ['in a circle', '/v2/x', /more than 5 times/],
    ['to a file', 'file:///etc/passwd', /not on the web/],
    ['nowhere', 'http://[', /is no address/],
  ])('that is sent %s is not followed', async (_, location, message) => {
    const { registry } = await against({ status: 302, headers: { location } });
    await expect(registry.blobStart(NAME, LAYER.digest, 1)).rejects.toMatchObject({
      code: 'protocol',
      message: expect.stringMatching(message) as string,
    });
  });

  it('that leads from the internet into a private network is not followed', async () => {
    let location = '';
    // As a proxy it answers for every address.
    const proxy = await start(({ url }) =>
      url.includes('/v2/') ? { status: 307, headers: { location } } : { headers: {}, body: ['abc'] },
    );
    const registry = openRegistry({ ...QUICK, base: 'http://203.0.113.5', env: { HTTP_PROXY: proxy.url } });
    for (location of [
      'http://10.0.0.1/x',
      'http://localhost/x',
      'http://[::1]:80/x',
      'http://169.254.169.254/',
    ]) {
      await expect(registry.blobStart(NAME, LAYER.digest, 3)).rejects.toMatchObject({
        code: 'protocol',
        message: expect.stringContaining('private address') as string,
      });
    }
    location = 'http://198.51.100.7/x';
    expect((await registry.blobStart(NAME, LAYER.digest, 3)).toString()).toBe('abc');
    expect(proxy.requests.filter(({ url }) => !url.includes('/v2/'))).toHaveLength(1);
  });

  it('is never asked for with a token at another place', async () => {
    const store = await start({ headers: {}, body: ['abc'] });
    const { registry, server } = await against(({ url, headers }) => {
      if (url.startsWith('/token')) return json({ token: 'secret' });
      if (headers.authorization === undefined) return challenge(server.url);
      return { status: 307, headers: { location: `${store.url}/x` } };
    });
    expect((await registry.blobStart(NAME, LAYER.digest, 3)).toString()).toBe('abc');
    expect(store.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('is asked for with the token at another path of the registry', async () => {
    const { registry, server } = await against(({ url, headers }) => {
      if (url.startsWith('/token')) return json({ token: 'secret' });
      if (headers.authorization === undefined) return challenge(server.url);
      return url === '/moved' ? json('abc') : { status: 307, headers: { location: '/moved' } };
    });
    expect((await registry.blobStart(NAME, LAYER.digest, 3)).toString()).toBe('abc');
  });
});

function challenge(realm: string): Script {
  const header = `Bearer realm="${realm}/token",service="reg",scope="repository:acme/tiny:pull"`;
  return { status: 401, headers: { 'www-authenticate': header } };
}

describe('a token', () => {
  it('is fetched without a name where the registry asks for one, and used again', async () => {
    const { registry, server } = await against(({ url, headers }) => {
      if (url.startsWith('/token')) return json({ token: 'abc' });
      return headers.authorization === 'Bearer abc' ? json(MANIFEST) : challenge(server.url);
    });
    await registry.manifest(NAME);
    await registry.manifest(NAME);
    expect(server.requests.map(({ url }) => url)).toEqual([
      '/v2/acme/tiny/manifests/1b',
      '/token?service=reg&scope=repository%3Aacme%2Ftiny%3Apull',
      '/v2/acme/tiny/manifests/1b',
      '/v2/acme/tiny/manifests/1b',
    ]);
  });

  it('is never asked for at another host', async () => {
    const other = await start(json({ token: 'abc' }));
    const { registry } = await against(challenge(other.url));
    await expect(registry.manifest(NAME)).rejects.toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('another host') as string,
    });
    expect(other.requests).toEqual([]);
  });

  it.each([
    ['is refused', { status: 403, headers: JSON_TYPE }],
    ['is no JSON', json('nope')],
    ['would begin another header', json({ token: 'a\r\nx: y' })],
  ])('that %s leaves the first refusal', async (_, answer) => {
    const { registry, server } = await against(({ url }) =>
      url.startsWith('/token') ? answer : challenge(server.url),
    );
    await expect(registry.manifest(NAME)).rejects.toMatchObject({ code: 'unauthorized', status: 401 });
  });

  it('that does not help is asked for once', async () => {
    const { registry, server } = await against(({ url }) =>
      url.startsWith('/token') ? json({ access_token: 'abc' }) : challenge(server.url),
    );
    await expect(registry.manifest(NAME)).rejects.toMatchObject({ code: 'unauthorized' });
    expect(server.requests).toHaveLength(3);
  });
});

describe('a list', () => {
  it('is read page by page, as far as the registry links', async () => {
    const { registry, server } = await against(({ url }) =>
      url.includes('last=')
        ? json({ tags: ['2', '1'] })
        : json({ tags: ['1'] }, { headers: { link: '</v2/acme/tiny/tags/list?last=1&n=1>; rel="next"' } }),
    );
    expect(await registry.tags(NAME)).toEqual(['1', '2']);
    expect(server.requests.map(({ url }) => url)).toEqual([
      '/v2/acme/tiny/tags/list',
      '/v2/acme/tiny/tags/list?last=1&n=1',
    ]);
  });

  it('is read as a real registry sends it', async () => {
    const { registry } = await against(({ url }) =>
      json(bodyOf(readRecording('registry', url.includes('_catalog') ? 'catalog' : 'tags-list'))),
    );
    expect(await registry.catalog('registry.ollama.ai')).toEqual(['acme/tiny']);
    expect(await registry.tags(NAME)).toEqual(['latest']);
  });

  it.each([
    ['in a circle', '</v2/_catalog>; rel="next"', /circle/],
    ['to another host', '<http://127.0.0.1:1/v2/_catalog>; rel="next"', /another host/],
  ])('that leads %s is refused', async (_, link, message) => {
    const { registry } = await against(json({ repositories: ['a/b'] }, { headers: { link } }));
    await expect(registry.catalog('registry.ollama.ai')).rejects.toMatchObject({
      code: 'protocol',
      message: expect.stringMatching(message) as string,
    });
  });

  it('that goes on for ever is given up', async () => {
    let page = 0;
    const { registry } = await against(() => {
      page++;
      const link = `</v2/_catalog?last=${page}>; rel="next"`;
      return json(
        { repositories: Array.from({ length: 5000 }, (_, i) => `a/${page}-${i}`) },
        { headers: { link } },
      );
    });
    await expect(registry.catalog('registry.ollama.ai')).rejects.toMatchObject({
      message: expect.stringContaining('has no end') as string,
    });
    expect(page).toBe(21);
  });

  it('keeps no name that a terminal or a path could mistake for something else', async () => {
    const { registry } = await against(
      json({
        repositories: ['ok/a', 'a\u001b[31m/b', '../../etc', 'a/../b', '', 5, null, 'x y/z', 'a'.repeat(300)],
      }),
    );
    expect(await registry.catalog('registry.ollama.ai')).toEqual(['ok/a']);
  });

  it('of null is an empty one, of something else no list', async () => {
    const { registry } = await against(json({ tags: null, repositories: 'x' }));
    expect(await registry.tags(NAME)).toEqual([]);
    await expect(registry.catalog('registry.ollama.ai')).rejects.toMatchObject({ code: 'protocol' });
  });

  it('of a model that is not there says so', async () => {
    const missing = readRecording('registry', 'tags-list-missing');
    const { registry } = await against(json(bodyOf(missing), { status: missing.response.status }));
    await expect(registry.tags(NAME)).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining('manifest') as string,
    });
  });
});

describe('a private address', () => {
  it.each([
    ...['127.0.0.1', '10.1.2.3', '172.31.255.255', '192.168.0.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'],
    ...['::1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1', 'localhost', 'x.localhost'],
  ])('is %s', async (address) => {
    expect(await isPrivate(address)).toBe(true);
  });

  it.each(['8.8.8.8', '172.32.0.1', '192.169.0.1', '2606:4700::1', '::ffff:8.8.8.8'])(
    'is not %s',
    async (address) => {
      expect(await isPrivate(address)).toBe(false);
    },
  );
});

describe('many questions', () => {
  it('are sent at most 50 at once, and may share a signal', async () => {
    let now = 0;
    let most = 0;
    const { registry } = await against(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 20));
      now--;
      return { headers: { 'docker-content-digest': LAYER.digest } };
    });
    const names = Array.from({ length: 100 }, (_, i) => checkModelName(`m${i}`));
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    process.on('warning', (warning) => warnings.push(warning));
    await Promise.all(names.map(async (name) => await registry.digest(name, { signal })));
    expect(most).toBe(50);
    expect(warnings).toEqual([]);
    process.removeAllListeners('warning');
  });
});

describe('the registry of a name', () => {
  it('is the one on this machine that the name has, without TLS where it speaks none', async () => {
    const server = await start(json(MANIFEST));
    const registry = openRegistry(QUICK);
    const name = checkModelName(`127.0.0.1:${server.port}/acme/tiny`);
    expect((await registry.manifest(name)).digest).toBe(digestOf(MANIFEST));
  });

  it('is the one that stands in for all others, but not for one on this machine', async () => {
    const other = await start(json(MANIFEST));
    const { registry, server } = await against({ status: 404, headers: JSON_TYPE }, { standIn: true });
    await expect(registry.manifest(checkModelName('hf.co/a/b:Q4'))).rejects.toMatchObject({ status: 404 });
    await expect(registry.manifest(checkModelName('reg.example:5000/a/b'))).rejects.toMatchObject({
      status: 404,
    });
    await registry.manifest(checkModelName(`localhost:${other.port}/a/b`));
    expect(server.requests.map(({ url }) => url)).toEqual([
      '/v2/a/b/manifests/Q4',
      '/v2/a/b/manifests/latest',
    ]);
    expect(registry.address('hf.co')).toBe(server.url);
    expect(openRegistry({ base: server.url }).address('huggingface.co')).toBe('https://hf.co');
    expect(openRegistry().address('registry.ollama.ai')).toBe('https://registry.ollama.ai');
  });

  it('is asked with TLS where it speaks it, and never sends to where there is none', async () => {
    const read = (file: string): string =>
      readFileSync(new URL(`../fixtures/tls/${file}`, import.meta.url), 'utf8');
    const secure = createServer(
      { key: read('server-key.pem'), cert: read('server.pem') },
      (request, response) => {
        if (request.url?.includes('/blobs/'))
          response.writeHead(307, { location: 'http://127.0.0.1:1/x' }).end();
        else response.end(MANIFEST);
      },
    );
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    open.push({ close: async () => await new Promise((resolve) => secure.close(() => resolve())) });
    const { port } = secure.address() as AddressInfo;
    const name = checkModelName(`localhost:${port}/acme/tiny`);
    const registry = openRegistry({ ...QUICK, ca: [read('ca.pem')] });
    expect((await registry.manifest(name)).digest).toBe(digestOf(MANIFEST));
    expect(registry.address(name.host)).toBe(`https://localhost:${port}`);
    await expect(registry.blobStart(name, LAYER.digest, 1)).rejects.toMatchObject({
      message: expect.stringContaining('which has no TLS') as string,
    });
    await expect(openRegistry(QUICK).manifest(name)).rejects.toMatchObject({
      code: 'registry_unreachable',
      message: expect.stringContaining('TLS failed') as string,
    });
    secure.closeAllConnections();
  });

  it('below a path is asked there', async () => {
    const server = await start(json(MANIFEST));
    await openRegistry({ ...QUICK, base: `${server.url}/mirror` }).manifest(NAME);
    expect(server.requests[0]?.url).toBe('/mirror/v2/acme/tiny/manifests/1b');
  });

  it('takes no password', () => {
    const registry = openRegistry({ base: 'https://ann:pw@reg.example' });
    expect(() => registry.address('registry.ollama.ai')).toThrow(/password/);
  });

  it('answers from the sandbox as from any other', async () => {
    const lab = await startLab();
    open.push(lab.sandbox);
    const registry = openRegistry({ base: lab.sandbox.url, standIn: true });
    const name = checkModelName('registry.example:5000/acme/tiny');
    const manifest = await registry.manifest(name);
    expect(await registry.digest(name)).toMatchObject({ digest: manifest.digest });
    expect(await registry.config(name, manifest)).toMatchObject({ file_type: 'Q4_K_M' });
    const [weights] = manifest.layers;
    expect((await registry.blobStart(name, weights?.digest ?? '', 4)).toString()).toBe('GGUF');
    expect(await registry.catalog('registry.ollama.ai')).toContain('library/llama3.2');
  });
});
