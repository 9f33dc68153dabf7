import { DEFAULT_REGISTRY } from '../core/model-name.js';
import type { ByteSource } from './bytes.js';
import { digestOfBytes, flipByte } from './bytes.js';
import type { Offer } from './catalog.js';
import { MANIFEST_TYPE } from './definition.js';
import { StreamOver } from './errors.js';
import type { Exchange } from './exchange.js';
import { sendBody } from './exchange.js';
import { reachesFault } from './faults.js';
import type { ModelName } from './names.js';
import { failRegistry } from './registry-faults.js';
import { aborted, wait } from './wait.js';
import type { World } from './world.js';
import { drained } from './writer.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const BLOB_TYPE = 'application/octet-stream';
// Ollama insists on being sent elsewhere for a layer, as the public registry does.
const BLOB_STORE = '/blob-store/';

/** Answers the registry's routes below /v2/, as docker-registry does, with the headers of Ollama's own registry. */
export async function serveRegistry(world: World, exchange: Exchange): Promise<void> {
  if (await failRegistry(exchange)) return;
  const parts = exchange.path.split('/').slice(2);
  const [namespace = '', model = '', kind = '', reference = ''] = parts;
  if (namespace === '') {
    sendBody(exchange, 200, JSON_TYPE, '{}');
  } else if (namespace === '_catalog') {
    const repositories = [
      ...new Set(world.catalog.names().map((name) => `${name.namespace}/${name.model}`)),
    ].sort();
    sendLine(exchange, 200, { repositories });
  } else if (kind === 'tags' && reference === 'list') listTags(world, exchange, `${namespace}/${model}`);
  else if (kind === 'manifests') await sendManifest(world, exchange, `${namespace}/${model}`, reference);
  else if (kind === 'blobs') await sendToBlob(world, exchange, `${namespace}/${model}`, reference);
  else sendBody(exchange, 404, 'text/plain', '404 page not found');
}

/** Answers the place that the registry sends for layers. */
export async function serveBlob(world: World, exchange: Exchange): Promise<void> {
  const digest = exchange.path.slice(BLOB_STORE.length);
  const source = world.catalog.blob(digest);
  if (source === undefined) unknownBlob(exchange, digest);
  else await sendSource(exchange, digest, source, world.rate);
}

function sendLine(exchange: Exchange, status: number, value: unknown): void {
  sendBody(exchange, status, JSON_TYPE, `${JSON.stringify(value)}\n`);
}

function sendFault(exchange: Exchange, code: string, message: string, detail: unknown): void {
  sendLine(exchange, 404, { errors: [{ code, message, detail }] });
}

function unknownBlob(exchange: Exchange, digest: string): void {
  sendFault(exchange, 'BLOB_UNKNOWN', 'blob unknown to registry', digest);
}

// One registry plays all hosts; the default one comes first.
function tagsOf(world: World, repository: string): readonly ModelName[] {
  const wanted = repository.toLowerCase();
  return world.catalog
    .names()
    .filter((name) => `${name.namespace}/${name.model}`.toLowerCase() === wanted)
    .sort((a, b) => Number(b.host === DEFAULT_REGISTRY) - Number(a.host === DEFAULT_REGISTRY));
}

function listTags(world: World, exchange: Exchange, repository: string): void {
  const tags = [...new Set(tagsOf(world, repository).map((name) => name.tag))];
  if (tags.length > 0) sendLine(exchange, 200, { name: repository, tags });
  else sendFault(exchange, 'NAME_UNKNOWN', 'repository name not known to registry', { name: repository });
}

async function sendManifest(
  world: World,
  exchange: Exchange,
  repository: string,
  reference: string,
): Promise<void> {
  const found = await findOffer(world, exchange, repository, reference);
  if (found === undefined) {
    sendFault(exchange, 'MANIFEST_UNKNOWN', 'manifest unknown', { Tag: reference });
    return;
  }
  const digest = digestOfBytes(found.manifest);
  const { response } = exchange;
  response.setHeader('docker-content-digest', digest);
  response.setHeader('ollama-content-digest', digest.slice('sha256:'.length));
  response.setHeader('ollama-push-time', String(Math.floor(found.pushedAt / 1000)));
  sendBody(exchange, 200, MANIFEST_TYPE, found.manifest);
}

