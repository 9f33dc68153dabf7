import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { findProgram } from './config/find-program.js';
import { openOwn } from './config/open-own.js';
import { hasCredentials, isSameHost } from './config/host-text.js';
import { stateDir } from './config/paths.js';
import type { Context } from './context.js';
import { OllamaError, isOllamaError } from './core/errors.js';
import { sleep } from './core/retry.js';
import { timeLimit } from './core/time-limit.js';
import { isLoopback, type HostAddress } from './core/url.js';
import { cleanLine } from './format/clean.js';
import type { Io } from './io.js';

const LIMIT_MS = 30_000;
const ASK_EVERY_MS = 100;
/** A log that has grown beyond this is begun anew, in bytes. */
const LONGEST_LOG = 10_000_000;
const DOWNLOAD = 'https://ollama.com/download';
/** Ollama's own ways to install it. */
const GET_IT: Partial<Record<NodeJS.Platform, string>> = {
  linux: `Get it from ${DOWNLOAD}, or: curl -fsSL https://ollama.com/install.sh | sh`,
  darwin: `Get it from ${DOWNLOAD}, or: brew install ollama`,
  win32: `Get it from ${DOWNLOAD}, or: winget install Ollama.Ollama`,
};

/** A server that answers: which, and where it is from. */
export interface StartedServer {
  /** False where one answered already: nothing was started. */
  readonly started: boolean;
  readonly program?: string;
  readonly pid?: number | undefined;
  /** The file of what it says. */
  readonly log: string;
  /** The command that ends it. */
  readonly stop: string;
}

/**
 * Starts `ollama serve` for the host in use, if nothing answers there yet, and resolves once it does; it goes on running
 * when this program has ended. Says on stderr what was started and how to stop it. Throws `usage` for a host on another
 * machine, `protocol` where another program has the port, `unreachable` where there is no such program or it does not
 * answer within 30 s, and `interrupted`.
 */
export async function startServer(context: Pick<Context, 'io' | 'client'>): Promise<void> {
  const { io, client } = context;
  const { started, program, log, stop } = await launchServer(context);
  if (!started) return;
  io.stderr.write(
    `Started ${program} serve on ${client.host.display}; it goes on running. Stop it: ${stop}\n`,
  );
  io.stderr.write(`What it says is in ${log}\n`);
}

/** The same without a word; tells what was done. */
export async function launchServer(context: Pick<Context, 'io' | 'client'>): Promise<StartedServer> {
  const { io, client } = context;
  const { host } = client;
  if (!isLoopback(host.hostname) || host.protocol !== 'http:' || host.path !== '') {
    throw new OllamaError('usage', `Only a plain server on this machine can be started, not ${host.url}.`, {
      host: host.url,
      hint: 'Start it there: ollama serve.',
    });
  }
  const log = path.join(stateDir(io.env, io.platform), 'logs', 'ollama-serve.log');
  if (await answers(context, io.signal))
    return { started: false, log, stop: stopAny(io.platform, host.port) };
  const program = await findProgram(io, 'ollama');
  if (program === undefined) {
    throw new OllamaError('unreachable', 'Ollama is not installed here: there is no "ollama" on the PATH.', {
      host: host.url,
      hint: GET_IT[io.platform] ?? `Get it from ${DOWNLOAD}.`,
    });
  }
  const child = await spawnServer(io, program, host, log);
  await waitUntilItAnswers(context, child, log);
  client.clearCache();
  const { pid } = child;
  const stop = io.platform === 'win32' ? `taskkill /PID ${pid} /T /F` : `kill ${pid}`;
  return { started: true, program, pid, log, stop };
}

/** Where Ollama listens as its installers set it up: a service or an app of the system is the server at no other port. */
const INSTALLED_PORT = 11_434;

