import type { GlobalFlags } from './flags.js';
import { loadSettings } from './config/load.js';
import type { Resolved } from './config/resolve.js';
import type { Settings } from './config/schema.js';
import { OllamaClient } from './core/client.js';
import { OllamaError, isOllamaError } from './core/errors.js';
import type { HttpEvent } from './core/http.js';
import { parseHost, type HostAddress } from './core/url.js';
import { cleanLine } from './format/clean.js';
import type { Io } from './io.js';
import { decideMode, type Mode } from './output/mode.js';

/** What an action works with. Made when the action runs and not before: `--help` reads no config, opens no socket. */
export interface Context {
  readonly io: Io;
  readonly flags: GlobalFlags;
  /** How the answer on stdout is shown. */
  readonly mode: Mode;
  /** How progress on stderr is shown. */
  readonly progressMode: Mode;
  readonly config: Resolved;
  readonly settings: Settings;
  readonly client: OllamaClient;
}

/** Reads the configuration and makes the client. Warnings go to stderr. Throws `config` and `usage`. */
export async function createContext(
  io: Io,
  flags: GlobalFlags,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<Context> {
  const config = await loadSettings(io, settingFlags(flags, extra), flags.config);
  const { settings } = config;
  const address = await parseAddress(config);
  for (const warning of [...config.warnings, ...address.warnings]) warn(io, warning);

  const asked = { json: flags.json === true, accessible: settings.accessible, env: io.env };
  return {
    io,
    flags,
    // Each looks at its stream when it is asked for: opening one takes time, and many commands never touch stderr.
    get mode() {
      return decideMode({ ...asked, stream: io.stdout });
    },
    get progressMode() {
      return decideMode({ ...asked, stream: io.stderr });
    },
    config,
    settings,
    client: new OllamaClient(address, {
      headers: { 'user-agent': 'ollama-cli', ...settings.headers },
      timeouts: settings.timeouts,
      retry: settings.retry,
      ...(await readAuthorities(settings.ca_file, io)),
      env: io.env,
      modelCacheTtl: settings.model_cache_ttl,
      healthCheckInterval: settings.health_check_interval,
      ...(flags.debug === true ? { onHttp: (event: HttpEvent) => tellExchange(io, event) } : {}),
    }),
  };
}

/** A global flag is a setting like any other, the strongest one. */
function settingFlags(flags: GlobalFlags, extra: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    host: flags.host,
    color: typeof flags.color === 'boolean' ? 'never' : flags.color,
    accessible: flags.accessible,
    progress: flags.progress,
    'timeouts.response': flags.timeout,
    'timeouts.silence': flags.timeout,
    ...extra,
  };
}

async function parseAddress(config: Resolved): Promise<HostAddress> {
  try {
    return parseHost(config.settings.host);
  } catch (error) {
    if (!isOllamaError(error) || config.origins.get('host')?.kind === 'flag') throw error;
    const { locateOrigins } = await import('./config/origins.js');
    const origin = (await locateOrigins(config)).get('host');
    const line = origin?.line === undefined ? '' : `:${origin.line}`;
    const where = origin?.file === undefined ? origin?.name : `${origin.file}${line}: host`;
    throw new OllamaError('config', `${where ?? 'host'}: ${error.message}`, { hint: error.hint });
  }
}

/** A file of certificates adds to the built-in ones and to NODE_EXTRA_CA_CERTS; Node's own option replaces both. */
async function readAuthorities(file: string | undefined, io: Io): Promise<{ ca?: readonly string[] }> {
  if (file === undefined) return {};
  // Loaded here and not above: hardly anybody has such a file, and every start would pay for it.
  const { rootCertificates } = await import('node:tls');
  const { readFile } = await import('node:fs/promises');
  const extra = io.env['NODE_EXTRA_CA_CERTS'];
  try {
    const pem = await readFile(file, 'utf8');
    const more = extra === undefined || extra === '' ? [] : [await readFile(extra, 'utf8').catch(() => '')];
    return { ca: [...rootCertificates, pem, ...more.filter((text) => text !== '')] };
  } catch (cause) {
    throw new OllamaError(
      'config',
      `ca_file: ${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

/** One line of warning on stderr. */
function warn(io: Pick<Io, 'stderr'>, text: string): void {
  io.stderr.write(`warning: ${cleanLine(text)}\n`);
}

/** One line on stderr for each exchange, for `--debug`. */
export function tellExchange(io: Pick<Io, 'stderr'>, event: HttpEvent): void {
  const outcome = event.error === undefined ? String(event.status) : cleanLine(event.error);
  io.stderr.write(
    `debug: ${event.method} ${cleanLine(event.url)} try ${event.attempt}: ${outcome}, ${event.ms} ms\n`,
  );
}
