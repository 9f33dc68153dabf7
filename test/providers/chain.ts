import { onTestFinished } from 'vitest';
import { OllamaClient } from '../../src/core/client.js';
import type { ChatEvent, ChatRequest } from '../../src/core/chat.js';
import { openFallback, type FallbackOptions } from '../../src/providers/fallback.js';
import type { Provider, ProviderFacts } from '../../src/providers/provider.js';
import { parseFault } from '../../src/sandbox/faults.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/server.js';

/** Longer than any first token is waited for in these tests. In milliseconds. */
const SILENCE_MS = 2_500;

/** A provider over a real server, without the rest of what configured ones do. */
export function providerAt(name: string, url: string, facts: Partial<ProviderFacts> = {}): Provider {
  const timeouts = { silence: SILENCE_MS };
  const client = new OllamaClient(url, { env: {}, timeouts, retry: { attempts: 1 } });
  return {
    info: { name, type: 'ollama', base_url: url, model: '', local: true, features: ['chat'], ...facts },
    supportsFeature: (feature) => feature === 'chat',
    models: async () => (await client.fetchModels()).map((model) => ({ name: model })),
    chatBatches: (request, call) => client.chatBatches(request, call ?? {}),
    test: () => Promise.resolve({ name, status: 'connected', last_checked: '', models: [] }),
    clearCache: () => client.clearCache(),
  };
}

/** The model that the sandboxes have. */
export const MODEL = 'llama3.2:1b';

/** A quick server that shows these faults, closed at the end of the test. */
export async function openServer(
  faults: readonly string[] = [],
  options: SandboxOptions = {},
): Promise<Sandbox> {
  const sandbox = await startSandbox({
    installed: [MODEL],
    tokensPerSecond: Infinity,
    loadMs: 0,
    ...options,
  });
  onTestFinished(() => sandbox.close());
  sandbox.setFaults(faults.map(parseFault));
  return sandbox;
}

/** How often a server was asked for an answer. */
export function chatsOf({ requests }: Sandbox): number {
  return requests.filter(({ path }) => path === '/api/chat').length;
}

/** What came of one question. */
export interface Came {
  readonly steps: readonly Extract<ChatEvent, { type: 'provider' }>[];
  readonly text: string;
  readonly end: Extract<ChatEvent, { type: 'done' | 'error' }>;
  readonly events: readonly ChatEvent[];
}

/** Asks a chain once. */
export async function askChain(
  chain: readonly Provider[],
  options: FallbackOptions = {},
  request: Partial<ChatRequest> = {},
  signal?: AbortSignal,
): Promise<Came> {
  return await collect(openFallback(chain, options), request, signal);
}

/** All that comes of one question. */
export async function collect(
  client: Pick<Provider, 'chatBatches'>,
  request: Partial<ChatRequest> = {},
  signal?: AbortSignal,
): Promise<Came> {
  const asked = { model: MODEL, messages: [{ role: 'user', content: 'count to 40' }], ...request };
  const events: ChatEvent[] = [];
  for await (const batch of client.chatBatches(asked, { signal })) events.push(...batch);
  const end = events.at(-1);
  if (end?.type !== 'done' && end?.type !== 'error') throw new Error('The stream has no end.');
  return {
    events,
    end,
    steps: events.filter((event) => event.type === 'provider'),
    text: events.map((event) => (event.type === 'token' ? event.text : '')).join(''),
  };
}
