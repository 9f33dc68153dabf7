import { collect, type Register } from '../command.js';
import { checkAllowed, checkProjectHost } from '../consent.js';
import { parseDuration, parseFlag } from '../config/duration.js';
import { parseListen } from '../config/listen.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { isLoopback } from '../core/url.js';
import { cleanLine, cleanText } from '../format/clean.js';
import type { GatewayDeps } from '../gateway/deps.js';
import type { GatewayOptions } from '../gateway/server.js';

interface GatewayFlags {
  readonly listen?: string;
  /** False with `--no-token`. */
  readonly token?: boolean;
  readonly tokenEnv?: string;
  readonly tokenFile?: string;
  readonly allowHost?: readonly string[];
  readonly cors?: readonly string[];
  readonly callerTimeout?: string;
  readonly yes?: boolean;
}

const DEFAULT_LISTEN = '127.0.0.1:8002';
/** What can be guessed by trying is shorter. In characters. */
const SHORTEST_TOKEN = 16;
/** A head is short: nobody needs longer to send one. */
const HEAD_MS = 10_000;

/** Declares `gateway`. */
export const register: Register = (program, action) => {
  program
    .command('gateway')
    .helpGroup('Server:')
    .summary('the REST gateway for web applications')
    .description(
      'Serves models, pulls and chats of the server, and of the configured providers, as a REST API. Prints its URL; every call needs its token; Ctrl-C ends it once what streams has ended.',
    )
    .option('--listen <[addr:]port>', `where to listen (${DEFAULT_LISTEN}); port 0 for a free one`)
    .option('--token-env <variable>', 'the environment variable that holds the token')
    .option('--token-file <file>', 'the file, readable by you alone, that holds the token')
    .option('--no-token', 'answer without a token; on a loopback address only')
    .option('--allow-host <name>', 'another name by which it may be called; repeats', collect)
    .option('--cors <origin>', 'the origin of a web page that may call it; repeats', collect)
    .option(
      '--caller-timeout <duration>',
      'how long a caller may take to send a request, or leave an answer unread (30s)',
    )
    .option('-y, --yes', 'go on without asking')
    .action(
      action(gateway, {
        hasOthers: ({ fallback, providers }) =>
          fallback.length > 0 || Object.values(providers).some(({ enabled }) => enabled === true),
      }),
    );
};

async function gateway(context: Context, flags: GatewayFlags): Promise<void> {
  const { io } = context;
  const listen = parseListen(flags.listen ?? DEFAULT_LISTEN);
  const cors = (flags.cors ?? []).map(checkOrigin);
  const allowHosts = (flags.allowHost ?? []).map(checkName);
  const limits = callerLimits(flags);
  const given = await readToken(context, flags);
  checkLength(context, given, listen.host);
  await checkProjectHost(context, flags.yes === true);
  const { makeToken } = await import('../gateway/token.js');
  const token = flags.token === false ? undefined : (given ?? makeToken());
  const { openGateway } = await import('../gateway/server.js');
  const deps = await gatherDeps(context);
  const running = await openGateway(deps, {
    ...{ listen, token, cors, allowHosts, limits },
    ...debugging(context),
  });
  try {
    // A script reads this one line and has the address.
    io.stdout.write(`${running.url}\n`);
    tellStart(context, running.url, { token, isMade: given === undefined });
    if (!isLoopback(listen.host)) {
      io.stderr.write(
        'warning: others can reach this address, and it speaks no TLS: put a proxy that does in front of it.\n',
      );
    }
    const { lookAtServer } = await import('../health/look.js');
    await lookAtServer(context);
    await untilEnd(io.signal);
    if (io.signal.reason !== 'epipe') io.stderr.write('Ending; Ctrl-C once more ends it at once.\n');
  } finally {
    await running.close();
  }
}

function callerLimits({ callerTimeout }: GatewayFlags): NonNullable<GatewayOptions['limits']> {
  if (callerTimeout === undefined) return {};
  const ms = parseFlag('--caller-timeout', callerTimeout, parseDuration);
  return { requestMs: ms, unreadMs: ms, headersMs: Math.min(ms, HEAD_MS), idleMs: Math.min(ms, HEAD_MS) };
}

