import { StringDecoder } from 'node:string_decoder';
import {
  INVALID_REQUEST,
  PARSE_ERROR,
  parseJSONRPCMessage,
  type JSONRPCMessage,
  type RequestId,
  type Transport,
} from '@modelcontextprotocol/server';
import type { Io } from '../io.js';
import { writeText } from '../output/write.js';

/** A longer message is no message. In characters. */
const LONGEST_MESSAGE = 10 * 1024 * 1024;
/** Answered only when the connection ends. */
const ENDLESS = 'subscriptions/listen';

/** A transport over standard input and output, and when it has ended. */
export interface StdioTransport {
  readonly transport: Transport;
  readonly ended: Promise<void>;
}

/**
 * Messages of the protocol, one a line. The SDK's own transport drops the questions that are still open when its input
 * ends, and says nothing to what is no message: this one answers both, as whoever pipes a few lines into it expects.
 */
export function openStdio({
  stdin,
  stdout,
  signal,
}: Pick<Io, 'stdin' | 'stdout' | 'signal'>): StdioTransport {
  const decoder = new StringDecoder('utf8');
  /** What was asked of us, and what we have asked back, which nobody answers once the input has ended. */
  const open = new Set<RequestId>();
  const asking = new Set<RequestId>();
  let rest = '';
  let hasEnded = false;
  let isClosed = false;
  let finish: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (finish = resolve));

  const write = async (message: object): Promise<void> =>
    await writeText(stdout, `${JSON.stringify(message)}\n`, signal);

  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    stdin.off('data', read);
    stdin.off('end', end);
    stdin.off('close', end);
    stdin.off('error', end);
    signal.removeEventListener('abort', stop);
    stdin.pause();
    transport.onclose?.();
    finish();
  };
  const stop = (): void => void close();
  const endIfDone = (): void => {
    if (hasEnded && (open.size === 0 || asking.size > 0)) stop();
  };
  const end = (): void => {
    if (hasEnded) return;
    take(rest + decoder.end());
    hasEnded = true;
    endIfDone();
  };
  const read = (chunk: Buffer | string): void => {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
    if (rest.length <= LONGEST_MESSAGE) return;
    refuse(PARSE_ERROR, 'This message is too long.', null);
    stop();
  };
  const refuse = (code: number, message: string, id: RequestId | null): void =>
    void write({ jsonrpc: '2.0', id, error: { code, message } });
  const take = (line: string): void => {
    if (line.trim() === '' || isClosed) return;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return refuse(PARSE_ERROR, 'This is no JSON.', null);
    }
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(value);
    } catch {
      return refuse(INVALID_REQUEST, 'This is no request of JSON-RPC 2.0.', idOf(value));
    }
    note(message);
    transport.onmessage?.(message);
  };
  const note = (message: JSONRPCMessage): void => {
    if (!('method' in message)) {
      if (message.id !== undefined) asking.delete(message.id);
    } else if ('id' in message) {
      if (message.method !== ENDLESS) open.add(message.id);
    } else if (message.method === 'notifications/cancelled') {
      // The answer to a question that is taken back never comes.
      const id = message.params?.['requestId'];
      if (typeof id === 'string' || typeof id === 'number') open.delete(id);
    }
  };

  const transport: Transport = {
    start: async () => {
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      stdin.on('data', read);
      for (const event of ['end', 'close', 'error']) stdin.on(event, end);
      if (stdin.readableEnded || stdin.destroyed) setImmediate(end);
    },
    send: async (message) => {
      if ('method' in message && 'id' in message) asking.add(message.id);
      await write(message);
      if (!('method' in message) && message.id !== undefined) open.delete(message.id);
      endIfDone();
    },
    close,
  };
  return { transport, ended };
}

function idOf(value: unknown): RequestId | null {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}
