import { connect } from 'node:tls';
import { isIP } from 'node:net';
import { readText } from '../core/http-answer.js';
import { nodeTransport } from '../core/transport-node.js';
import type { HostAddress } from '../core/url.js';

/** How long a closer look may take, in milliseconds. */
const LIMIT_MS = 2_000;
const LONGEST_ANSWER = 64 * 1024;

type Place = Pick<HostAddress, 'hostname' | 'port'>;

/** Whether a port answers a TLS handshake, whoever its certificate is from. Never throws. */
export async function speaksTlsAt({ hostname, port }: Place, limitMs = LIMIT_MS): Promise<boolean> {
  return await new Promise((resolve) => {
    // Only whether it speaks: nothing is sent, so nothing has to be trusted.
    const socket = connect({
      host: hostname,
      port,
      rejectUnauthorized: false,
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    });
    const end = (speaks: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(speaks);
    };
    const timer = setTimeout(end, limitMs, false);
    socket.once('secureConnect', () => end(true));
    socket.on('error', (error: Error & { code?: string }) =>
      // A server that wants a certificate of ours, or another version of TLS, speaks it all the same.
      end(/^ERR_SSL_(?!WRONG_VERSION_NUMBER|PACKET_LENGTH)/.test(error.code ?? '')),
    );
    socket.once('close', () => end(false));
  });
}

/** What a GET without any credentials, past all proxies, is answered; undefined without an answer. Never throws. */
async function peek(host: HostAddress, path: string): Promise<{ status: number; text: string } | undefined> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  try {
    const answer = await nodeTransport()(host, {
      method: 'GET',
      path: host.path + path,
      headers: { accept: 'application/json' },
      body: undefined,
      signal,
      connectMs: LIMIT_MS,
    });
    answer.body.on('error', () => undefined);
    return { status: answer.status, text: await readText(answer.body, LONGEST_ANSWER) };
  } catch {
    return undefined;
  }
}

/** Whether the server answers where no proxy is asked. Never throws. */
export async function answersDirectly(host: HostAddress): Promise<boolean> {
  const answer = await peek(host, '/api/version');
  return answer !== undefined && (answer.status === 401 || /"version"\s*:/.test(answer.text));
}

/** Whether it is a server of OpenAI's API alone, which has no route of Ollama's. Never throws. */
export async function isOpenAiServer(host: HostAddress): Promise<boolean> {
  const answer = await peek(host, '/v1/models');
  return answer?.status === 200 && /"data"\s*:\s*\[/.test(answer.text);
}