async function untilEnd(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function tellStart(
  { io, client }: Context,
  url: string,
  { token, isMade }: { readonly token: string | undefined; readonly isMade: boolean },
): void {
  const shown = isMade ? token : 'TOKEN';
  const header = token === undefined ? '' : `-H "Authorization: Bearer ${shown ?? ''}" `;
  const lines = [
    `The gateway to ${client.host.url}. Ctrl-C ends it.`,
    ...(token !== undefined && isMade ? [`Token: ${token}`] : []),
    `Try: curl ${header}${url}/api/providers/ollama/models`,
  ];
  io.stderr.write(`${lines.join('\n')}\n`);
}

/** What the gateway's routes stand on, by the settings. */
export async function gatherDeps(context: Context): Promise<GatewayDeps> {
  const { client, settings, io } = context;
  const { openChain, openProviders } = await import('../providers/configured.js');
  const { createCircuit } = await import('../providers/circuit.js');
  const providers = openProviders(context);
  // What is wrong there is told at the start, and not to each caller.
  await openChain(context, providers);
  return {
    client,
    providers,
    pullLimitMs: settings.timeouts.pull,
    firstTokenMs: settings.timeouts.first_token,
    silenceMs: settings.timeouts.silence,
    circuit: createCircuit({ waitMs: settings.health_check_interval, now: () => io.now() }),
    checkAllowed: (model) => checkAllowed(context, model),
    outdated: async (signal) => {
      const { findRegistry } = await import('../registry.js');
      const { checkFreshness } = await import('../models/outdated.js');
      const models = await client.list({ force: true, signal });
      return await checkFreshness(context, await findRegistry(context), models, { signal });
    },
    now: () => io.now(),
  };
}

/** Requests by their routes and what was unforeseen, for `--debug`; never what a caller has written. */
function debugging({ io, flags }: Context): Pick<GatewayOptions, 'onAnswered' | 'onUnforeseen'> {
  if (flags.debug !== true) return {};
  return {
    onAnswered: ({ method, route = '(no route)', status, ms }) => {
      io.stderr.write(`debug: ${method} ${route}: ${status}, ${ms} ms\n`);
    },
    onUnforeseen: (error) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      io.stderr.write(`debug: ${cleanText(text)}\n`);
    },
  };
}

/** The token that was given, by a variable or a file; it is never on a command line, which others can read. */
async function readToken({ io }: Context, flags: GatewayFlags): Promise<string | undefined> {
  const { tokenEnv, tokenFile } = flags;
  const ways = [tokenEnv, tokenFile, flags.token === false ? '' : undefined];
  if (ways.filter((way) => way !== undefined).length > 1) {
    throw new OllamaError('usage', 'Give one of --token-env, --token-file and --no-token.');
  }
  if (tokenEnv !== undefined) {
    const value = io.env[tokenEnv];
    if (value === undefined) {
      throw new OllamaError('usage', `--token-env ${cleanLine(tokenEnv)}: this variable is not set.`);
    }
    return checkToken(value, `--token-env ${cleanLine(tokenEnv)}`);
  }
  if (tokenFile === undefined) return undefined;
  const { readPrivateFile } = await import('../hosts/private-file.js');
  const { resolve } = await import('node:path');
  const text = await readPrivateFile(resolve(io.cwd, tokenFile), '--token-file', io.platform);
  return checkToken(text, `--token-file ${cleanLine(tokenFile)}`);
}

function checkToken(text: string, source: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const why = token === '' ? 'it is empty' : 'it has characters that no header can carry';
  throw new OllamaError('usage', `${source} holds no token: ${why}.`);
}

/** Throws `usage` for a token that others could guess; on this machine alone it is warned of. */
function checkLength({ io }: Context, token: string | undefined, host: string): void {
  if (token === undefined || token.length >= SHORTEST_TOKEN) return;
  const why = `The token has ${token.length} characters, and fewer than ${SHORTEST_TOKEN} can be guessed.`;
  const hint = 'Make one: openssl rand -base64 32';
  if (!isLoopback(host)) throw new OllamaError('usage', why, { hint });
  io.stderr.write(`warning: ${why} ${hint}\n`);
}

/** An origin as browsers write it: a scheme, a name, a port where it is not the usual one, and nothing after. */
function checkOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin;
  throw new OllamaError('usage', `--cors takes one origin, not "${cleanLine(text)}".`, {
    hint: 'For example --cors http://localhost:3000 --cors https://app.example.',
  });
}

function checkName(text: string): string {
  if (/^[a-z0-9._-]+$/i.test(text) || /^[0-9a-f:.]+$/i.test(text)) return text.toLowerCase();
  throw new OllamaError(
    'usage',
    `--allow-host takes a name without a scheme or port, not "${cleanLine(text)}".`,
  );
}
