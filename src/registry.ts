import { tellExchange, type Context } from './context.js';
import { OllamaError } from './core/errors.js';
import { openRegistry, type Registry, type RegistryOptions } from './core/registry.js';
import { timeLimit } from './core/time-limit.js';
import { isLoopback } from './core/url.js';

/** How a registry is asked. */
export interface FindRegistryOptions {
  /** Also without TLS, where none is spoken. */
  readonly insecure?: boolean | undefined;
}

/** How long a server on this machine may take to say what it is. */
const WHO_MS = 2_000;

const found = new WeakMap<Context, Map<string, Promise<Registry>>>();

/**
 * The registry that belongs to a context's server: the setting `registry`, else for a sandbox the sandbox itself (its
 * models come from nowhere else), else Ollama's own. The same one for every call with the same options.
 */
export async function findRegistry(
  context: Context,
  { insecure = false }: FindRegistryOptions = {},
): Promise<Registry> {
  const made = found.get(context) ?? new Map<string, Promise<Registry>>();
  found.set(context, made);
  const key = String(insecure);
  const registry = made.get(key) ?? makeRegistry(context, insecure);
  made.set(key, registry);
  return await registry;
}

async function makeRegistry(context: Context, insecure: boolean): Promise<Registry> {
  const { registry } = context.settings;
  const sandbox = registry === undefined && (await isSandbox(context));
  const base = sandbox ? context.client.host.url : registry;
  return openRegistry({
    ...registryOptions(context),
    insecure,
    standIn: sandbox,
    ...(base === undefined ? {} : { base }),
  });
}

/** How a registry, or a site, is asked by the settings of a context: without the server's headers and certificates. */
export function registryOptions({ io, settings, flags }: Context): RegistryOptions {
  const { connect, response } = settings.timeouts;
  return {
    env: io.env,
    retry: settings.retry,
    timeouts: { connect, ...(response === undefined ? {} : { response }) },
    ...(flags.debug === true ? { onHttp: (event) => tellExchange(io, event) } : {}),
  };
}

const sandboxes = new WeakMap<Context, Promise<boolean>>();

/** True for the embedded server, which says so in its version; only one on this machine is asked, and once. */
export async function isSandbox(context: Context): Promise<boolean> {
  const asked = sandboxes.get(context) ?? askSandbox(context);
  sandboxes.set(context, asked);
  return await asked;
}

async function askSandbox({ client, io }: Context): Promise<boolean> {
  if (!isLoopback(client.host.hostname)) return false;
  const bound = timeLimit(io.signal, WHO_MS, () => new OllamaError('timeout', 'No answer in time.'));
  try {
    return (await client.version({ signal: bound.signal })).endsWith('-sandbox');
  } catch {
    return false;
  } finally {
    bound.stop();
  }
}
