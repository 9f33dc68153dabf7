import { LONGEST_MS } from '../config/duration.js';
import type { McpServer } from '../config/schema.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { relay } from '../core/time-limit.js';
import type { ToolCall } from '../core/wire.js';
import { cleanLine } from '../format/clean.js';
import { formatMs } from '../format/duration.js';
import { findNearest } from '../format/nearest.js';
import type * as Connect from './connect.js';
import type { Connection } from './connect.js';
import { nameTools, type OfferedTool } from './offer.js';
import { cutText, resultText } from './result-text.js';
import { hideSecrets } from './secrets.js';
import { openServerLog } from './server-log.js';
import type { Toolbox } from './toolbox.js';
import type { ToolResult } from './turn.js';

/** How long a server may take until it has told its functions, and, unless configured, a call. In milliseconds. */
const CONNECT_MS = 10_000;
const CALL_MS = 60_000;
/** How much is told of why a server could not be used, in UTF-16 units. */
const MOST_WORDS = 300;

/** Who hears, in a clean sentence, of a server that fails and of functions that are left out. */
export type TellToolbox = (error: OllamaError) => void;

/** A server that is spoken with, and what is needed around it. */
interface Open {
  readonly name: string;
  readonly server: McpServer;
  readonly connection: Connection;
  readonly hide: (text: string) => string;
  readonly close: (haste: boolean) => Promise<void>;
}

/** Loaded when it is needed: it is as large as all the rest of a chat. */
type Lib = Pick<typeof Connect, 'connectServer' | 'isTimeout'>;

/**
 * Connects to MCP servers by their names in the configuration, all at once. Throws `usage` for a name that is not there,
 * and `config` or `protocol` for one that fails; with `tell`, that is told and the others go on.
 */
export async function openToolbox(
  context: Pick<Context, 'io' | 'settings'>,
  names: readonly string[],
  options: { readonly tell?: TellToolbox | undefined; readonly connectMs?: number } = {},
): Promise<Toolbox> {
  const { io, settings } = context;
  const wanted = [...new Set(names)].map((name) => ({ name, server: findServer(settings.mcp, name) }));
  const lib = await import('./connect.js');
  const { VERSION } = await import('../version.js');
  const tries = await Promise.allSettled(
    wanted.map(async ({ name, server }) => {
      const limits = { version: VERSION, connectMs: options.connectMs ?? CONNECT_MS };
      return await openServer(context, lib, name, server, limits);
    }),
  );
  const open = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const closeAll = async (): Promise<void> => {
    await Promise.all(open.map(async ({ close }) => await close(io.signal.aborted)));
  };
  const failed = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  if (failed.length > 0 && (options.tell === undefined || io.signal.aborted)) {
    await closeAll();
    throw failed[0];
  }
  for (const error of failed) if (error instanceof OllamaError) options.tell?.(error);
  const { offered, leftOut } = nameTools(
    open.map(({ name, connection }) => ({ server: name, tools: connection.tools })),
  );
  const warn = options.tell ?? ((error: OllamaError) => void io.stderr.write(`warning: ${error.message}\n`));
  for (const words of leftOut) warn(new OllamaError('protocol', words));
  const byName = new Map(offered.map((one) => [one.name, one]));
  const servers = new Map(open.map((one) => [one.name, one]));
  return {
    definitions: offered.map(({ definition }) => definition),
    describe: (name) => {
      const found = byName.get(name);
      if (found === undefined) return undefined;
      return { server: found.server, description: found.tool.description ?? '' };
    },
    call: async (call, signal) => {
      const found = byName.get(call.function.name);
      const server = found === undefined ? undefined : servers.get(found.server);
      if (found === undefined || server === undefined) {
        return { text: `There is no function ${call.function.name}.`, isError: true, ms: 0 };
      }
      return await callTool(lib, server, found, call, { signal, now: io.now });
    },
    close: closeAll,
  };
}

