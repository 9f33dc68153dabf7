import type { ChatEvent, ChatRequest } from '../core/chat.js';

/** What is spoken to a provider: Ollama's own API, or one of the two that others have taken over. */
export type ProviderType = 'ollama' | 'openai' | 'anthropic';

/** What a provider may be able to do. */
export const FEATURES = [
  'chat',
  'generate',
  'streaming',
  'tools',
  'vision',
  'embeddings',
  'thinking',
  'structured_output',
  'pull',
] as const;
export type Feature = (typeof FEATURES)[number];

/** How the last look at a provider ended. */
export type ProviderStatus = 'disconnected' | 'connected' | 'error';

/**
 * A provider as configurations, the gateway and the library tell it. Defaults: not enabled, no key, `llama3.2` at
 * `http://localhost:11434/v1`, `disconnected`, never checked.
 */
export interface ProviderBlock {
  readonly name: string;
  readonly type: ProviderType;
  readonly enabled: boolean;
  /** Never shown: where a block is told it is empty, or `***`. */
  readonly api_key: string;
  /** The environment variable that holds the key instead. */
  readonly api_key_env?: string;
  readonly model: string;
  readonly base_url: string;
  /** Where somebody has said it. */
  readonly cost?: ProviderCost;
  readonly status: ProviderStatus;
  /** ISO 8601, or empty where nobody has looked. */
  readonly last_checked: string;
}

/** What a million tokens cost. */
export interface ProviderCost {
  readonly prompt: number;
  readonly completion: number;
  readonly currency: string;
}

/** What is known of a provider without asking it. */
export interface ProviderFacts {
  readonly name: string;
  readonly type: ProviderType;
  readonly base_url: string;
  /** The model that it answers with where none is named. */
  readonly model: string;
  /** True where its block names no model: in a chain an Ollama host is then asked for the one that is wanted, and no other. */
  readonly model_is_default?: true;
  /** True of an Ollama host where neither its block nor `default_model` names one: that it lacks `model` then says nothing. */
  readonly model_is_unchosen?: true;
  /** Whether it is on this machine (a loopback address). */
  readonly local: boolean;
  /** Zero for Ollama; absent where nobody has said. */
  readonly cost?: ProviderCost;
  readonly features: readonly Feature[];
}

/** A model that a provider has. */
export interface ProviderModel {
  readonly name: string;
  readonly size?: number;
  readonly modified_at?: string;
  /** True where it makes embeddings and can hold no conversation. */
  readonly only_embeds?: true;
}

/** What a test of a provider came to. */
export interface ProviderTest {
  readonly name: string;
  readonly status: ProviderStatus;
  readonly last_checked: string;
  readonly response_time_ms?: number;
  readonly models: readonly string[];
  /** Whether the configured model is among them; absent where that could not be told, or nobody has chosen one and it is not. */
  readonly model_available?: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** How a provider is asked. */
export interface ProviderCall {
  readonly signal?: AbortSignal | undefined;
  /**
   * Takes a token at once, before the batches that it would have come in, and returns true; or false, and it comes as an
   * event. Asked only where all events before it have been read: what stands between would cost more than the token.
   */
  readonly onToken?: ((text: string) => boolean) | undefined;
  /** Past what was kept. */
  readonly force?: boolean;
}

/** Someone who answers. */
export interface Provider {
  readonly info: ProviderFacts;
  supportsFeature(feature: Feature): boolean;
  /** Its models, kept for `model_cache_ttl`. Throws `OllamaError`. */
  models(call?: ProviderCall): Promise<readonly ProviderModel[]>;
  /**
   * One answer in batches of events; the last is `done` or `error`, never throws. `max_tokens` of OpenAI's and
   * Anthropic's requests come from `options.num_predict`.
   */
  chatBatches(
    request: ChatRequest,
    call?: ProviderCall,
  ): AsyncGenerator<readonly ChatEvent[], void, undefined>;
  /** Looks whether it answers, and has its model. Never throws but for `interrupted`. */
  test(call?: ProviderCall): Promise<ProviderTest>;
  /** Forgets what was kept. */
  clearCache(): void;
}

/** The providers that are configured, by name; `ollama` is always there: the host in force. */
export interface ProviderSet {
  /** The blocks as they may be shown: without a key. */
  blocks(): readonly ProviderBlock[];
  /**
   * Throws `usage` with the near names for one that is not configured; `not_allowed` for one that is not enabled, unless
   * it is wanted all the same: to be tested.
   */
  get(name: string, options?: { readonly evenDisabled?: boolean }): Provider;
  /** Those of `fallback` in its order, without those that are not enabled; at least the host in force. */
  chain(): readonly Provider[];
  /** Keeps what a test came to, and tells it in `blocks()` from then on. */
  note(test: ProviderTest): Promise<void>;
}
