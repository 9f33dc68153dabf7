import type { IncomingHttpHeaders } from 'node:http';
import { ProxyAgent, request as undiciRequest } from 'undici';
import { ConnectTimeout, type Transport } from './transport.js';

/**
 * A transport through an HTTP proxy, by undici: its agent knows CONNECT, the proxy's own TLS and credentials.
 * Its limits on a silent head and body (300 s) are switched off: model loads and verifications are longer.
 */
export function proxyTransport(proxy: string, ca?: readonly string[]): Transport {
  const agents = new Map<number | undefined, ProxyAgent>();
  const agentFor = (connectMs: number | undefined): ProxyAgent => {
    const made = agents.get(connectMs);
    if (made) return made;
    const tls = ca ? { ca: [...ca] } : {};
    const agent = new ProxyAgent({
      uri: proxy,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { ...tls, timeout: connectMs ?? 0 },
      requestTls: { ...tls, timeout: connectMs ?? 0 },
      proxyTls: { ...tls, timeout: connectMs ?? 0 },
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
        ...(body === undefined ? {} : { body }),
        ...(signal ? { signal } : {}),
      });
      return { status: answer.statusCode, headers: answer.headers as IncomingHttpHeaders, body: answer.body };
    } catch (error) {
      if (signal?.aborted) throw signal.reason as Error;
      if (error instanceof Error && 'code' in error && error.code === 'UND_ERR_CONNECT_TIMEOUT') {
        throw new ConnectTimeout(connectMs ?? 0);
      }
      throw error;
    }
  };
}
