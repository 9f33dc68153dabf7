import { describe, expect, onTestFinished } from 'vitest';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/server.js';
import { exchange, heldConnections, heldSockets, statusOf, until } from '../gateway/raw-socket.js';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.js';

/** Descriptors are counted where the system tells them. */
export const onLinux = describe.skipIf(process.platform !== 'linux');

export const JSON_TYPE = 'Content-Type: application/json';

/** The built gateway, in a process of its own, and the server behind it. */
export interface Attacked {
  readonly gateway: GatewayProcess;
  readonly sandbox: Sandbox;
  /** How many sockets the process held before anything was sent to it. */
  readonly socketsBefore: number;
}

/** Opens both until the end of the test. */
export async function open(
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  options: SandboxOptions = {},
): Promise<Attacked> {
  const sandbox = await startSandbox({ scale: 0.001, loadMs: 1, tokensPerSecond: Infinity, ...options });
  onTestFinished(async () => await sandbox.close());
  const gateway = await startGatewayProcess(sandbox.url, flags, env);
  await stillAnswers({ gateway });
  return { gateway, sandbox, socketsBefore: process.platform === 'linux' ? heldSockets(gateway.pid) : 0 };
}

/** A request as it stands on the wire; `headers` after Host and the token. */
export function request(
  { port, token }: GatewayProcess,
  line: string,
  headers: readonly string[] = [],
  body = '',
  host = `127.0.0.1:${port}`,
): string {
  const all = [`Host: ${host}`, `Authorization: Bearer ${token}`, ...headers];
  return `${line} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${body}`;
}

/** A chat that is answered as lines of JSON, as they come. */
export function chatRequest(gateway: GatewayProcess): string {
  const body = JSON.stringify({ message: 'hello', model: 'gemma3:1b', stream: true });
  const headers = [JSON_TYPE, `Content-Length: ${body.length}`, 'Accept: application/x-ndjson'];
  return request(gateway, 'POST /api/chat', headers, body);
}

/** Until the gateway has let go of all connections to it, and of those that it has opened for them. */
export async function allClosed({ gateway, socketsBefore }: Attacked, limitMs = 20_000): Promise<void> {
  await until(
    () => [heldConnections(gateway.port), Math.max(0, heldSockets(gateway.pid) - socketsBefore)],
    (counts) => counts.every((count) => count === 0),
    limitMs,
  );
}

/** Answers another one as if nothing had been. */
export async function stillAnswers({ gateway }: Pick<Attacked, 'gateway'>): Promise<void> {
  const answer = await exchange(gateway.port, request(gateway, 'GET /ready', ['Connection: close']));
  expect(statusOf(answer)).toBe(200);
}

/** What reached the server behind. */
export function reached({ sandbox }: Attacked): string[] {
  return sandbox.requests
    .map(({ method, path }) => `${method} ${path}`)
    .filter((line) => !/^GET \/api\/(?:version|tags|ps)$/.test(line));
}

export function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}
