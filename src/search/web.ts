import { OllamaError } from '../core/errors.js';
import type { RegistryOptions } from '../core/registry.js';
import { openLine } from '../core/registry-http.js';
import { parseHost } from '../core/url.js';

/** How a site is asked. */
export type WebOptions = Pick<RegistryOptions, 'env' | 'timeouts' | 'retry' | 'onHttp'>;

const MOST_BYTES = 8 * 1024 * 1024;

/** The text of a page or of an API's answer, without any credentials. Throws `registry_unreachable` and `protocol`. */
export async function readWeb(
  base: string,
  path: string,
  accept: string,
  options: WebOptions,
  signal: AbortSignal,
): Promise<string> {
  const address = parseHost(base);
  const line = openLine({ key: address.url, addresses: [address] }, options);
  const call = { method: 'GET', path, scope: '', accept, most: MOST_BYTES, signal } as const;
  const { status, body, whole } = await line.ask(call);
  const facts = { host: address.url, status };
  if (status === 404)
    throw new OllamaError('model_not_found', `${address.url} has no such page (404).`, facts);
  if (status === 401 || status === 403) {
    throw new OllamaError('unauthorized', `${address.url} refuses this (${status}).`, facts);
  }
  if (status >= 300) {
    throw new OllamaError('registry_unreachable', `${address.url} answers with ${status}.`, facts);
  }
  if (!whole) throw new OllamaError('protocol', `The answer of ${address.url} has no end.`, facts);
  return body.toString('utf8');
}

/** The same for JSON. Throws `protocol` for what is none. */
export async function readWebJson(
  base: string,
  path: string,
  options: WebOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const text = await readWeb(base, path, 'application/json', options, signal);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new OllamaError('protocol', `What ${base} answers is no JSON.`, { host: base });
  }
}
