import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { HostAddress } from './url.js';

/** One request as a transport sends it. */
export interface TransportRequest {
  readonly method: string;
  /** Path and query, the host's prefix included. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | Readable | undefined;
  readonly signal: AbortSignal | undefined;
  /** How long a connection may take, TLS included, in milliseconds. */
  readonly connectMs: number | undefined;
}

/** An answer of which the head has come. The body has no time limit: a model load says nothing for minutes. */
export interface TransportResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/**
 * Sends a request to a host. Rejects with the system's error (`code` ECONNREFUSED …), with `ConnectTimeout`, or with
 * the signal's reason. Two of them: node:http for every direct connection, as undici's first request costs six times
 * a GET of node:http at start-up (its WASM parser is compiled); undici where a proxy stands between.
 */
export type Transport = (host: HostAddress, request: TransportRequest) => Promise<TransportResponse>;

/** The connection did not stand in time. */
export class ConnectTimeout extends Error {
  readonly code = 'CONNECT_TIMEOUT';
  constructor(ms: number) {
    super(`no connection within ${ms} ms`);
    this.name = 'ConnectTimeout';
  }
}
