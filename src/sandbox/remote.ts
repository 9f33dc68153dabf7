import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import type { ByteSource } from './bytes.js';
import type { Package } from './definition.js';
import { MANIFEST_TYPE, parseManifest } from './definition.js';
import type { ModelName } from './names.js';
import { allLayers } from './store.js';

/**
 * Asks another registry on this machine for a model. Gives its error as text where it cannot be reached, and an empty
 * text where it has no such model.
 */
export async function fetchPackage(name: ModelName, signal: AbortSignal): Promise<Package | string> {
  const base = `http://${name.host}/v2/${name.namespace}/${name.model}`;
  try {
    const response = await request(`${base}/manifests/${name.tag}`, { accept: MANIFEST_TYPE }, signal);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    if (response.statusCode !== 200) return '';
    const manifest = Buffer.concat(chunks);
    const layers = allLayers(parseManifest(manifest));
    const sources = layers.map((layer): [string, ByteSource] => [
      layer.digest,
      {
        size: layer.size,
        once: true,
        read: (start, end) => readRange(`${base}/blobs/${layer.digest}`, start, end, signal),
      },
    ]);
    return { manifest, blobs: new Map(sources) };
  } catch (error) {
    return goDialError(error, name.host);
  }
}

async function* readRange(
  url: string,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (end <= start) return;
  const first = await request(url, {}, signal);
  first.resume();
  const location = first.headers.location;
  if (location === undefined) throw new Error('http: no Location header in response');
  const range = `bytes=${String(start)}-${String(end - 1)}`;
  const response = await request(new URL(location, url).href, { range }, signal);
  for await (const chunk of response) yield chunk as Buffer;
}

function request(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { headers, signal, agent: false }, resolve).on('error', reject);
  });
}

// The words of Go's net package.
function goDialError(error: unknown, host: string): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const code = first instanceof Error && 'code' in first ? String(first.code) : String(error);
  const address = host.replace(/^localhost/i, '127.0.0.1');
  if (code === 'ECONNREFUSED') return `dial tcp ${address}: connect: connection refused`;
  return `dial tcp ${address}: ${code}`;
}
