import { OllamaClient } from '../core/client.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { isFields } from '../core/fields.js';
import { findNearest } from '../format/nearest.js';
import { isLocal, providerAddress } from './address.js';
import { createAnthropicProvider } from './anthropic.js';
import { BLOCK_DEFAULTS, OWN_HOST, parseProviderBlock, showBlock } from './block.js';
import { findKey, readKey } from './key.js';
import { createOllamaProvider } from './ollama.js';
import { createOpenAiProvider } from './openai.js';
import type { Provider, ProviderBlock, ProviderSet, ProviderTest } from './provider.js';
import type { ProviderOptions } from './remote.js';

/** What a test came to, as it is kept from one start to the next; of another address it says nothing. */
export type KeptCheck = Pick<ProviderBlock, 'base_url' | 'status' | 'last_checked'>;

/** An Ollama host: its address, and the way to its client. */
export interface HostOpener {
  readonly url: string;
  open(): Promise<OllamaClient>;
}

/** What a set of providers stands on besides their blocks. */
export interface ProvidersOptions extends ProviderOptions {
  /** The host in force: the provider `ollama`; its client, or the way to it. */
  readonly client: OllamaClient | HostOpener;
  /** The model of `ollama`, where its block names none; `llama3.2` by default. */
  readonly model?: string | undefined;
  /** Names in the order in which they are asked; empty, or left out: `ollama` alone. */
  readonly fallback?: readonly string[] | undefined;
  /** Other Ollama hosts by name, each opened when it is first asked. */
  readonly hosts?: Readonly<Record<string, HostOpener>> | undefined;
  /** What earlier tests came to, by name. */
  readonly checks?: Readonly<Record<string, KeptCheck>> | undefined;
  /** Keeps what the tests came to. */
  readonly keep?: ((checks: Readonly<Record<string, KeptCheck>>) => Promise<void>) | undefined;
}

/**
 * The providers of these blocks, beside `ollama`. A block may leave out what has a default (`parseProviderBlock`). Opens
 * nothing. Throws `config` that names every fault of every block.
 */
export function createProviders(given: readonly unknown[], options: ProvidersOptions): ProviderSet {
  const { fallback = [], hosts = {} } = options;
  const checks = new Map(Object.entries(options.checks ?? {}));
  const known = new Map(readBlocks(given, options).map((block) => [block.name, block]));
  const own = new Set(known.keys());
  const withModel = new Set(
    given.flatMap((value) => (isFields(value) && value['model'] !== undefined ? value['name'] : [])),
  );
  const made = new Map<string, Provider>();
  let keeping = Promise.resolve();

  // A provider's name comes before a host's of the same name.
  const blockOf = (name: string): ProviderBlock | undefined => {
    if (!known.has(name) && Object.hasOwn(hosts, name)) known.set(name, hostBlock(name, options));
    return known.get(name);
  };
  fallback.forEach(blockOf);
  const make = (block: ProviderBlock): Provider => {
    const host = own.has(block.name) ? undefined : hosts[block.name];
    const isDefault = !withModel.has(block.name);
    const provider = made.get(block.name) ?? createProvider(block, options, { host, isDefault });
    made.set(block.name, provider);
    return provider;
  };
  const missing = (code: 'host_not_found' | 'config', name: string, words: string): OllamaError => {
    const names = [...new Set([...known.keys(), ...Object.keys(hosts)])];
    const near = findNearest(name, names, 2);
    const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `There are: ${names.join(', ')}.`;
    return new OllamaError(code, words, { hint });
  };

  return {
    blocks: () =>
      [...known.values()].map((block) => {
        const check = checks.get(block.name);
        const { status, last_checked } = check?.base_url === block.base_url ? check : block;
        return showBlock({ ...block, status, last_checked });
      }),
    get: (name, { evenDisabled = false } = {}) => {
      const block = blockOf(name);
      if (block === undefined) throw missing('host_not_found', name, `There is no provider "${name}".`);
      if (!block.enabled && !evenDisabled) {
        throw new OllamaError('not_allowed', `The provider ${name} is not enabled.`, {
          provider: name,
          hint: `Enable it: ollama-cli providers enable ${name}`,
        });
      }
      return make(block);
    },
    chain: () => {
      const blocks = fallback.map((name) => {
        const block = blockOf(name);
        if (block !== undefined) return block;
        throw missing('config', name, `fallback names "${name}", which is neither a provider nor a host.`);
      });
      const enabled = [...new Set(blocks.filter((block) => block.enabled))];
      const first = known.get(OWN_HOST);
      return (enabled.length === 0 && first !== undefined ? [first] : enabled).map(make);
    },
    note: async ({ name, status, last_checked }: ProviderTest) => {
      const block = blockOf(name);
      if (block === undefined) return;
      checks.set(name, { base_url: block.base_url, status, last_checked });
      // One after the other: of two at once the one that knows less could be the last.
      const keep = async (): Promise<void> => await options.keep?.(Object.fromEntries(checks));
      keeping = keeping.then(keep, keep);
      await keeping;
    },
  };
}

