import type { GlobalFlags } from './flags.js';
import { loadSettings } from './config/load.js';
import type { Resolved } from './config/resolve.js';
import type { Settings } from './config/schema.js';
import { OllamaClient, type ClientOptions } from './core/client.js';
import { OllamaError, isOllamaError } from './core/errors.js';
import type { FeatureMemory } from './core/features.js';
import type { HttpEvent } from './core/http.js';
import { isLoopback, parseHost, type HostAddress } from './core/url.js';
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
  /** Throws `config` where what the configuration says of this host can't be had: a variable, a file of headers. */
  readonly client: OllamaClient;
  /** What `--header` gave, for the host of this command line and no other. */
  readonly typedHeaders?: Headers;
}

type Headers = Readonly<Record<string, string>>;

/** Reads the configuration and makes the client. Warnings go to stderr. Throws `config` and `usage`. */
export async function createContext(
  io: Io,
  flags: GlobalFlags,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<Context> {
  const config = await loadSettings(io, settingFlags(flags, extra), flags.config);
  const address = await parseAddress(config);
  for (const warning of [...config.warnings, ...address.warnings]) warn(io, warning);
  const typed = flags.header === undefined ? undefined : await readTyped(flags.header, io);
  return await assemble(io, flags, config, address, typed);
}

/**
 * The same for another host, by the name of a configured one or its address: with that one's own credentials and no
 * other's, without reading the configuration again. Throws `host_not_found` for what is neither, and `config`.
 */
export async function contextForHost(context: Context, name: string): Promise<Context> {
  const { io, flags, settings } = context;
  const { resolveForHost } = await import('./hosts/resolve-host.js');
  const { config, address } = resolveForHost(context.config, name);
  for (const warning of address.warnings) warn(io, warning);
  const isSame = address.url === parseHost(settings.host).url;
  const other = await assemble(io, flags, config, address, isSame ? context.typedHeaders : undefined);
  void other.client;
  return other;
}

/**
 * The same for a command that others can answer: a host whose credentials can't be had fails each request with that,
 * unsent, and nothing before. Throws what else its client can't be had for.
 */
export async function contextWithOthers(context: Context): Promise<Context> {
  try {
    void context.client;
    return context;
  } catch (error) {
    return (await import('./hosts/refused-client.js')).withRefusedClient(context, error);
  }
}

async function assemble(
  io: Io,
  flags: GlobalFlags,
  config: Resolved,
  address: HostAddress,
  typedHeaders: Headers | undefined,
): Promise<Context> {
  const { settings } = config;
  const asked = { json: flags.json === true, accessible: settings.accessible, env: io.env };
  let failure: unknown;
  const client = await openClient(io, flags, config, address, typedHeaders).catch((error: unknown) => {
    failure = error;
  });
  let isTold = settings.insecure !== true || address.protocol === 'http:';
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
    // Told when it is used: what shows or mends the configuration works without a host.
    get client() {
      if (client === undefined) throw failure;
      if (!isTold) warn(io, `the certificate of ${address.url} is not checked (insecure)`);
      isTold = true;
      return client;
    },
    ...(typedHeaders === undefined ? {} : { typedHeaders }),
  };
}

async function openClient(
  io: Io,
  flags: GlobalFlags,
  config: Resolved,
  address: HostAddress,
  typedHeaders: Headers | undefined,
): Promise<OllamaClient> {
  const { settings } = config;
  const options: ClientOptions = {
    headers: {
      'user-agent': 'ollama-cli',
      ...settings.headers,
      ...(await readCredentials(config, io)),
      ...typedHeaders,
    },
    timeouts: settings.timeouts,
    retry: settings.retry,
    ...(await readTrusted(settings.ca_file, io)),
    ...(settings.insecure === true ? { insecure: true } : {}),
    env: io.env,
    modelCacheTtl: settings.model_cache_ttl,
    healthCheckInterval: settings.health_check_interval,
    features: rememberRefusals(io, address.url),
    ...(flags.debug === true ? { onHttp: (event: HttpEvent) => tellExchange(io, event) } : {}),
  };
  if (!settings.auto_start_server || !isStartable(address)) return new OllamaClient(address, options);
  // Without the hook: what starts a server asks it too.
  const plain = new OllamaClient(address, options);
  let started: Promise<boolean> | undefined;
  const onRefused = async (): Promise<boolean> => await (started ??= start({ io, client: plain }));
  return new OllamaClient(address, { ...options, onRefused });
}

/** What a server refused is kept in a file, which is read where it matters and not before. */
function rememberRefusals(io: Io, host: string): FeatureMemory {
  const open = async (): Promise<FeatureMemory> =>
    (await import('./health/remember.js')).openFeatureMemory(io, host);
  return {
    isRefused: async (feature) => await (await open()).isRefused(feature),
    refuse: async (feature) => await (await open()).refuse(feature),
  };
}

function isStartable({ hostname, protocol, path }: HostAddress): boolean {
  return isLoopback(hostname) && protocol === 'http:' && path === '';
}

async function start(context: Pick<Context, 'io' | 'client'>): Promise<boolean> {
  await (await import('./start-server.js')).startServer(context);
  return true;
}

/** What `--header` gives. Loaded here and below: hardly any start has such headers. */
async function readTyped(words: readonly string[], io: Io): Promise<Headers> {
  return await (await import('./hosts/headers.js')).readTypedHeaders(words, io);
}

async function readCredentials(config: Resolved, io: Io): Promise<Headers> {
  const { header_file, token_env } = config.settings;
  if (header_file === undefined && token_env === undefined) return {};
  return await (await import('./hosts/headers.js')).readConfiguredHeaders(config, io);
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

/** Loaded here and not above: hardly anybody has such a file, and every start would pay for it. */
async function readTrusted(file: string | undefined, io: Io): Promise<{ ca?: readonly string[] }> {
  if (file === undefined) return {};
  return { ca: await (await import('./hosts/authorities.js')).readAuthorities(file, io) };
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
