import {
  Client,
  SdkErrorCode,
  StreamableHTTPClientTransport,
  type CallToolResult,
  type JsonSchemaValidatorResult,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { LONGEST_MS } from '../config/duration.js';
import type { McpServer } from '../config/schema.js';
import type { Io } from '../io.js';
import { limitBody } from './limit-body.js';
import type { ListedTool } from './offer.js';
import { ProcessTransport } from './process-transport.js';
import type { ServerLog } from './server-log.js';

/** A server that is spoken with. */
export interface Connection {
  readonly tools: readonly ListedTool[];
  /** Rejects with the server's error, or where `ms` have passed since the call or its last sign of progress. */
  call(
    name: string,
    given: Readonly<Record<string, unknown>>,
    limits: { readonly ms: number; readonly signal: AbortSignal },
  ): Promise<CallToolResult>;
  /** True once the server has ended, or was. */
  isClosed(): boolean;
  /** Ends it; at once where there is no time. Never rejects. */
  close(haste: boolean): Promise<void>;
}

/** What of our environment a server's program gets: what finds programs and files, no secret. */
const PASSED_ON = ['HOME', 'LANG', 'LC_ALL', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'TMPDIR', 'TZ', 'USER'];

/** A server that goes on sending pages of its list is not listened to for longer. */
const MOST_PAGES = 32;
const GOODBYE_MS = 500;

function acceptAnything<Value>(input: unknown): JsonSchemaValidatorResult<Value> {
  return { valid: true, data: input as Value, errorMessage: undefined };
}

interface Opened {
  readonly transport: ProcessTransport | StdioClientTransport | StreamableHTTPClientTransport;
  readonly end: (haste: boolean) => Promise<void>;
}

/**
 * Connects to an MCP server and lists its functions. `signal` bounds that; `log` gets the stderr of a program. Rejects
 * with the library's own errors, which may hold secrets; nothing is left running then.
 */
export async function connectServer(
  io: Io,
  server: McpServer,
  {
    version,
    signal,
    log,
  }: { readonly version: string; readonly signal: AbortSignal; readonly log: ServerLog },
): Promise<Connection> {
  const { transport, end } =
    server.url === undefined ? openProgram(io, server, log) : openHttp(server.url, server);
  // What a result has to look like is between a server and its model: a schema of a stranger's is not run here.
  const jsonSchemaValidator = { getValidator: () => acceptAnything };
  const client = new Client(
    { name: 'ollama-cli', version },
    { jsonSchemaValidator, listMaxPages: MOST_PAGES },
  );
  // Told by the call or the connection that fails.
  client.onerror = () => undefined;
  let isClosed = false;
  client.onclose = () => {
    isClosed = true;
  };
  let closing: Promise<void> | undefined;
  const close = async (haste: boolean): Promise<void> => {
    closing ??= end(haste).catch(() => undefined);
    await closing;
    await client.close().catch(() => undefined);
  };
  const hurry = (): void => void close(true);
  io.signal.addEventListener('abort', hurry, { once: true });
  try {
    const limits = { signal, timeout: LONGEST_MS };
    await client.connect(transport, limits);
    const { tools } = await client.listTools(undefined, limits);
    return {
      tools,
      isClosed: () => isClosed,
      call: async (name, given, { ms, signal: stop }) =>
        (await client.callTool(
          { name, arguments: { ...given } },
          { timeout: ms, signal: stop, resetTimeoutOnProgress: true, onprogress: () => undefined },
        )) as CallToolResult,
      close: async (haste) => {
        io.signal.removeEventListener('abort', hurry);
        await close(haste);
      },
    };
  } catch (error) {
    io.signal.removeEventListener('abort', hurry);
    await close(true);
    throw error;
  }
}

/** True for the error of a call that took too long. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === SdkErrorCode.RequestTimeout;
}

function openProgram(io: Io, { command = '', args = [], env = {} }: McpServer, log: ServerLog): Opened {
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = io.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  if (io.platform === 'win32') {
    // There the library knows how .cmd files such as npx are started, and what a program needs of the environment.
    const transport = new StdioClientTransport({
      ...{ command, args: [...args], env: { ...env }, cwd: io.cwd },
      stderr: 'pipe',
    });
    transport.stderr?.on('data', log.write);
    return { transport, end: async () => await transport.close() };
  }
  const transport = new ProcessTransport({
    ...{ command, args, cwd: io.cwd },
    env: { ...Object.fromEntries(passedOn), ...env },
    onStderr: log.write,
  });
  return {
    transport,
    end: async (haste) => await (haste ? transport.interrupt() : transport.close()),
  };
}

function openHttp(url: string, { headers = {} }: McpServer): Opened {
  // A redirect is followed within the origin only: the headers are for nobody else.
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { ...headers } },
    redirectPolicy: 'same-origin',
    fetch: async (address, init) => limitBody(await fetch(address, init)),
    reconnectionOptions: {
      ...{ initialReconnectionDelay: 1_000, maxReconnectionDelay: 30_000, reconnectionDelayGrowFactor: 1.5 },
      maxRetries: 2,
    },
  });
  return {
    transport,
    end: async (haste) => {
      // Politeness, which must not hold anybody up.
      if (!haste) await within(GOODBYE_MS, transport.terminateSession());
      await transport.close();
    },
  };
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