async function findOffer(
  world: World,
  exchange: Exchange,
  repository: string,
  reference: string,
): Promise<Offer | undefined> {
  const newer = exchange.plan.fire('newer') !== undefined;
  for (const name of tagsOf(world, repository)) {
    if (!reference.startsWith('sha256:') && name.tag.toLowerCase() !== reference.toLowerCase()) continue;
    const found = await world.catalog.find(name, newer);
    if (found === undefined) continue;
    if (!reference.startsWith('sha256:') || digestOfBytes(found.manifest) === reference) return found;
  }
  return undefined;
}

async function sendToBlob(
  world: World,
  exchange: Exchange,
  repository: string,
  digest: string,
): Promise<void> {
  if (world.catalog.blob(digest) === undefined) {
    // Nobody has asked for its manifest yet, so its layers are not known yet.
    for (const name of tagsOf(world, repository)) await world.catalog.find(name);
  }
  const source = world.catalog.blob(digest);
  const { response } = exchange;
  if (source === undefined) unknownBlob(exchange, digest);
  else if (exchange.method === 'HEAD') {
    const headers = {
      'content-type': BLOB_TYPE,
      'content-length': source.size,
      'docker-content-digest': digest,
    };
    response.writeHead(200, headers).end();
  } else response.writeHead(307, { location: BLOB_STORE + digest, 'content-length': 0 }).end();
}

async function sendSource(
  exchange: Exchange,
  digest: string,
  source: ByteSource,
  rate = Infinity,
): Promise<void> {
  const { response, headers, plan } = exchange;
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = range === null || range[2] === '' ? source.size : Math.min(Number(range[2]) + 1, source.size);
  response.setHeader('docker-content-digest', digest);
  response.setHeader('accept-ranges', 'bytes');
  // Ollama follows a redirect on the same host by itself, and then takes the direct address from here.
  response.setHeader('location', BLOB_STORE + digest);
  if (start >= end) {
    response.writeHead(416, { 'content-range': `bytes */${String(source.size)}`, 'content-length': 0 }).end();
    return;
  }
  if (range !== null) {
    response.setHeader('content-range', `bytes ${String(start)}-${String(end - 1)}/${String(source.size)}`);
  }
  response.writeHead(range === null ? 200 : 206, {
    'content-type': BLOB_TYPE,
    'content-length': end - start,
  });
  if (exchange.method !== 'HEAD') {
    const wrong = Math.floor(source.size / 2);
    const damaged = wrong >= start && wrong < end && plan.fire('corrupt') !== undefined;
    const slow = plan.fire('slow')?.amount ?? Infinity;
    await sendBytes(exchange, damaged ? flipByte(source, wrong) : source, start, end, Math.min(rate, slow));
  }
  response.end();
}

// At most `rate` bytes a second on this connection, and broken off where a fault names its path.
async function sendBytes(
  { response, signal, plan }: Exchange,
  source: ByteSource,
  start: number,
  end: number,
  rate: number,
): Promise<void> {
  const begun = performance.now();
  const step = Math.max(1, Math.floor(Math.min(rate * 0.03, source.size / 50)));
  let at = start;
  for await (const chunk of source.read(start, end)) {
    for (let from = 0; from < chunk.length; from += step) {
      if (signal.aborted) throw new StreamOver();
      const piece = chunk.subarray(from, from + step);
      if (!response.write(piece)) await drained(response, signal);
      at += piece.length;
      if (reachesFault(plan, 'cut', at / source.size)) {
        // What was written before the reset is to arrive first.
        await wait(25, signal);
        response.socket?.resetAndDestroy();
        throw new StreamOver();
      }
      if (reachesFault(plan, 'stall', at / source.size)) {
        await aborted(signal);
        throw new StreamOver();
      }
      const ahead = begun + ((at - start) / rate) * 1000 - performance.now();
      if (ahead > 1) await wait(ahead, signal);
    }
  }
}
