import type { ChatEvent, ChatRequest } from '../core/chat.js';
import { answerError } from '../core/chat-stream.js';
import type { OllamaClient } from '../core/client.js';
import { askForAnswer } from './answer.js';
import { createOpenAiDecoder } from './openai-decode.js';
import { openAiBody } from './openai-request.js';
import type { Provider, ProviderBlock, ProviderCall } from './provider.js';
import { createRemoteProvider, type ProviderOptions, type RemoteApi } from './remote.js';

const API: RemoteApi = {
  features: ['chat', 'streaming', 'tools', 'vision', 'thinking', 'structured_output'],
  modelsPath: '/models',
  chatPath: '/chat/completions',
  headers: (key) => (key === '' ? {} : { authorization: `Bearer ${key}` }),
  body: (request) => openAiBody(request, { sendsLimit: true }),
  decoder: createOpenAiDecoder,
};

/** Any endpoint that speaks OpenAI's chat completions, at `base_url` with its `/v1`. Throws `usage` for its address. */
export function createOpenAiProvider(block: ProviderBlock, options?: ProviderOptions): Provider {
  return createRemoteProvider(block, API, options);
}

/**
 * One answer of an Ollama server through its OpenAI-compatible route, without `max_tokens`, with the client's own
 * credentials. Batches and errors are as those of `OllamaClient.chatBatches`; `now` is in milliseconds.
 */
export function chatThroughOpenAi(
  client: OllamaClient,
  request: ChatRequest,
  {
    signal,
    silence,
    onToken,
    now = Date.now,
  }: ProviderCall & { readonly silence?: number; readonly now?: () => number } = {},
): AsyncGenerator<readonly ChatEvent[], void, undefined> {
  const { model } = request;
  const body = openAiBody(request, { sendsLimit: false });
  const facts = { host: client.host.url, model };
  return askForAnswer(client.http, {
    call: { method: 'POST', path: '/v1/chat/completions', body, model, signal },
    onToken,
    reader: (take) => createOpenAiDecoder(facts, now, take),
    model,
    silence,
    retell: (error) => answerError(error, facts),
  });
}