/** A server of Ollama's for which nobody has chosen a model: that it lacks the default one is no fault of it. */
function withUnchosenModel(provider: Provider): Provider {
  return {
    ...provider,
    info: { ...provider.info, model_is_unchosen: true },
    test: async (call) => {
      const { model_available: has, ...told } = await provider.test(call);
      return has === true ? { ...told, model_available: true } : told;
    },
  };
}

/** The blocks, `ollama` first: the host in force, whatever its block says of an address. */
function readBlocks(given: readonly unknown[], { client, model }: ProvidersOptions): ProviderBlock[] {
  const faults: OllamaError[] = [];
  const blocks = given.flatMap((value) => {
    try {
      return [parseProviderBlock(value)];
    } catch (error) {
      if (!isOllamaError(error)) throw error;
      faults.push(error);
      return [];
    }
  });
  const names = blocks.map(({ name }) => name);
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double !== undefined) {
    faults.push(new OllamaError('config', `There are two providers with the name ${double}.`));
  }
  const [first] = faults;
  if (first !== undefined) {
    throw new OllamaError('config', faults.map(({ message }) => message).join('\n'), { hint: first.hint });
  }
  const said = given.find((value) => (value as { name?: unknown }).name === OWN_HOST);
  const own = blocks.find(({ name }) => name === OWN_HOST);
  const saysModel = (said as { model?: unknown } | undefined)?.model !== undefined;
  return [
    {
      ...BLOCK_DEFAULTS,
      name: OWN_HOST,
      type: 'ollama',
      enabled: true,
      model: (saysModel ? own?.model : model) ?? BLOCK_DEFAULTS.model,
      base_url: `${'url' in client ? client.url : client.host.url}/v1`,
      ...(own?.cost === undefined ? {} : { cost: own.cost }),
    },
    ...blocks.filter(({ name }) => name !== OWN_HOST),
  ];
}

/** A configured host that `fallback` or a caller names, with the model of the host in force. */
function hostBlock(name: string, { hosts = {}, model }: ProvidersOptions): ProviderBlock {
  return {
    ...BLOCK_DEFAULTS,
    name,
    type: 'ollama',
    enabled: true,
    model: model ?? BLOCK_DEFAULTS.model,
    base_url: hosts[name]?.url ?? '',
  };
}

/** `host` is where the provider is a configured host, and no block of its own; `isDefault` where no block names its model. */
function createProvider(
  block: ProviderBlock,
  options: ProvidersOptions,
  { host, isDefault }: { readonly host: HostOpener | undefined; readonly isDefault: boolean },
): Provider {
  const { client, now = Date.now } = options;
  if (block.type === 'openai') return createOpenAiProvider(block, options);
  if (block.type === 'anthropic') return createAnthropicProvider(block, options);
  const { name, base_url, model, cost } = block;
  const info = {
    name,
    base_url,
    model,
    ...(isDefault ? { model_is_default: true as const } : {}),
    local: isLocal(providerAddress(base_url, 'ollama')),
    ...(cost === undefined ? {} : { cost }),
  };
  const make = (): Provider => {
    if (name === OWN_HOST) {
      const opened = 'url' in client ? () => client.open() : client;
      return createOllamaProvider({ info, client: opened, isOther: false, now });
    }
    const secret = findKey(block, options.env ?? {});
    const open = async (): Promise<OllamaClient> => (await host?.open()) ?? openHost(block, options);
    return createOllamaProvider({ info, client: open, isOther: true, secret, now });
  };
  return isDefault && options.model === undefined ? withUnchosenModel(make()) : make();
}

/** A client of the Ollama host of a block. Throws as `readKey` does. */
function openHost(block: ProviderBlock, options: ProvidersOptions): OllamaClient {
  const { env = {}, timeouts, retry, ca, modelCacheTtl, onHttp, onMetric, now } = options;
  const key = readKey(block, env);
  return new OllamaClient(providerAddress(block.base_url, 'ollama'), {
    headers: { 'user-agent': 'ollama-cli', ...(key === '' ? {} : { authorization: `Bearer ${key}` }) },
    env,
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(retry === undefined ? {} : { retry }),
    ...(ca === undefined ? {} : { ca }),
    ...(modelCacheTtl === undefined ? {} : { modelCacheTtl }),
    ...(onHttp === undefined ? {} : { onHttp }),
    ...(onMetric === undefined ? {} : { onMetric }),
    ...(now === undefined ? {} : { now }),
  });
}
