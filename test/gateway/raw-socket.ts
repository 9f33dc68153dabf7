import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A connection of which every byte is the test's own. */
export interface RawSocket {
  readonly socket: Socket;
  send(text: string): void;
  /** All that has come so far. */
  received(): string;
  /** Resolves when the other side has closed it. */
  readonly closed: Promise<void>;
}

/** Opens a connection and sends `text`. */
export async function openRaw(port: number, text = '', host = '127.0.0.1'): Promise<RawSocket> {
  const socket = connect({ port, host });
  let all = '';
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // A connection that is reset is closed; which of the two is the system's affair.
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (chunk) => (all += String(chunk)));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  if (text !== '') socket.write(text);
  return { socket, send: (more) => void socket.write(more), received: () => all, closed };
}

/** Sends `text` and resolves to all that came until the other side closed the connection. */
export async function exchange(port: number, text: string): Promise<string> {
  const raw = await openRaw(port, text);
  await raw.closed;
  return raw.received();
}

/** The status of an answer; NaN where there is none. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? NaN);
}

/** The statuses of all answers on a connection. */
export function statusesOf(answers: string): number[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** The body of an answer with a length. */
export function bodyOf(answer: string): unknown {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
}

const LISTENING = '0A';

/** How many connections to a port of this machine's 127.0.0.1 the program behind it holds open. Linux only. */
export function heldConnections(port: number): number {
  const [, ...rows] = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n');
  return rows.filter((row) => {
    const [, local = '', , state, , , , , , inode] = row.trim().split(/\s+/);
    // Without an inode nobody has a descriptor of it: the system waits for late packets.
    return parseInt(local.split(':')[1] ?? '', 16) === port && state !== LISTENING && inode !== '0';
  }).length;
}

/** How many sockets a process holds, in both directions. Linux only. */
export function heldSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => {
    try {
      return readlinkSync(`${folder}/${name}`).startsWith('socket:');
    } catch {
      // Closed since the folder was read.
      return false;
    }
  }).length;
}

/** Resolves once `ask` answers as wanted; rejects with the last answer when it never does. */
export async function until<Value>(
  ask: () => Value | Promise<Value>,
  fits: (value: Value) => boolean,
  limitMs = 15_000,
): Promise<Value> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await ask();
    if (fits(value)) return value;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(value)} after ${limitMs} ms`);
    await sleep(20);
  }
}
