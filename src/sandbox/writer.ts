import type { ServerResponse } from 'node:http';
import { StreamOver } from './errors.js';
import type { FaultPlan } from './faults.js';
import { reachesFault } from './faults.js';
import { aborted, wait } from './wait.js';

/** Writes a stream's text to a client, with the faults that its plan holds. */
export interface Writer {
  /**
   * Writes when the client is ready for it. `share` is how much of the way is done, 0 to 1; the line that ends a stream
   * well is `last`. Throws `StreamOver` when there is nobody to write to any more.
   */
  write(text: string, share: number, last?: boolean): Promise<void>;
  end(): Promise<void>;
}

/** A writer to `response`; `errorText` is the line that the fault `error-line` sends. */
export function openWriter(
  response: ServerResponse,
  plan: FaultPlan,
  signal: AbortSignal,
  errorText: string,
): Writer {
  const send =
    plan.fire('half-lines') === undefined ? plainSend(response, signal) : brokenSend(response, signal);
  return {
    write: async (text, share, last = false) => {
      if (signal.aborted) throw new StreamOver();
      if (last && plan.fire('no-done') !== undefined) return;
      if (reachesFault(plan, 'error-line', share)) {
        await send(errorText, true);
        response.end();
        throw new StreamOver();
      }
      const final = reachesFault(plan, 'cut', share);
      await send(text, last || final);
      if (final) {
        // What was written before the reset is to arrive first.
        await wait(25, signal);
        response.socket?.resetAndDestroy();
        throw new StreamOver();
      }
      if (reachesFault(plan, 'stall', share)) {
        await aborted(signal);
        throw new StreamOver();
      }
      const slow = plan.fire('slow');
      if (slow?.amount !== undefined) await wait((Buffer.byteLength(text) / slow.amount) * 1000, signal);
    },
    end: async () => {
      await send('', true);
      response.end();
    },
  };
}

type Send = (text: string, flush: boolean) => Promise<void>;

function plainSend(response: ServerResponse, signal: AbortSignal): Send {
  return async (text) => {
    if (text !== '' && !response.write(text)) await drained(response, signal);
  };
}

// Pieces end inside of characters and lines; the end of one line comes with the start of the next.
function brokenSend(response: ServerResponse, signal: AbortSignal): Send {
  let rest = Buffer.alloc(0);
  return async (text, flush) => {
    let bytes = Buffer.concat([rest, Buffer.from(text)]);
    while (bytes.length > (flush ? 0 : 5)) {
      const multibyte = bytes.findIndex((byte, index) => index > 0 && (byte & 0xc0) === 0x80);
      const length =
        multibyte > 0 && multibyte < 61
          ? multibyte
          : Math.min(bytes.length, flush ? 61 : bytes.length - 5, 61);
      response.write(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
      await wait(2, signal);
    }
    rest = bytes;
  };
}

/** Resolves when the client has taken what was written, or when it has gone. */
export function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      response.off('drain', end);
      signal.removeEventListener('abort', end);
      resolve();
    };
    if (signal.aborted || response.writableNeedDrain === false) {
      resolve();
      return;
    }
    response.on('drain', end);
    signal.addEventListener('abort', end);
  });
}
