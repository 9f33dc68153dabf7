import { onTestFinished } from 'vitest';
import { createContext, type Context } from '../../src/context.js';
import { checkAllowed } from '../../src/consent.js';
import type { GatewayDeps } from '../../src/gateway/deps.js';
import { openGateway, type GatewayOptions } from '../../src/gateway/server.js';
import { checkFreshness } from '../../src/models/outdated.js';
import { openProviders } from '../../src/providers/configured.js';
import { findRegistry } from '../../src/registry.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/server.js';
import { testIo } from '../support/io.js';

/** The token of every gateway of the tests. */
export const TOKEN = 'token-of-the-tests';

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

/** What the command gives a gateway, of a context. */
export async function depsOf(context: Context): Promise<GatewayDeps> {
  return {
    client: context.client,
    providers: await openProviders(context),
    pullLimitMs: context.settings.timeouts.pull,
    firstTokenMs: context.settings.timeouts.first_token,
    silenceMs: context.settings.timeouts.silence,
    checkAllowed: (model) => checkAllowed(context, model),
    outdated: async (signal) =>
      await checkFreshness(context, await findRegistry(context), await context.client.list({ signal }), {
        signal,
      }),
    now: context.io.now,
  };
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
  const gateway = await openGateway(await depsOf(context), {
    listen: { host: '127.0.0.1', port: 0 },
    token: TOKEN,
    ...options.gateway,
  });
  const close = async (): Promise<void> => {
    await gateway.close();
    await sandbox.close();
  };
  onTestFinished(close);
  return {
    url: gateway.url,
    port: Number(new URL(gateway.url).port),
    sandbox,
    context,
    send: async (method, path, body, headers = {}) =>
      await fetch(gateway.url + path, {
        method,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    fault: (...faults) => sandbox.setFaults(faults.map(parseFault)),
    close,
  };
}
