import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../config/atomic-write.js';
import { stateDir } from '../config/paths.js';
import { contextForHost, tellExchange, type Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { isFields, text } from '../core/fields.js';
import { parseHost } from '../core/url.js';
import { cleanLine } from '../format/clean.js';
import type { Io } from '../io.js';
import { OWN_HOST } from './block.js';
import type { Provider, ProviderSet, ProviderStatus } from './provider.js';
import { createProviders, type HostOpener, type KeptCheck } from './set.js';

/** What tests of providers came to; no setting, so that a look at one changes no file of the person's. */
function checksFile({ env, platform }: Pick<Io, 'env' | 'platform'>): string {
  return path.join(stateDir(env, platform), 'providers.json');
}

const STATUSES: readonly ProviderStatus[] = ['disconnected', 'connected', 'error'];

/** What can't be read was never kept. */
function readChecks(io: Io): Record<string, KeptCheck> {
  try {
    const value: unknown = JSON.parse(readFileSync(checksFile(io), 'utf8'));
    const checks = isFields(value) && isFields(value['checks']) ? value['checks'] : {};
    const entries = Object.entries(checks).flatMap(([name, check]) => {
      const status = isFields(check) ? STATUSES.find((known) => known === check['status']) : undefined;
      if (!isFields(check) || status === undefined) return [];
      return [
        [name, { base_url: text(check, 'base_url'), status, last_checked: text(check, 'last_checked') }],
      ];
    });
    return Object.fromEntries(entries) as Record<string, KeptCheck>;
  } catch {
    return {};
  }
}

async function keepChecks(io: Io, checks: Readonly<Record<string, KeptCheck>>): Promise<void> {
  try {
    await writeFileAtomic(checksFile(io), `${JSON.stringify({ checks }, null, 2)}\n`);
  } catch (error) {
    // What was found out is told all the same.
    const why = cleanLine(error instanceof Error ? error.message : String(error));
    io.stderr.write(`warning: what the test came to could not be kept: ${why}\n`);
  }
}

/**
 * The providers of the configuration, beside `ollama` (the host in force) and the configured hosts. `-H` goes before
 * what `fallback` names. Opens nothing. Throws `config` that names every fault of every block.
 */
export function openProviders(context: Context): ProviderSet {
  const { io, flags, settings, config } = context;
  const hosts = Object.entries(settings.hosts).map(([name, { url }]) => [
    name,
    { url: parseHost(url).url, open: async () => (await contextForHost(context, name)).client },
  ]);
  const others = settings.fallback.filter((name) => name !== OWN_HOST && name !== config.hostName);
  return createProviders(
    Object.entries(settings.providers).map(([name, block]) => ({ ...block, name })),
    {
      // Opened when it is asked: those that can't be had are no reason against a look at the others.
      client: { url: parseHost(settings.host).url, open: () => Promise.resolve().then(() => context.client) },
      model: settings.default_model,
      fallback: flags.host === undefined ? settings.fallback : [OWN_HOST, ...others],
      hosts: Object.fromEntries(hosts) as Record<string, HostOpener>,
      env: io.env,
      timeouts: settings.timeouts,
      retry: settings.retry,
      modelCacheTtl: settings.model_cache_ttl,
      now: () => io.now(),
      ...(flags.debug === true ? { onHttp: (event) => tellExchange(io, event) } : {}),
      checks: readChecks(io),
      keep: async (checks) => await keepChecks(io, checks),
    },
  );
}

/** Those of `fallback`, in their order. Throws `config` with the file and the line for a name that is nobody's. */
export async function openChain({ config }: Context, set: ProviderSet): Promise<readonly Provider[]> {
  try {
    return set.chain();
  } catch (error) {
    if (!isOllamaError(error) || error.code !== 'config') throw error;
    const { locateOrigins } = await import('../config/origins.js');
    const origin = (await locateOrigins(config)).get('fallback');
    const line = origin?.line === undefined ? '' : `:${origin.line}`;
    const place = origin?.file === undefined ? origin?.name : `${origin.file}${line}`;
    const where = place === undefined ? '' : `${place}: `;
    throw new OllamaError('config', where + error.message, { hint: error.hint });
  }
}
