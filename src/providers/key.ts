import { OllamaError } from '../core/errors.js';
import type { ProxyEnvironment } from '../core/proxy.js';
import type { ProviderBlock } from './provider.js';

/** The key of a provider, from its block or from the variable that the block names; undefined where there is none. */
export function findKey(
  { api_key: key, api_key_env: name }: ProviderBlock,
  env: ProxyEnvironment,
): string | undefined {
  const value = (name === undefined ? key : env[name])?.trim();
  return value === '' ? undefined : value;
}

/**
 * The key as it is sent; empty for a provider that needs none. Throws `unauthorized` where the variable that is to hold it
 * is not set, and `config` for one that can't be sent.
 */
export function readKey(block: ProviderBlock, env: ProxyEnvironment): string {
  const { name, base_url: url, api_key_env: variable } = block;
  const key = findKey(block, env);
  const where = `${name} (${url})`;
  if (key === undefined && variable !== undefined) {
    throw new OllamaError(
      'unauthorized',
      `${where} needs a key: the environment variable ${variable} is not set.`,
      { host: url, provider: name, hint: `Set ${variable}, or change api_key_env.` },
    );
  }
  if (key === undefined || /^[\x21-\x7e]+$/.test(key)) return key ?? '';
  throw new OllamaError('config', `The key of ${where} has characters that no key has.`, { provider: name });
}
