import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import type { ByteSource } from './bytes.js';
import type { Layer, Package } from './definition.js';
import { MANIFEST_TYPE, parseManifest } from './definition.js';
import type { ModelName } from './names.js';
import { allLayers } from './store.js';

// A manifest of more is none.
const MOST_MANIFEST_BYTES = 4 * 1024 * 1024;

/** The words of Ollama for what another registry answered instead of a manifest. */
export interface RegistryTrouble {
  readonly kind: 'unreachable' | 'refused';
  readonly text: string;
}

/** Asks another registry on this machine for a model; gives its trouble where there is none to be had. */
export async function fetchPackage(name: ModelName, signal: AbortSignal): Promise<Package | RegistryTrouble> {
  const base = `http://${name.host}/v2/${name.namespace}/${name.model}`;
  try {
    const response = await request(`${base}/manifests/${name.tag}`, { accept: MANIFEST_TYPE }, signal);
    const manifest = await readBody(response);
    if (response.statusCode === 404) return { kind: 'refused', text: 'file does not exist' };
    if (response.statusCode !== 200) {
      return { kind: 'refused', text: `${String(response.statusCode)}: ${manifest.toString().trim()}` };
    }
    const layers = layersOf(manifest);
    if (layers === undefined) return { kind: 'refused', text: goSyntaxError(manifest.toString()) };
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
    return { kind: 'unreachable', text: goDialError(error, name.host) };
  }
}

// Of an endless one no more than that.
async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > MOST_MANIFEST_BYTES) break;
  }
  return Buffer.concat(chunks);
}

function layersOf(manifest: Buffer): readonly Layer[] | undefined {
  try {
    return allLayers(parseManifest(manifest));
  } catch {
    return undefined;
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

// The words of Go's JSON package.
function goSyntaxError(text: string): string {
  const [first = ''] = text.trim();
  return first === '' || first === '{'
    ? 'unexpected EOF'
    : `invalid character '${first}' looking for beginning of value`;
}

// The words of Go's net package.
function goDialError(error: unknown, host: string): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const code = first instanceof Error && 'code' in first ? String(first.code) : String(error);
  const address = host.replace(/^localhost/i, '127.0.0.1');
  if (code === 'ECONNREFUSED') return `dial tcp ${address}: connect: connection refused`;
  return `dial tcp ${address}: ${code}`;
}
