import { isHostText, isSameHost } from './config/host-text.js';
import type { Context } from './context.js';
import type { OllamaError } from './core/errors.js';
import { isOutOfMemory } from './core/http-errors.js';
import { findNearest } from './format/nearest.js';
import type { FailureFacts } from './next-step.js';

/** How long the names of installed models may be asked for, to better an error's words. In milliseconds. */
const NAMES_MS = 1_000;

/** What the command line and the server can tell around an error that makes for a better next step. Never throws. */
export async function lookUpFacts(error: OllamaError, context: Context): Promise<FailureFacts> {
  const other = otherHost(error, context);
  // Of several that could be asked the one that failed is known: what is advised is about it.
  if (other !== undefined) return { hostFlag: other, host: hostOf(error, other) };
  const hostFlag = context.flags.host;
  if (error.code === 'model_not_found') return { hostFlag, installed: await installedNames(context) };
  if (error.code === 'unauthorized') return { hostFlag, host: hostOf(error, nameInForce(error, context)) };
  if (error.code === 'unreachable') return { hostFlag, hosts: nearHosts(context) };
  if (error.model === undefined || !isOutOfMemory(error)) return { hostFlag };
  const { findSmaller } = await import('./models/smaller.js');
  const window = context.settings.options['num_ctx'];
  return {
    hostFlag,
    window: typeof window === 'number' ? window : undefined,
    smaller: await findSmaller(context, error.model),
  };
}

/** The configured host that failed, where it is another than the one in force, as with `--on`. */
function otherHost(error: OllamaError, { settings }: Context): string | undefined {
  const { host } = error;
  if (host === undefined || !isHostText(host) || isSameHost(host, settings.host)) return undefined;
  return Object.entries(settings.hosts).find(([, { url }]) => isSameHost(url, host))?.[0];
}

/** The name of the host in force, where it has one and it is what failed: a registry refuses as well. */
function nameInForce({ host }: OllamaError, { config, settings }: Context): string | undefined {
  return host !== undefined && isSameHost(host, settings.host) ? config.hostName : undefined;
}

function hostOf({ host: url }: OllamaError, name: string | undefined): FailureFacts['host'] {
  return url === undefined || name === undefined ? undefined : { name, url };
}

/** The configured hosts that a host's word may have been meant for; an address is nobody's name. */
function nearHosts({ settings }: Context): readonly string[] {
  return /[.:/]/.test(settings.host) ? [] : findNearest(settings.host, Object.keys(settings.hosts), 3);
}

async function installedNames(context: Context): Promise<readonly string[]> {
  try {
    return await context.client.fetchModels({ signal: AbortSignal.timeout(NAMES_MS) });
  } catch {
    return [];
  }
}
