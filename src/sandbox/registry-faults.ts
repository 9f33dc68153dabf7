import { StreamOver } from './errors.js';
import type { Exchange } from './exchange.js';
import { sendBody } from './exchange.js';
import { drained } from './writer.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const PAGE =
  '<!DOCTYPE html>\n<html><head><title>Sign in to this network</title></head><body></body></html>\n';
const ENDLESS_LAYER = `{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:${'0'.repeat(64)}","size":1},`;

/** Answers a request below /v2/ whose fault is a whole answer; false where there is none of these. */
export async function failRegistry(exchange: Exchange): Promise<boolean> {
  const { plan, path, response } = exchange;
  if (plan.fire('registry-500') !== undefined) sendError(exchange, 500, 'UNKNOWN', 'internal server error');
  else if (plan.fire('registry-401') !== undefined) {
    sendError(exchange, 401, 'UNAUTHORIZED', 'authentication required');
  } else if (plan('retry-after') !== undefined) {
    const waitMs = plan.fire('retry-after')?.amount ?? 0;
    response.setHeader('retry-after', String(Math.ceil(waitMs / 1000)));
    sendError(exchange, 429, 'TOOMANYREQUESTS', 'too many requests');
  } else if (!path.includes('/manifests/')) return false;
  else if (plan.fire('registry-garbage') !== undefined) sendBody(exchange, 200, 'text/html', PAGE);
  else if (plan.fire('registry-huge') !== undefined) await sendEndless(exchange);
  else return false;
  return true;
}

function sendError(exchange: Exchange, status: number, code: string, message: string): void {
  sendBody(exchange, status, JSON_TYPE, `${JSON.stringify({ errors: [{ code, message }] })}\n`);
}

async function sendEndless({ method, response, signal }: Exchange): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/vnd.docker.distribution.manifest.v2+json' });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  response.write('{"schemaVersion":2,"layers":[');
  const piece = ENDLESS_LAYER.repeat(500);
  for (;;) {
    if (signal.aborted) throw new StreamOver();
    if (!response.write(piece)) await drained(response, signal);
    // Who reads as quickly as this writes must not keep all others waiting.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
