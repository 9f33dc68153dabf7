import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One answer, played piece by piece; without `then` it ends as an answer should. */
export interface Script {
  /** Default 200. */
  readonly status?: number;
  /** Default: NDJSON. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Each string or byte array is one write of its own; `{wait}` is a pause in milliseconds. */
  readonly body?: readonly (string | Uint8Array | { readonly wait: number })[];
  /** Instead of an end: silence on an open connection, or a connection reset. */
  readonly then?: 'stall' | 'reset';
}

/** A request as it came, its body read. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Resolves to true when the answer was taken to its end, to false when the client hung up before. */
  readonly finished: Promise<boolean>;
}

/** Answers by itself with `response`, or returns the script to play. */
export type Handler = (
  request: SeenRequest,
  response: ServerResponse,
) => Script | undefined | Promise<Script | undefined>;

export interface FaultServer {
  /** Such as `http://127.0.0.1:40123`, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly requests: readonly SeenRequest[];
  close(): Promise<void>;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function play(script: Script, response: ServerResponse): Promise<void> {
  response.writeHead(script.status ?? 200, script.headers ?? { 'content-type': 'application/x-ndjson' });
  // Each write is its own chunk on the wire, as the streams of a real server are.
  response.socket?.setNoDelay(true);
  response.flushHeaders();
  for (const piece of script.body ?? []) {
    if (response.destroyed) return;
    if (typeof piece === 'string' || piece instanceof Uint8Array) {
      await new Promise<void>((resolve) => response.write(piece, () => resolve()));
    } else await sleep(piece.wait);
  }
  if (script.then === 'reset') response.socket?.resetAndDestroy();
  else if (script.then !== 'stall') response.end();
}

/** An HTTP server on a free loopback port whose answers fail the way they are told to: one script for every request, or a handler. */
export async function serve(answer: Script | Handler): Promise<FaultServer> {
  const requests: SeenRequest[] = [];
  const server = createServer((incoming, response) => {
    const finished = new Promise<boolean>((resolve) => {
      response.once('close', () => resolve(response.writableFinished));
    });
    const respond = async () => {
      const body = await readBody(incoming);
      const { method = '', url = '', headers } = incoming;
      const request: SeenRequest = { method, url, headers, body, finished };
      requests.push(request);
      const script = typeof answer === 'function' ? await answer(request, response) : answer;
      if (script !== undefined) await play(script, response);
    };
    // A client that hangs up while it sends is one of the faults, not an error of the test.
    respond().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A port of this machine on which nobody listens: a connection to it is refused. */
export async function closedPort(): Promise<number> {
  const server = await serve({});
  await server.close();
  return server.port;
}
