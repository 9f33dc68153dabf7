import type { IncomingMessage, ServerResponse } from 'node:http';
import { StreamOver } from './errors.js';
import type { Exchange } from './exchange.js';
import { sendBody, sendEmpty, sendJson } from './exchange.js';
import type { FaultPlan, FiredFaults } from './faults.js';
import { isForeign } from './guard.js';
import { answerFault, failWith } from './refuse.js';
import { findRoute } from './routes.js';
import { wait } from './wait.js';
import type { World } from './world.js';

/** A request as it comes in. */
export interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the client has gone or the sandbox closes. */
  readonly signal: AbortSignal;
  readonly planFor: (path: string) => FaultPlan;
  /** What has happened of the faults so far. */
  readonly fired: () => FiredFaults;
  /** Told of each request once its body is there. */
  readonly seen: (exchange: Exchange) => void;
}

/** The sandbox's own route: which faults have happened. No fault touches it. */
const FAULTS_PATH = '/sandbox/faults';

/** Answers a request, whatever happens on the way; never rejects. */
export async function serve(world: World, arrival: Arrival): Promise<void> {
  const { request, response, signal } = arrival;
  // Nobody is left to be told of a connection that breaks.
  response.on('error', () => undefined);
  response.setHeader('x-ollama-sandbox', 'true');
  const url = new URL((request.url ?? '/').replace(/^\/+/, '/'), 'http://sandbox');
  let body: Buffer;
  try {
    body = await readBody(request);
  } catch {
    response.destroy();
    return;
  }
  const exchange: Exchange = {
    method: request.method ?? 'GET',
    path: url.pathname,
    headers: request.headers,
    body,
    response,
    plan: arrival.planFor(url.pathname),
    signal,
  };
  if (url.pathname === FAULTS_PATH && !isForeign(exchange.headers)) {
    sendJson(exchange, 200, { fired: arrival.fired() });
    return;
  }
  arrival.seen(exchange);
  try {
    const delayMs = exchange.plan.fire('delay')?.amount ?? 0;
    if (delayMs > 0) await wait(delayMs, signal);
    await answer(world, exchange);
  } catch (error) {
    if (!(error instanceof StreamOver) && !signal.aborted) failWith(world, exchange, error);
  }
}

async function answer(world: World, exchange: Exchange): Promise<void> {
  if (isForeign(exchange.headers)) {
    sendEmpty(exchange, 403);
    return;
  }
  const route = findRoute(world, exchange.method, exchange.path);
  if (typeof route === 'number') {
    sendBody(exchange, route, 'text/plain', route === 404 ? '404 page not found' : '405 method not allowed');
    return;
  }
  if (!answerFault(exchange)) await route(world, exchange);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
