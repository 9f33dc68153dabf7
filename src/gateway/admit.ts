import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { refuse, type HttpError } from './errors.js';
import { judge, type GuardRules } from './guard.js';

/** Lets requests in, or answers them itself before anything of them is read. */
export interface Admission {
  /** Whether a request goes on to the routes. */
  admits(request: IncomingMessage, response: ServerResponse): boolean;
  /** Nothing more is let in from now on. */
  end(): void;
}

const ENDING: HttpError = {
  status: 503,
  code: 'interrupted',
  message: 'The gateway is ending.',
  hint: 'Come again when it has started anew.',
  retryAfterMs: 5_000,
};

/** Lets in whom the rules let in. */
export function openAdmission(rules: GuardRules): Admission {
  const refused = new WeakSet<Socket>();
  let isEnding = false;
  return {
    admits(request, response) {
      const { method, url, headers, rawHeaders, socket } = request;
      // What stands behind a request that was refused is not looked at: the connection is closing.
      if (refused.has(socket)) return false;
      const judgement = judge({ method, url, headers, rawHeaders, localAddress: socket.localAddress }, rules);
      if (judgement.kind === 'preflight') {
        response.writeHead(204, judgement.headers).end();
        return false;
      }
      if (judgement.kind === 'refused' || isEnding) {
        refused.add(socket);
        // The rest of what it sends is not waited for.
        const closing = { ...judgement.headers, connection: 'close' };
        refuse(response, judgement.kind === 'refused' ? judgement.error : ENDING, closing);
        return false;
      }
      for (const name in judgement.headers) response.setHeader(name, judgement.headers[name] ?? '');
      return true;
    },
    end() {
      isEnding = true;
    },
  };
}
