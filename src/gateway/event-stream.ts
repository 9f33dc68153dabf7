import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { AnswerForm } from './preferences.js';

/** The forms that come in pieces. */
export type StreamForm = Exclude<AnswerForm, 'json'>;

const TYPES: Readonly<Record<StreamForm, string>> = {
  sse: 'text/event-stream; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
};

/** What JSON leaves as it is, and many readers of lines take for an end of line. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/**
 * One event as it stands in a stream: a line of JSON, or one `data:` of server-sent events (without a name, so that
 * `onmessage` of a browser gets all of them). Whatever text is in it, it is one line.
 */
export function frameEvent(form: StreamForm, event: object): string {
  const json = JSON.stringify(event).replace(
    LINE_ENDS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return form === 'sse' ? `data: ${json}\n\n` : `${json}\n`;
}

/** ASCII that JSON writes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** A signal that is aborted when the caller goes before it has the whole answer. */
export function signalOfCaller({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const end = (): void => {
    if (!raw.writableFinished) controller.abort();
  };
  if (raw.destroyed) end();
  else raw.once('close', end);
  return controller.signal;
}

/** An answer in pieces. */
export interface EventStream {
  /** Sends what `frameEvent` made; a promise where the caller reads slower than this: it is to be awaited. */
  write(frames: string): Promise<void> | undefined;
  /** Sends a token's event, as `frameEvent` has it, only sooner. */
  writeToken(text: string): Promise<void> | undefined;
  end(): void;
}

/** Of server-sent events a comment keeps proxies from ending what is silent for so long, in milliseconds. */
const HEARTBEAT_MS = 15_000;

/** One clock for all that is silent: a timer each would be the larger part of what some of them hold. */
const HEART = openHeart();

function openHeart() {
  const beats = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  return {
    /** Calls `beat` now and then until the returned function is called. */
    watch(beat: () => void): () => void {
      beats.add(beat);
      timer ??= setInterval(() => {
        for (const each of beats) each();
      }, HEARTBEAT_MS).unref();
      return () => {
        beats.delete(beat);
        if (beats.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}

/** Begins an answer in pieces; from here on its status is 200. */
export function openEventStream(reply: FastifyReply, form: StreamForm): EventStream {
  const { raw } = reply;
  // A caller that resets its connection is none of our failures.
  raw.on('error', () => undefined);
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value);
  }
  raw.writeHead(200, {
    'content-type': TYPES[form],
    'cache-control': 'no-cache, no-transform',
    // nginx holds back what it does not know for a stream.
    'x-accel-buffering': 'no',
  });
  let isSilent = false;
  let hasBegun = false;
  const beat = (): void => {
    if (isSilent && !raw.writableNeedDrain && raw.socket?.writableNeedDrain !== true) send(':\n\n');
    isSilent = true;
  };
  // The head goes out with what is first. Then each chunk is framed here and written as one: Node makes four of it, and
  // that costs a token as much as all else that is done to it.
  const send = (frames: string, isAscii = false): boolean => {
    const { socket } = raw;
    if (!hasBegun || !raw.chunkedEncoding || socket === null) {
      hasBegun = true;
      return raw.write(frames);
    }
    const bytes = isAscii ? frames.length : Buffer.byteLength(frames);
    return socket.write(`${bytes.toString(16)}\r\n${frames}\r\n`, isAscii ? 'latin1' : 'utf8');
  };
  const [before, after] = form === 'sse' ? ['data: ', '\n\n'] : ['', '\n'];
  setImmediate(() => {
    if (!hasBegun && !raw.destroyed) raw.flushHeaders();
  });
  const stop = form === 'sse' ? HEART.watch(beat) : (): void => undefined;
  raw.once('close', stop);
  return {
    write(frames) {
      isSilent = false;
      // Of no bytes at all the chunk would be the last one.
      if (frames === '' || raw.destroyed || send(frames)) return undefined;
      return drained(raw);
    },
    writeToken(text) {
      isSilent = false;
      const isPlain = PLAIN.test(text);
      const frames = isPlain
        ? `${before}{"type":"token","text":"${text}"}${after}`
        : frameEvent(form, { type: 'token', text });
      return raw.destroyed || send(frames, isPlain) ? undefined : drained(raw);
    },
    end() {
      stop();
      raw.end();
    },
  };
}

/** Resolves once more can be written, or nothing any more: who never reads is cut off by the server's own watch. */
async function drained(raw: ServerResponse): Promise<void> {
  const { socket } = raw;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const stream of [raw, socket]) stream?.off('drain', done).off('close', done);
      resolve();
    };
    for (const stream of [raw, socket]) stream?.on('drain', done).on('close', done);
  });
}
