import { readFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { RequestListener } from 'node:http';

/** A server of one fault on a free loopback port. */
export interface Faulty {
  readonly port: number;
  close(): Promise<void>;
}

async function open(server: Server): Promise<Faulty> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** What takes connections, and does with each what it is told. */
export async function serveRaw(take: (socket: Socket) => void): Promise<Faulty> {
  return await open(createServer(take));
}

/** The text of a certificate of the fixtures. */
function certificate(name: 'ca' | 'key' | 'good' | 'expired' | 'other-host'): string {
  return readFileSync(certificateFile(name), 'utf8');
}

/** Its path, for a setting. */
export function certificateFile(name: 'ca' | 'key' | 'good' | 'expired' | 'other-host'): string {
  return new URL(`../fixtures/tls/health-${name}.pem`, import.meta.url).pathname;
}

/** A server that speaks TLS with one of the certificates. */
export async function serveTls(
  name: 'good' | 'expired' | 'other-host',
  answer: RequestListener = (_, response) => response.end('{"version":"0.24.0","models":[]}'),
): Promise<Faulty> {
  return await open(createHttps({ cert: certificate(name), key: certificate('key') }, answer));
}
