import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a server. */
export interface Connections {
  /** Closes those on which nothing is answered: also those that have asked nothing yet, which Node counts as busy. */
  closeIdle(): void;
  /** Whether an answer has begun on it that has not ended: nothing else may be written to it. */
  isAnswering(socket: Socket): boolean;
  /** Watches no longer. */
  stop(): void;
}

interface Use {
  /** Of the requests that are being answered. */
  readonly running: Set<ServerResponse>;
  /** What the system has taken, in bytes, and when that was last more, in milliseconds of the watch's own clock. */
  taken: number;
  takenAt: number;
}

/**
 * Watches the connections of a server, and cuts those on which what is sent lies unread for `unreadMs`: each holds memory,
 * and an answer of the server behind.
 */
export function watchConnections(server: Server, unreadMs: number): Connections {
  const uses = new Map<Socket, Use>();
  server.on('connection', (socket: Socket) => {
    uses.set(socket, { running: new Set(), taken: 0, takenAt: 0 });
    socket.once('close', () => uses.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const use = uses.get(socket);
    if (!use) return;
    use.running.add(response);
    response.once('close', () => use.running.delete(response));
  });
  let clock = 0;
  const every = Math.max(10, Math.floor(unreadMs / 6));
  const timer = setInterval(() => {
    clock += every;
    for (const [socket, use] of uses) {
      const taken = socket.bytesWritten - socket.writableLength;
      if (socket.writableLength === 0 || taken !== use.taken) {
        use.taken = taken;
        use.takenAt = clock;
      } else if (clock - use.takenAt >= unreadMs) {
        socket.destroy();
      }
    }
  }, every);
  timer.unref();
  return {
    closeIdle: () => {
      for (const [socket, { running }] of uses) if (running.size === 0) socket.destroySoon();
    },
    isAnswering: (socket) => [...(uses.get(socket)?.running ?? [])].some(({ headersSent }) => headersSent),
    stop: () => clearInterval(timer),
  };
}
