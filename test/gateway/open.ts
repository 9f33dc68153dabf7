import { onTestFinished } from 'vitest';
import { createContext, type Context } from '../../src/context.js';
import { openGateway, type GatewayOptions } from '../../src/gateway/server.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/server.js';
import { gatherDeps } from '../../src/commands/gateway.js';
import { testIo } from '../support/io.js';

/** The token of every gateway of the tests. */
export const TOKEN = 'token-of-the-tests';

/** Sends a request with the token; a body is sent as JSON. */
export type Send = (
  method: string,
  path: string,
  body?: unknown,
  options?: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal },
) => Promise<Response>;

/** A gateway in front of a sandbox. */
export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly sandbox: Sandbox;
  readonly context: Context;
  /** Sends a request with the token; a body is sent as JSON. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  fault(...faults: string[]): void;
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  readonly sandbox?: SandboxOptions;
  readonly gateway?: Partial<GatewayOptions>;
  /** Settings, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another server than a sandbox of the test's own. */
  readonly host?: string;
}

/** Sends requests with the token to a gateway; a body is sent as JSON, a text as it is. */
export function sendTo(url: string): Send {
  return async (method, path, body, { headers = {}, signal } = {}) =>
    await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: signal ?? null,
    });
}

/** Opens a gateway in this process, until the end of the test at the latest. */
export async function openTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const sandbox = await startSandbox({
    scale: 0.001,
    tokensPerSecond: Infinity,
    loadMs: 1,
    installed: ['qwen3:8b', 'gemma3:1b'],
    ...options.sandbox,
  });
  const { io } = testIo({ env: { OLLAMA_HOST: options.host ?? sandbox.url, ...options.env } });
  const context = await createContext(io, {});
  const gateway = await openGateway(await gatherDeps(context), {
    listen: { host: '127.0.0.1', port: 0 },
    token: TOKEN,
    ...options.gateway,
  });
  const close = async (): Promise<void> => {
    await gateway.close();
    await sandbox.close();
  };
  onTestFinished(close);
  const send = sendTo(gateway.url);
  return {
    url: gateway.url,
    port: Number(new URL(gateway.url).port),
    sandbox,
    context,
    send: async (method, path, body, headers = {}) => await send(method, path, body, { headers }),
    fault: (...faults) => sandbox.setFaults(faults.map(parseFault)),
    close,
  };
}