/** What ends a server of which nothing is known but its port. */
export function stopAny(platform: NodeJS.Platform, port: number): string {
  const isInstalled = port === INSTALLED_PORT;
  if (platform === 'win32') {
    return isInstalled
      ? 'taskkill /IM "ollama app.exe" /IM ollama.exe /F'
      : `netstat -ano | findstr :${port} shows its PID; taskkill /PID PID /T /F`;
  }
  const kill = `kill $(lsof -t -iTCP:${port} -sTCP:LISTEN)`;
  if (!isInstalled) return kill;
  return `${platform === 'darwin' ? `osascript -e 'quit app "Ollama"'` : 'sudo systemctl stop ollama'}, or ${kill}`;
}

/** Whether a server answers there; a refusal is an answer. Throws `protocol` where another program has the port. */
async function answers(
  { client }: Pick<Context, 'client'>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await client.version({ signal });
    return true;
  } catch (error) {
    if (!isOllamaError(error) || error.code === 'interrupted') throw error;
    if (error.code === 'protocol') {
      const { message, host, reason } = error;
      const hint = `Another program has port ${client.host.port}: end it, or name another address with -H.`;
      throw new OllamaError('protocol', message, { host, reason, hint, cause: error });
    }
    return error.code !== 'unreachable' && error.code !== 'timeout' && error.code !== 'stream_cut';
  }
}

async function openLog(file: string, platform: NodeJS.Platform): Promise<FileHandle> {
  const handle = await openOwn(file, 'a');
  if (platform !== 'win32') await handle.chmod(0o600);
  if ((await handle.stat()).size > LONGEST_LOG) await handle.truncate(0);
  return handle;
}

async function spawnServer(io: Io, program: string, host: HostAddress, log: string): Promise<ChildProcess> {
  const cannot = (cause: unknown): OllamaError =>
    new OllamaError('unreachable', `${program} could not be started: ${reason(cause)}.`, { cause });
  const handle = await openLog(log, io.platform).catch((cause: unknown) => {
    throw cannot(cause);
  });
  try {
    const child = spawn(program, ['serve'], {
      env: { ...io.env, OLLAMA_HOST: listenAddress(io.env['OLLAMA_HOST'], host) },
      stdio: ['ignore', handle.fd, handle.fd],
      // Of its own group: the Ctrl-C that ends this program is not meant for it.
      detached: true,
      windowsHide: true,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(cannot(cause)));
    });
    child.unref();
    return child;
  } finally {
    await handle.close();
  }
}

/** The person's own word where it means this server: it may say more than what is dialled, as 0.0.0.0 does. */
function listenAddress(said: string | undefined, { hostname, port, url }: HostAddress): string {
  // A server listens with neither a user nor a password.
  if (said !== undefined && !hasCredentials(said) && isSameHost(said, url)) return said;
  return `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function waitUntilItAnswers(
  context: Pick<Context, 'io' | 'client'>,
  child: ChildProcess,
  log: string,
): Promise<void> {
  const { io, client } = context;
  const facts = { host: client.host.url, hint: `What it said is in ${log}.` };
  const tooLate = (): OllamaError =>
    new OllamaError('unreachable', `ollama serve did not answer within ${LIMIT_MS / 1000} s.`, facts);
  const bound = timeLimit(io.signal, LIMIT_MS, tooLate);
  try {
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) {
        const said = cleanLine(await lastLine(log));
        const why = said === '' ? '' : `: ${said}`;
        throw new OllamaError('unreachable', `ollama serve ended at once${why}.`, facts);
      }
      if (await answers(context, bound.signal)) return;
      await sleep(ASK_EVERY_MS, bound.signal);
    }
  } catch (error) {
    child.kill();
    if (bound.signal?.aborted === true && isOllamaError(bound.signal.reason)) throw bound.signal.reason;
    if (io.signal.aborted) throw new OllamaError('interrupted', 'Interrupted.', { cause: error });
    throw error;
  } finally {
    bound.stop();
  }
}

const LONGEST_WORDS = 300;

async function lastLine(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return (text.trimEnd().split('\n').at(-1) ?? '').slice(-LONGEST_WORDS);
}
