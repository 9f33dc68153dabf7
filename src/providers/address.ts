import { isLoopback, parseHost, type HostAddress } from '../core/url.js';
import type { ProviderType } from './provider.js';

/**
 * Where a provider's requests go. Of an OpenAI-compatible one the path is as it was written (`/chat/completions` comes
 * behind it), of an Anthropic-compatible one without a `/v1` at its end (it is a part of its routes), of an Ollama host
 * as everywhere. Throws `usage`.
 */
export function providerAddress(baseUrl: string, type: ProviderType): HostAddress {
  const host = parseHost(baseUrl);
  if (type === 'ollama') return host;
  const written = new URL(baseUrl).pathname.replace(/\/+$/, '');
  const path = type === 'anthropic' ? written.replace(/\/v1$/, '') : written;
  const root = host.url.slice(0, host.url.length - host.path.length);
  const url = root + path;
  return { ...host, path, url, display: url.replace(/^http:\/\//, '') };
}

/** Whether a provider is on this machine. */
export function isLocal({ hostname }: HostAddress): boolean {
  return isLoopback(hostname);
}