function findServer(configured: Readonly<Record<string, McpServer>>, name: string): McpServer {
  const server = Object.hasOwn(configured, name) ? configured[name] : undefined;
  if (server === undefined) {
    const all = Object.keys(configured);
    const near = findNearest(name, all, 3);
    const which = near.length > 0 ? `Did you mean ${near.join(', ')}?` : `There are: ${all.join(', ')}.`;
    throw new OllamaError('usage', `There is no MCP server "${cleanLine(name)}" in the configuration.`, {
      hint:
        all.length === 0 ? `mcp.${cleanLine(name)}.command or .url in your own configuration file.` : which,
    });
  }
  if ((server.command === undefined) === (server.url === undefined)) {
    throw new OllamaError('config', `mcp.${name} needs a command or a url, one of the two.`);
  }
  return server;
}

async function openServer(
  { io }: Pick<Context, 'io'>,
  lib: Lib,
  name: string,
  server: McpServer,
  { version, connectMs }: { readonly version: string; readonly connectMs: number },
): Promise<Open> {
  const hide = hideSecrets(server);
  const log = openServerLog(io, name);
  const limit = relay(io.signal);
  const timer = setTimeout(
    () => limit.abort(new Error(`it was not ready within ${formatMs(connectMs)}.`)),
    connectMs,
  );
  try {
    const connection = await lib.connectServer(io, server, { version, signal: limit.signal, log });
    const close = async (haste: boolean): Promise<void> => {
      await connection.close(haste);
      log.close();
    };
    return { name, server, connection, hide, close };
  } catch (error) {
    log.close();
    if (io.signal.aborted) throw new OllamaError('interrupted', 'Interrupted.');
    throw connectError(name, server, limit.signal.aborted ? limit.signal.reason : error, hide, log.file);
  } finally {
    clearTimeout(timer);
    limit.release();
  }
}

/** Without the library's own error as its cause: that may hold a header, and `--debug` would print it. */
function connectError(
  name: string,
  server: McpServer,
  error: unknown,
  hide: (text: string) => string,
  log: string,
): OllamaError {
  // A server may answer with a whole page.
  const words = cleanLine(hide(deepest(error)).slice(0, MOST_WORDS));
  const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  if (absent && server.command !== undefined) {
    return new OllamaError(
      'config',
      `mcp.${name}.command: there is no program ${cleanLine(server.command)}.`,
    );
  }
  return new OllamaError('protocol', `The MCP server "${name}" could not be used: ${words}`, {
    hint:
      server.url === undefined
        ? `What it wrote is in ${log}.`
        : `mcp.${name}.url is ${withoutQuery(server.url)}.`,
  });
}

/** Many services have their key in the address. */
function withoutQuery(url: string): string {
  return cleanLine(url.replace(/[?#].*$/s, ''));
}

/** What an error says at the bottom: `fetch failed` says nothing, what caused it does. */
function deepest(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.message === 'fetch failed'
    ? deepest(error.cause)
    : error.message || error.name;
}

async function callTool(
  lib: Lib,
  { name, server, connection, hide }: Open,
  { tool }: OfferedTool,
  call: ToolCall,
  { signal, now }: { readonly signal: AbortSignal; readonly now: () => number },
): Promise<ToolResult> {
  const startedAt = now();
  const took = (): number => Math.max(0, now() - startedAt);
  // An explicit "no limit" is there, without a value.
  const ms = 'timeout' in server ? (server.timeout ?? LONGEST_MS) : CALL_MS;
  // The library leaves a listener on the signal of each call.
  const stop = relay(signal);
  try {
    const result = await connection.call(tool.name, call.function.arguments, { ms, signal: stop.signal });
    return { text: resultText(result), isError: result.isError === true, ms: took() };
  } catch (error) {
    const text = signal.aborted
      ? 'Stopped by the person before it ended.'
      : lib.isTimeout(error)
        ? `It gave no result within ${formatMs(ms)}.`
        : connection.isClosed()
          ? `The MCP server "${name}" has ended.`
          : cutText(hide(deepest(error)));
    return { text, isError: true, ms: took() };
  } finally {
    stop.release();
  }
}
