import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { OllamaError } from '../core/errors.js';
import { isLoopback } from '../core/url.js';
import { openAdmission } from './admit.js';
import { buildApp } from './app.js';
import { watchConnections, type Connections } from './connections.js';
import type { GatewayDeps } from './deps.js';
import { errorBody, refuse } from './errors.js';
import { LIMITS, type Limits } from './limits.js';
import { openRouteTable, type RouteTable } from './route-table.js';
import { tokenCheck } from './token.js';

/** One request that was answered, as `--debug` tells it: with nothing that the caller has written, which may be a secret. */
export interface Answered {
  readonly method: string;
  /** As it was declared, `/api/jobs/:id`; undefined where no route has the path. */
  readonly route: string | undefined;
  readonly status: number;
  readonly ms: number;
}

/** Where a gateway listens, and whom it answers. */
export interface GatewayOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** What every call has to bring; undefined for none, which only a loopback address allows. */
  readonly token: string | undefined;
  /** Names besides its own address by which it may be called. */
  readonly allowHosts?: readonly string[];
  /** Origins of web pages that may call it. */
  readonly cors?: readonly string[];
  readonly limits?: Partial<Limits>;
  readonly onAnswered?: (answered: Answered) => void;
  /** Told of what nobody has foreseen. */
  readonly onUnforeseen?: (error: unknown) => void;
}

/** A running gateway. */
export interface Gateway {
  readonly url: string;
  /** Takes no more requests, lets what runs end (for `graceMs`), and resolves when all connections are closed. */
  close(): Promise<void>;
}

/** Starts a gateway. Throws `usage` for an address that is taken, or one that others reach without a token. */
export async function openGateway(deps: GatewayDeps, options: GatewayOptions): Promise<Gateway> {
  const { host, port } = options.listen;
  const limits: Limits = { ...LIMITS, ...options.limits };
  if (options.token === undefined && !isLoopback(host)) {
    throw new OllamaError(
      'usage',
      `Without a token the gateway listens on this machine only, not on ${host}.`,
      { hint: 'Leave --no-token out, or listen on 127.0.0.1.' },
    );
  }
  const admission = openAdmission({
    allowHosts: (options.allowHosts ?? []).map((name) => name.toLowerCase()),
    cors: options.cors ?? [],
    hasToken: options.token === undefined ? undefined : tokenCheck(options.token),
  });
  let server: { readonly http: Server; readonly connections: Connections } | undefined;
  const routes = openRouteTable();
  const tell = options.onAnswered;
  const app = await buildApp(deps, {
    limits,
    routes,
    ...(options.onUnforeseen ? { onUnforeseen: options.onUnforeseen } : {}),
    serverFactory: (handle) => {
      const http = makeServer(limits, (request, response) => {
        if (tell) tellAnswered(request, response, routes, { tell, now: deps.now });
        if (admission.admits(request, response)) handle(request, response);
      });
      server = { http, connections: watchConnections(http, limits.unreadMs) };
      return http;
    },
    onMalformed: (error, socket) => {
      if (server?.connections.isAnswering(socket) === true) socket.destroy();
      else answerMalformed(error, socket);
    },
  });
  await app.ready();
  if (!server) throw new OllamaError('internal', 'The framework has made no server.');
  const { http: listening, connections } = server;
  try {
    await app.listen({ host, port });
  } catch (error) {
    connections.stop();
    await app.close();
    throw cannotListen(error, host, port);
  }
  const { port: taken } = listening.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    close: async () => {
      admission.end();
      await closeGently(app, listening, connections, limits.graceMs);
    },
  };
}

function makeServer(
  limits: Limits,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
      maxHeaderSize: limits.headerBytes,
      requireHostHeader: true,
      // Said here, as NODE_OPTIONS can ask for a parser that takes what can be understood in two ways.
      insecureHTTPParser: false,
      noDelay: true,
    },
    handle,
  );
  server.maxConnections = limits.connections;
  // Their bytes are bounded; by their number Node would leave out the last ones, and nobody would have seen them.
  server.maxHeadersCount = 0;
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    refuse(response, { status: 417, code: 'usage', message: 'This is not expected.', hint: '' });
  });
  return server;
}

const MALFORMED: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The headers are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large', 'The chunks carry too much besides the body.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request took too long to come.'],
};

/** What is no HTTP has no response object: the answer is written as it stands, and the connection ends. */
function answerMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, reason, message] = MALFORMED[error.code ?? ''] ?? [
    400,
    'Bad Request',
    'This is no valid HTTP request.',
  ];
  const body = JSON.stringify(
    errorBody({ status, code: 'usage', message, hint: 'Send plain HTTP/1.1, whole and in time.' }),
  );
  const head = `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  // Ended and not only half: a caller that goes on sending would keep the connection.
  socket.end(head + body, () => socket.destroy());
}

function tellAnswered(
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
  routes: RouteTable,
  { tell, now }: { readonly tell: (answered: Answered) => void; readonly now: () => number },
): void {
  const before = now();
  response.once('close', () => {
    const route = routes.patternOf(url);
    tell({ method, route, status: response.statusCode, ms: Math.round(now() - before) });
  });
}

/** How often it is looked for what has ended while the gateway ends, in milliseconds. */
const SWEEP_MS = 50;

async function closeGently(
  app: FastifyInstance,
  server: Server,
  connections: Connections,
  graceMs: number,
): Promise<void> {
  const limit = setTimeout(() => server.closeAllConnections(), graceMs);
  // A connection falls idle when its answer has ended, and would be kept for the next request.
  const sweep = setInterval(() => connections.closeIdle(), SWEEP_MS);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(limit);
    connections.stop();
  }
}

function cannotListen(error: unknown, host: string, port: number): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const why = error.code === 'EADDRINUSE' ? 'another program listens there' : String(error.code);
  return new OllamaError('usage', `The gateway can't listen on ${host}:${port}: ${why}.`, {
    cause: error,
    hint: '--listen 0 takes a free port.',
  });
}
