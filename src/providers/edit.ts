import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import { findNearest } from '../format/nearest.js';
import { askSecret } from '../hosts/ask-secret.js';
import { changeFile, userFile, type Change } from '../hosts/file.js';
import { writeJson } from '../output/json.js';
import { writeLines } from '../output/write.js';
import { isLocal, providerAddress } from './address.js';
import { OWN_HOST, parseProviderBlock, showBlock } from './block.js';
import type { ProviderBlock } from './provider.js';

/** The flags of `providers add`. */
export interface AddFlags {
  readonly type?: string;
  readonly baseUrl?: string;
  readonly model?: string;
  readonly apiKeyEnv?: string;
  readonly apiKey?: boolean;
  readonly costPrompt?: string;
  readonly costCompletion?: string;
  readonly currency?: string;
  readonly enable?: boolean;
  readonly force?: boolean;
}

/** Adds a provider to the person's own file, not enabled unless asked. Throws `usage` that names every fault, and `config`. */
export async function addProvider(context: Context, name: string, flags: AddFlags): Promise<void> {
  const known = Object.hasOwn(context.settings.providers, name);
  if (known && flags.force !== true) {
    throw new OllamaError('usage', `There is a provider ${cleanLine(name)} already.`, {
      hint: 'Give another name, or --force to replace it.',
    });
  }
  if (name === OWN_HOST) checkOwn(flags);
  const cost = readCost(flags);
  const given = {
    ...(flags.type === undefined ? {} : { type: flags.type }),
    ...(flags.enable === true ? { enabled: true } : {}),
    ...(flags.baseUrl === undefined ? {} : { base_url: flags.baseUrl }),
    ...(flags.model === undefined ? {} : { model: flags.model }),
    ...(flags.apiKeyEnv === undefined ? {} : { api_key_env: flags.apiKeyEnv }),
    ...(cost === undefined ? {} : { cost }),
  };
  if (flags.apiKey === true && flags.apiKeyEnv !== undefined) {
    throw new OllamaError('usage', '--api-key and --api-key-env are both given; keep one.');
  }
  const block = asUsage(() => parseProviderBlock({ ...given, name }));
  const key = flags.apiKey === true ? await askKey(context, name) : undefined;
  // The type is written down: what follows from an address today may not tomorrow.
  const written = { type: block.type, ...given, ...(key === undefined ? {} : { api_key: key }) };
  if (key !== undefined) asUsage(() => parseProviderBlock({ ...written, name }));
  const { file } = await change(context, [{ path: ['providers', name], value: written }]);
  const next = block.enabled ? `ollama-cli providers test ${name}` : `ollama-cli providers enable ${name}`;
  const isOwn = name === OWN_HOST;
  const address = providerAddress(block.base_url, block.type);
  if ((key ?? block.api_key_env) !== undefined && address.protocol === 'http:' && !isLocal(address)) {
    context.io.stderr.write(`warning: the key goes to ${cleanLine(address.url)} unencrypted (http://)\n`);
  }
  await tell(context, file, { ...block, api_key: key ?? '', enabled: isOwn || block.enabled }, [
    `${known ? 'replaced' : 'added'} ${name}: ${isOwn ? 'the server in use' : block.base_url}`,
    ...(isOwn ? [] : [`next: ${next}`]),
  ]);
}

/** Throws `usage` for what is said of the server in use and would not count. */
function checkOwn({ type, baseUrl, apiKey, apiKeyEnv, enable }: AddFlags): void {
  const idle = Object.entries({
    '--base-url': baseUrl,
    '--type': type === 'ollama' ? undefined : type,
    '--api-key': apiKey === true ? '' : undefined,
    '--api-key-env': apiKeyEnv,
    '--enable': enable === true ? '' : undefined,
  }).flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
  if (idle.length === 0) return;
  const why = `${OWN_HOST} is the server in use: ${idle.join(', ')} would not count.`;
  throw new OllamaError('usage', why, {
    hint: 'Give the provider another name; the server in use is chosen with -H, or ollama-cli hosts use.',
  });
}

