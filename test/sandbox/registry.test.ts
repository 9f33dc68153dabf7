import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { Lab, Recording } from './lab.js';
import { bodyOf, readRecording, RECORDINGS, startLab } from './lab.js';
import { outline, shapeOf } from './shape.js';

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

let lab: Lab;
afterEach(() => lab.sandbox.close());

// The path of each recording, with the sandbox's own digests; what must be equal is compared below.
const ROWS: Readonly<Record<string, { readonly range?: string; readonly sameLength?: true }>> = {
  'blob-head-missing': { sameLength: true },
  'blob-head': {},
  'blob-range': { range: 'bytes=0-15' },
  catalog: {},
  'manifest-head': {},
  'manifest-missing': {},
  manifest: {},
  'registry-root': {},
  'tags-list-missing': {},
  'tags-list': {},
};

const recorded = JSON.parse(bodyOf(readRecording('registry', 'manifest'))) as Manifest;

async function manifestOf(path: string): Promise<{ bytes: Buffer; manifest: Manifest; headers: Headers }> {
  const response = await lab.send('GET', path);
  const bytes = Buffer.from(await response.arrayBuffer());
  return { bytes, manifest: JSON.parse(bytes.toString()) as Manifest, headers: response.headers };
}

function translate(text: string, ours: Manifest): string {
  const pairs = [recorded.config, ...recorded.layers].map((layer, index) => {
    const mine = [ours.config, ...ours.layers][index];
    return [layer.digest, mine?.digest ?? ''] as const;
  });
  return pairs.reduce((all, [from, to]) => all.replace(from, to), text.replace('/lab/', '/acme/'));
}

describe('the registry answers as recorded', () => {
  test.each(readdirSync(new URL('registry', RECORDINGS)).map((file) => file.replace(/\.json$/, '')))(
    '%s',
    async (label) => {
      lab = await startLab();
      const row = ROWS[label];
      if (row === undefined) throw new Error(`no row says how the sandbox comes to show registry/${label}`);
      const { request, response }: Recording = readRecording('registry', label);
      const { manifest } = await manifestOf('/v2/acme/tiny/manifests/latest');
      const actual = await fetch(lab.sandbox.url + translate(request.path, manifest), {
        method: request.method,
        headers: {
          ...(request.accept === undefined ? {} : { accept: request.accept }),
          ...(row.range === undefined ? {} : { range: row.range }),
        },
      });
      expect(actual.status).toBe(response.status);
      expect(actual.headers.get('content-type')).toBe(response.type);
      const expectHeader = (name: string, value: string): void => {
        const digits = (text: string): string => text.replace(/\d+/g, 'N');
        const given = actual.headers.get(name) ?? 'none';
        if (name === 'content-length' && row.sameLength !== true) expect(digits(given)).toBe(digits(value));
        else if (name === 'docker-content-digest') expect(given).toMatch(/^sha256:[0-9a-f]{64}$/);
        else if (name === 'content-range')
          expect(given.replace(/\d+$/, 'N')).toBe(value.replace(/\d+$/, 'N'));
        else expect(given).toBe(value);
      };
      for (const [name, value] of Object.entries(response.headers ?? {})) expectHeader(name, value);
      const text = await actual.text();
      if (response.type === 'application/octet-stream') {
        expect(text).toBe(bodyOf(readRecording('registry', label)));
        return;
      }
      const wanted = bodyOf(readRecording('registry', label));
      expect(text.endsWith('\n')).toBe(wanted.endsWith('\n'));
      if (wanted === '') expect(text).toBe('');
      else if (response.status === 404) expect(JSON.parse(text)).toEqual(JSON.parse(wanted));
      else expect(withoutOrigin(JSON.parse(text))).toEqual(withoutOrigin(JSON.parse(wanted)));
    },
  );
});

// A layer says `from` only where it came from another model.
function withoutOrigin(value: unknown): unknown {
  const text = JSON.stringify(value, (key, inner: unknown) => (key === 'from' ? undefined : inner));
  const clean: unknown = JSON.parse(text);
  return outline(shapeOf(clean), new Map());
}

test('the digest in the list of models is that of the manifest in the registry', async () => {
  lab = await startLab({ installed: ['all-minilm'] });
  const tags = (await (await lab.send('GET', '/api/tags')).json()) as { models: { digest: string }[] };
  const { bytes, headers } = await manifestOf('/v2/library/all-minilm/manifests/latest');
  const digest = createHash('sha256').update(bytes).digest('hex');
  expect(tags.models[0]?.digest).toBe(digest);
  expect(headers.get('docker-content-digest')).toBe(`sha256:${digest}`);
  expect(headers.get('ollama-content-digest')).toBe(digest);
  expect(Number(headers.get('ollama-push-time'))).toBeGreaterThan(1_600_000_000);
});

