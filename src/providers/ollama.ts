import type { ChatEvent, ChatRequest } from '../core/chat.js';
import type { OllamaClient } from '../core/client.js';
import { isToTalkTo } from '../core/talks.js';
import { checkProvider } from './check.js';
import { FREE, withCost } from './cost.js';
import { retellError } from './errors.js';
import {
  FEATURES,
  type Provider,
  type ProviderCall,
  type ProviderFacts,
  type ProviderModel,
} from './provider.js';

/** What an Ollama host is as a provider. */
export interface OllamaProviderOptions {
  readonly info: Pick<ProviderFacts, 'name' | 'base_url' | 'model' | 'local'> &
    Partial<Pick<ProviderFacts, 'cost' | 'model_is_default'>>;
  /** Its client; made when it is first asked, where it is not there yet. */
  readonly client: OllamaClient | (() => Promise<OllamaClient>);
  /** Whether it is not the host in force, and its errors have to say which one it is. */
  readonly isOther: boolean;
  /** What none of its errors may say. */
  readonly secret?: string | undefined;
  readonly now: () => number;
}

/** An Ollama host as a provider, through its own API and its client's credentials and cache. */
export function createOllamaProvider({
  info,
  client,
  isOther,
  secret,
  now,
}: OllamaProviderOptions): Provider {
  const { name, base_url: baseUrl, model, cost = FREE } = info;
  let kept: OllamaClient | undefined;
  let opening: Promise<OllamaClient> | undefined;
  const open = async (): Promise<OllamaClient> => {
    if (typeof client !== 'function') return client;
    try {
      return (kept = await (opening ??= client()));
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };
  const source = { name, base_url: baseUrl, secret };

  const models = async ({ signal, force = false }: ProviderCall = {}): Promise<readonly ProviderModel[]> => {
    try {
      const list = await (await open()).list({ signal, force });
      return list.map((entry) => ({
        name: entry.name,
        size: entry.size,
        ...(entry.modified_at === '' ? {} : { modified_at: entry.modified_at }),
        ...(isToTalkTo(entry) ? {} : { only_embeds: true as const }),
      }));
    } catch (error) {
      throw isOther ? retellError(error, source) : error;
    }
  };

  return {
    info: { ...info, type: 'ollama', cost, features: FEATURES },
    supportsFeature: (feature) => FEATURES.includes(feature),
    models,
    chatBatches: (request, call = {}) => withCost(chat(request, call), cost),
    test: async (call = {}) => await checkProvider({ name, model }, models, call, now),
    clearCache: () => {
      const open = typeof client === 'function' ? kept : client;
      open?.clearCache();
    },
  };

  async function* chat(
    request: ChatRequest,
    { signal }: ProviderCall,
  ): AsyncGenerator<readonly ChatEvent[], void, undefined> {
    try {
      for await (const events of (await open()).chatBatches(request, { signal })) {
        const last = events.at(-1);
        yield isOther && last?.type === 'error'
          ? [...events.slice(0, -1), { type: 'error', error: retellError(last.error, source) }]
          : events;
      }
    } catch (error) {
      yield [{ type: 'error', error: retellError(error, source) }];
    }
  }
}
