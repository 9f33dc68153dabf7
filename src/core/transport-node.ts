import http from 'node:http';
import https from 'node:https';
import type { HostAddress } from './url.js';
import { ConnectTimeout, type Transport, type TransportRequest } from './transport.js';

/**
 * A transport over node:http and node:https, direct. `ca`: certificates to trust instead of the built-in ones, in PEM;
 * `insecure`: the server's is not checked at all.
 */
export function nodeTransport(ca?: readonly string[], insecure = false): Transport {
  const trust = { ...(ca ? { ca: [...ca] } : {}), ...(insecure ? { rejectUnauthorized: false } : {}) };
  return async (host, request) =>
    await new Promise((resolve, reject) => {
      const outgoing = open(host, request, trust);
      if (request.signal) obey(outgoing, request.signal);
      const timer = connectTimer(outgoing, request.connectMs);
      outgoing.on('response', (incoming) => {
        clearTimeout(timer);
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming });
      });
      outgoing.on('error', (error) => {
        clearTimeout(timer);
        reject(request.signal?.aborted ? (request.signal.reason as Error) : error);
      });
      if (request.body === undefined || Buffer.isBuffer(request.body)) outgoing.end(request.body);
      else {
        const { body } = request;
        // A file that can't be read must end the request, not leave it waiting for its rest; and it is not read on
        // where nobody takes it.
        body.on('error', (error) => outgoing.destroy(error)).pipe(outgoing);
        outgoing.once('close', () => body.destroy());
      }
    });
}

function open(host: HostAddress, request: TransportRequest, trust: https.RequestOptions): http.ClientRequest {
  const options = {
    hostname: host.hostname,
    port: host.port,
    method: request.method,
    path: request.path,
    headers: request.headers,
  };
  if (host.protocol === 'http:') return http.request(options);
  return https.request({ ...options, ...trust });
}

/** What Node's own `signal` option does, which watches for the end as for any stream's and costs each start half a millisecond. */
function obey(outgoing: http.ClientRequest, signal: AbortSignal): void {
  const stop = (): void => void outgoing.destroy(new DOMException('The request was aborted.', 'AbortError'));
  if (signal.aborted) return stop();
  signal.addEventListener('abort', stop, { once: true });
  outgoing.once('close', () => signal.removeEventListener('abort', stop));
}

/** Ends a request whose connection does not stand in time; one that stands may wait as long as it needs. */
function connectTimer(outgoing: http.ClientRequest, ms: number | undefined): NodeJS.Timeout | undefined {
  if (ms === undefined) return undefined;
  const timer = setTimeout(() => outgoing.destroy(new ConnectTimeout(ms)), ms);
  outgoing.on('socket', (socket) => {
    const stop = (): void => clearTimeout(timer);
    const ready = 'encrypted' in socket ? 'secureConnect' : 'connect';
    if (socket.connecting) socket.once(ready, stop);
    else stop();
  });
  return timer;
}
