import type { IncomingHttpHeaders } from 'node:http';
import { Pool, ProxyAgent, request as undiciRequest } from 'undici';
import { OllamaError } from './errors.js';
import { connectionReason } from './http-errors.js';
import { ConnectTimeout, type Transport } from './transport.js';

/** undici's limits on a silent head and body (300 s) are switched off: model loads and verifications are longer. */
const UNLIMITED = { headersTimeout: 0, bodyTimeout: 0 } as const;

/**
 * A transport through an HTTP proxy, by undici: its agent knows CONNECT, the proxy's own TLS and credentials. With
 * `insecure` the server's certificate is not checked; the proxy's always is. Throws `usage` for a proxy that is no
 * `http://` or `https://` address.
 */
export function proxyTransport(proxy: string, ca?: readonly string[], insecure = false): Transport {
  const { origin } = proxyUrl(proxy);
  const agents = new Map<number | undefined, ProxyAgent>();
  const agentFor = (connectMs: number | undefined): ProxyAgent => {
    const made = agents.get(connectMs);
    if (made) return made;
    const connect = { ...(ca ? { ca: [...ca] } : {}), timeout: connectMs ?? 0 };
    const agent = new ProxyAgent({
      uri: proxy,
      ...UNLIMITED,
      requestTls: insecure ? { ...connect, rejectUnauthorized: false } : connect,
      proxyTls: connect,
      // The answer to CONNECT is a part of connecting.
      clientFactory: (url, options) => new Pool(url, { ...options, headersTimeout: connectMs ?? 0 }),
      // A plain request is passed on by the proxy itself; only TLS needs a tunnel.
      proxyTunnel: false,
    });
    agents.set(connectMs, agent);
    return agent;
  };

  return async (host, { method, path, headers, body, signal, connectMs }) => {
    const authority = host.hostname.includes(':') ? `[${host.hostname}]` : host.hostname;
    try {
      const answer = await undiciRequest(`${host.protocol}//${authority}:${host.port}${path}`, {
        method: method as 'GET',
        headers: { ...headers },
        dispatcher: agentFor(connectMs),
        // Said again: the agent does not hand its own on to the clients of plain requests.
        ...UNLIMITED,
        ...(body === undefined ? {} : { body }),
        ...(signal ? { signal } : {}),
      });
      if (answer.statusCode === 407) {
        answer.body.on('error', () => undefined).destroy();
        throw refused(origin, '407');
      }
      return { status: answer.statusCode, headers: answer.headers as IncomingHttpHeaders, body: answer.body };
    } catch (error) {
      if (signal?.aborted) throw signal.reason as Error;
      throw proxyError(error, origin, connectMs ?? 0);
    }
  };
}

function proxyUrl(proxy: string): URL {
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new OllamaError('usage', 'The proxy that the environment names is no http:// or https:// address.', {
    hint: 'Look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or name the host in NO_PROXY.',
  });
}

function refused(origin: string, status: string): OllamaError {
  return new OllamaError(
    status === '407' ? 'unauthorized' : 'unreachable',
    `The proxy ${origin} refused the connection (${status}).`,
    { hint: 'Look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or name the host in NO_PROXY.' },
  );
}

/** Says what failed at the proxy itself; undici calls a refused tunnel an AbortError, as if the caller had ended it. */
function proxyError(error: unknown, origin: string, connectMs: number): unknown {
  if (!(error instanceof Error)) return error;
  const status = /^Proxy response \((\d+)\)/.exec(error.message)?.[1];
  if (status !== undefined) return refused(origin, status);
  if (error.message.startsWith('Proxy Authentication Required')) return refused(origin, '407');
  const code = 'code' in error ? error.code : undefined;
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') {
    return new ConnectTimeout(connectMs);
  }
  const reason = connectionReason(error);
  if (reason === undefined) return error;
  return new OllamaError('unreachable', `No connection to the proxy ${origin}: ${reason}.`, { cause: error });
}