/** What is wrong with a flag is a mistake of the command line, not of a file. */
function asUsage<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof OllamaError) throw new OllamaError('usage', error.message, { hint: error.hint });
    throw error;
  }
}

async function askKey(context: Context, name: string): Promise<string> {
  return await askSecret(context, `The key of ${cleanLine(name)}`, 'Name a variable with --api-key-env.');
}

function readCost({ costPrompt, costCompletion, currency }: AddFlags): object | undefined {
  const given = Object.entries({ prompt: costPrompt, completion: costCompletion }).filter(
    ([, text]) => text !== undefined,
  );
  const cost = Object.fromEntries(given.map(([key, text]) => [key, Number(text === '' ? NaN : text)]));
  if (given.length === 0 && currency === undefined) return undefined;
  return { ...cost, ...(currency === undefined ? {} : { currency }) };
}

/** Takes a provider out of the person's own file, with its key. Throws `host_not_found` for one that is not there, `usage`, and `config`. */
export async function removeProvider(context: Context, name: string): Promise<void> {
  const { io, flags, mode, settings } = context;
  demandConfigured(context, name);
  const { file } = await change(context, [{ path: ['providers', name], value: undefined }]);
  if (settings.fallback.includes(name)) io.stderr.write(`warning: fallback still names ${cleanLine(name)}\n`);
  if (mode === 'json') {
    return await writeJson(io, { removed: [{ name }], file });
  }
  if (flags.quiet === true) return;
  await writeLines(io.stdout, [`removed ${cleanLine(name)}`], io.signal);
}

/** Lets a provider of the person's own file be asked, or not. Throws `host_not_found` for one that is not there, `usage`, and `config`. */
export async function enableProvider(context: Context, name: string, enabled: boolean): Promise<void> {
  if (name === OWN_HOST) {
    const words = `${OWN_HOST} is the server in use, and always answers.`;
    throw new OllamaError('usage', words, {
      hint: 'Choose another server with -H, or ollama-cli hosts use.',
    });
  }
  demandConfigured(context, name);
  const { file } = await change(context, [{ path: ['providers', name, 'enabled'], value: enabled }]);
  const block = parseProviderBlock({ ...context.settings.providers[name], name, enabled });
  const isAsked = context.settings.fallback.includes(name);
  await tell(context, file, block, [
    `${enabled ? 'enabled' : 'disabled'} ${name}`,
    ...(enabled && !isAsked ? [`next: ollama-cli chat --provider ${name}, or name it in fallback`] : []),
  ]);
}

/** Throws `host_not_found` for one that is no provider, and `usage` for one of the environment alone: only the person's own file is changed. */
function demandConfigured({ settings, config }: Context, name: string): void {
  const { providers } = settings;
  if (!Object.hasOwn(providers, name)) {
    const near = findNearest(name, Object.keys(providers), 2);
    throw new OllamaError('host_not_found', `There is no provider "${cleanLine(name)}".`, {
      hint: near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'See them: ollama-cli providers list',
    });
  }
  const own = config.layers.find(({ kind }) => kind === 'user');
  const isOwn = [...(own?.values.keys() ?? [])].some((key) => key.startsWith(`providers.${name}.`));
  if (!isOwn) {
    throw new OllamaError('usage', `${name} is not in your own configuration file, but in the environment.`);
  }
}

async function change(
  { config, io }: Context,
  changes: readonly Change[],
): Promise<{ readonly file: string }> {
  const file = userFile(config, io);
  await changeFile(file, changes);
  return { file };
}

async function tell(
  { io, mode, flags }: Context,
  file: string,
  block: ProviderBlock,
  lines: readonly string[],
): Promise<void> {
  if (mode === 'json') {
    return await writeJson(io, { provider: showBlock(block), file });
  }
  if (flags.quiet === true) return;
  await writeLines(io.stdout, lines.map(cleanLine), io.signal);
}
