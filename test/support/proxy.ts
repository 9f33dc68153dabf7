import { createServer, request } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** How a proxy misbehaves; without any of it, it does its work. */
export interface ProxyFaults {
  /** Answers each CONNECT and each request with this status. */
  readonly refuse?: number;
  /** Takes connections and never answers. */
  readonly silent?: boolean;
}

export interface Proxy {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  /** What was asked of it: `CONNECT host:port`, or `GET http://host:port/path`. */
  readonly seen: readonly string[];
  /** The `proxy-authorization` of each. */
  readonly credentials: readonly (string | undefined)[];
  close(): Promise<void>;
}

/** A forward proxy on a free loopback port that finds every name on this machine, so that no test needs a real one. */
export async function startProxy(faults: ProxyFaults = {}): Promise<Proxy> {
  const seen: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  };

  const server = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    credentials.push(incoming.headers['proxy-authorization']);
    if (faults.silent === true) return;
    if (faults.refuse !== undefined) {
      response.writeHead(faults.refuse).end('refused by the proxy');
      return;
    }
    const target = new URL(incoming.url ?? '');
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: target.port || 80,
        method: incoming.method,
        path: target.pathname + target.search,
        headers: incoming.headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        response.flushHeaders();
        answer.on('error', () => response.socket?.resetAndDestroy()).pipe(response);
      },
    );
    outgoing.on('error', () => response.socket?.resetAndDestroy());
    response.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });

  server.on('connection', track);
  server.on('connect', (incoming, client: Socket, head: Buffer) => {
    seen.push(`CONNECT ${incoming.url}`);
    credentials.push(incoming.headers['proxy-authorization']);
    if (faults.silent === true) return;
    if (faults.refuse !== undefined) {
      client.end(`HTTP/1.1 ${faults.refuse} Refused\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const port = Number(incoming.url?.split(':').at(-1));
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connected\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    track(upstream);
    upstream.once('close', () => client.destroy());
    client.once('close', () => upstream.destroy());
  });

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    credentials,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
