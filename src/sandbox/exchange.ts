import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal, StreamOver } from './errors.js';
import type { FaultPlan } from './faults.js';
import { faultShare, reachesFault } from './faults.js';
import { aborted, wait } from './wait.js';
import { openWriter } from './writer.js';

/** One request with its answer, and what a handler may know of both. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly response: ServerResponse;
  readonly plan: FaultPlan;
  /** Aborted when the client has gone or the sandbox closes. */
  readonly signal: AbortSignal;
}

/** Sends one event of a stream; `share` is how much of the way is done, the event that ends it well is `last`. */
export type SendEvent = (event: object, share: number, last?: boolean) => Promise<void>;

export type JsonObject = Readonly<Record<string, unknown>>;

const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with a JSON body. */
export function sendJson(exchange: Exchange, status: number, value: unknown, type = JSON_TYPE): void {
  sendBody(exchange, status, type, JSON.stringify(value));
}

/** Answers with a whole body; a HEAD request gets its length alone. */
export function sendBody(exchange: Exchange, status: number, type: string, body: string | Buffer): void {
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) };
  exchange.response.writeHead(status, headers);
  if (exchange.method === 'HEAD') exchange.response.end();
  else if (!breakOff(exchange, Buffer.from(body))) exchange.response.end(body);
}

// A whole answer breaks off only where a fault names its path.
function breakOff({ plan, response, signal }: Exchange, body: Buffer): boolean {
  const fault = plan('cut') ?? plan('stall');
  if (fault?.path === undefined || plan.fire(fault.name) === undefined) return false;
  response.write(body.subarray(0, Math.floor(body.length * faultShare(fault))));
  if (fault.name === 'cut') {
    // What was written before the reset is to arrive first.
    void wait(25, signal).then(() => response.socket?.resetAndDestroy());
  }
  return true;
}

/** Answers with a status and nothing else. */
export function sendEmpty(exchange: Exchange, status: number): void {
  exchange.response.writeHead(status, { 'content-length': 0 }).end();
}

/** The request's JSON object; throws the refusals of the real server for what is none. */
export function readJson(exchange: Exchange): JsonObject {
  const text = exchange.body.toString();
  if (text.trim() === '') throw new Refusal(400, 'missing request body');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, goSyntaxError(text, String(error)));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal(400, 'json: cannot unmarshal value into Go value of type api.Request');
  }
  return value as JsonObject;
}

// Go tells an early end from a wrong character.
function goSyntaxError(text: string, message: string): string {
  const position = /position (\d+)/.exec(message)?.[1];
  const at = position === undefined ? undefined : text[Number(position)];
  return at === undefined ? 'unexpected EOF' : `invalid character '${at}' looking for beginning of value`;
}

/** A text field of a request; throws where it holds something else. */
export function textField(request: JsonObject, key: string): string | undefined {
  const value = request[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw new Refusal(
    400,
    `json: cannot unmarshal ${goKind(value)} into Go struct field .${key} of type string`,
  );
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Whether the client wants a stream: it does unless it says `stream: false`. */
export function wantsStream(request: JsonObject): boolean {
  return request['stream'] !== false;
}

/**
 * Runs `produce` and sends its events as lines of JSON. An error before the first event is a status of its own, a later
 * one is a line of the stream (server/routes.go, streamResponse).
 */
export async function streamEvents(
  exchange: Exchange,
  produce: (send: SendEvent) => Promise<void>,
  faultText: string,
): Promise<void> {
  const { response, plan, signal } = exchange;
  const writer = openWriter(response, plan, signal, `${JSON.stringify({ error: faultText })}\n`);
  let begun = false;
  try {
    await produce(async (event, share, last) => {
      if (!begun) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      begun = true;
      await writer.write(`${JSON.stringify(event)}\n`, share, last);
    });
    await writer.end();
  } catch (error) {
    if (error instanceof StreamOver || !begun) throw error;
    const { message, extra } = error instanceof Refusal ? error : new Refusal(500, String(error));
    await writer.write(`${JSON.stringify({ error: message, ...extra })}\n`, 0);
    await writer.end();
  }
}

/**
 * Runs `produce` and answers with its last event alone; an error is a status, 500 unless it says another. A fault that
 * would end the stream part-way ends the request.
 */
export async function collectEvents(
  exchange: Exchange,
  produce: (send: SendEvent) => Promise<void>,
  faultText: string,
  type = 'application/json',
): Promise<void> {
  const { plan, response, signal } = exchange;
  let final: object = {};
  await produce(async (event, share) => {
    if (reachesFault(plan, 'error-line', share)) throw new Refusal(500, faultText);
    if (reachesFault(plan, 'cut', share)) response.socket?.resetAndDestroy();
    else if (reachesFault(plan, 'stall', share)) await aborted(signal);
    if (signal.aborted || response.destroyed) throw new StreamOver();
    final = event;
  });
  sendJson(exchange, 200, final, type);
}
