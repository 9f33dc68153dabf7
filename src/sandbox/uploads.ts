import { digestOfBytes } from './bytes.js';
import { Refusal } from './errors.js';
import type { Exchange } from './exchange.js';
import { sendEmpty } from './exchange.js';
import type { World } from './world.js';

const DIGEST = /^sha256[:-]([0-9a-fA-F]{64})$/;

/** Answers /api/blobs/DIGEST: whether a blob is there, or takes it. */
export async function serveUpload(world: World, exchange: Exchange): Promise<void> {
  const match = DIGEST.exec(decodeURIComponent(exchange.path.slice('/api/blobs/'.length)));
  if (match === null) throw new Refusal(400, 'invalid digest format');
  const digest = `sha256:${(match[1] ?? '').toLowerCase()}`;
  const present = world.store.read(digest) !== undefined;
  if (exchange.method === 'HEAD') {
    if (!present) throw new Refusal(404, `blob "${digest}" not found`);
    sendEmpty(exchange, 200);
    return;
  }
  if (present) {
    sendEmpty(exchange, 200);
    return;
  }
  const got = digestOfBytes(exchange.body);
  if (got !== digest) throw new Refusal(400, `digest mismatch, expected "${digest}", got "${got}"`);
  await world.store.putBytes(exchange.body);
  sendEmpty(exchange, 201);
}