test('a layer is served by another place, with its own digest', async () => {
  lab = await startLab();
  const { manifest } = await manifestOf('/v2/library/all-minilm/manifests/latest');
  const [layer] = manifest.layers;
  const path = `/v2/library/all-minilm/blobs/${layer?.digest ?? ''}`;
  const first = await fetch(lab.sandbox.url + path, { redirect: 'manual' });
  expect(first.status).toBe(307);
  const location = first.headers.get('location') ?? '';
  const bytes = Buffer.from(await (await lab.send('GET', location)).arrayBuffer());
  expect(bytes.length).toBe(layer?.size);
  expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(layer?.digest);
  const from = await fetch(lab.sandbox.url + location, { headers: { range: 'bytes=1000-' } });
  expect(Buffer.from(await from.arrayBuffer()).equals(bytes.subarray(1000))).toBe(true);
  const beyond = await fetch(lab.sandbox.url + location, {
    headers: { range: `bytes=${String(bytes.length)}-` },
  });
  expect(beyond.status).toBe(416);
});

test('a manifest can be asked for by its digest', async () => {
  lab = await startLab();
  const byTag = await manifestOf('/v2/library/all-minilm/manifests/22m');
  const digest = byTag.headers.get('docker-content-digest') ?? '';
  const byDigest = await manifestOf(`/v2/library/all-minilm/manifests/${digest}`);
  expect(byDigest.bytes.equals(byTag.bytes)).toBe(true);
});

test('one sandbox pulls from another over HTTP', async () => {
  lab = await startLab();
  const registry = await startLab({ scale: 0.002 });
  try {
    const host = `127.0.0.1:${String(registry.sandbox.port)}`;
    const events = await lab.events('/api/pull', { model: `${host}/acme/tiny`, insecure: true });
    expect(events.at(-1)).toEqual({ status: 'success' });
    const shown = await lab.send('POST', '/api/show', { model: `${host}/acme/tiny` });
    expect(((await shown.json()) as { details: { family: string } }).details.family).toBe('gemma3');
    const missing = await lab.events('/api/pull', { model: `${host}/acme/none`, insecure: true });
    expect(missing.at(-1)).toEqual({ error: 'pull model manifest: file does not exist' });
    for (const [fault, error] of [
      ['registry-500', /^pull model manifest: 500: /],
      ['registry-401', /^pull model manifest: 401: /],
      ['retry-after', /^pull model manifest: 429: /],
      ['registry-garbage', /^pull model manifest: invalid character '<'/],
      ['registry-huge', /^pull model manifest: unexpected EOF$/],
    ] as const) {
      registry.fault(fault);
      const events = await lab.events('/api/pull', { model: `${host}/acme/other`, insecure: true });
      expect(events.at(-1)?.['error']).toMatch(error);
    }
  } finally {
    await registry.sandbox.close();
  }
});

test('what is pushed can be pulled by its name, also after it was removed here', async () => {
  lab = await startLab({ installed: ['all-minilm'] });
  await lab.send('POST', '/api/copy', { source: 'all-minilm', destination: 'me/mine' });
  const pushed = await lab.events('/api/push', { model: 'me/mine' });
  expect(pushed.at(-1)).toEqual({ status: 'success' });
  await lab.send('DELETE', '/api/delete', { model: 'me/mine' });
  await lab.send('DELETE', '/api/delete', { model: 'all-minilm' });
  const pulled = await lab.events('/api/pull', { model: 'me/mine' });
  expect(pulled.at(-1)).toEqual({ status: 'success' });
});

describe('what goes wrong on the way of a layer, and how slow it is', () => {
  async function weights(options: { readonly rate?: number } = {}): Promise<{ url: string; digest: string }> {
    lab = await startLab(options);
    const { manifest } = await manifestOf('/v2/library/all-minilm/manifests/latest');
    const digest = manifest.layers[0]?.digest ?? '';
    return { url: `${lab.sandbox.url}/blob-store/${digest}`, digest };
  }

  const hashOf = (bytes: ArrayBuffer): string =>
    `sha256:${createHash('sha256').update(Buffer.from(bytes)).digest('hex')}`;

  test('each connection moves no more than --rate', async () => {
    const { url } = await weights({ rate: 200_000 });
    const begun = performance.now();
    const [first] = await Promise.all(
      ['bytes=0-39999', 'bytes=40000-79999'].map(async (range) =>
        (await fetch(url, { headers: { range } })).arrayBuffer(),
      ),
    );
    expect(first?.byteLength).toBe(40_000);
    expect(performance.now() - begun).toBeGreaterThan(150);
  });

  test('corrupt changes a byte, as often as it is to', async () => {
    const { url, digest } = await weights();
    lab.fault('corrupt:times=1:path=/blob-store/');
    expect(hashOf(await (await fetch(url)).arrayBuffer())).not.toBe(digest);
    expect(hashOf(await (await fetch(url)).arrayBuffer())).toBe(digest);
    expect(lab.sandbox.fired()).toEqual({ corrupt: 1 });
  });

  test('cut ends the connection part-way', async () => {
    const { url } = await weights();
    lab.fault('cut@30%:path=/blob-store/');
    await expect(fetch(url).then((response) => response.arrayBuffer())).rejects.toThrow();
  });

  test('stall sends no more', async () => {
    const { url } = await weights();
    lab.fault('stall@30%:path=/blob-store/');
    const response = await fetch(url, { signal: AbortSignal.timeout(300) });
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of response.body ?? []) bytes += chunk.length;
    };
    await expect(read()).rejects.toThrow(/timeout/);
    const share = bytes / Number(response.headers.get('content-length'));
    expect(share).toBeGreaterThanOrEqual(0.3);
    expect(share).toBeLessThan(0.4);
  });
});
