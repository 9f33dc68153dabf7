import { createAnthropicDecoder } from './anthropic-decode.js';
import { anthropicBody } from './anthropic-request.js';
import type { Provider, ProviderBlock } from './provider.js';
import { createRemoteProvider, type ProviderOptions, type RemoteApi } from './remote.js';

/** The version of the API that its documentation names; it has been the only one since 2023. */
const VERSION = '2023-06-01';

const API: RemoteApi = {
  features: ['chat', 'streaming', 'tools', 'vision', 'thinking'],
  // As many as one page holds: the API has a page of 20 otherwise.
  modelsPath: '/v1/models?limit=1000',
  chatPath: '/v1/messages',
  headers: (key) => ({ 'anthropic-version': VERSION, ...(key === '' ? {} : { 'x-api-key': key }) }),
  body: anthropicBody,
  decoder: createAnthropicDecoder,
};

/**
 * Any endpoint that speaks Anthropic's messages, at `base_url` with or without its `/v1`. Built from the documentation of
 * that API, and held to recorded answers of Ollama's version of it; none of Anthropic's own was recorded. Throws `usage`
 * for its address.
 */
export function createAnthropicProvider(block: ProviderBlock, options?: ProviderOptions): Provider {
  return createRemoteProvider(block, API, options);
}
