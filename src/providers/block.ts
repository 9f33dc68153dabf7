import { OllamaError } from '../core/errors.js';
import { isFields, type Fields } from '../core/fields.js';
import { isOpenAiCompatibleBaseUrl } from '../core/url.js';
import type { ProviderBlock, ProviderCost, ProviderStatus, ProviderType } from './provider.js';

/** The name of the provider that is always there: the host in force. */
export const OWN_HOST = 'ollama';

/** What a block has where it does not say. */
export const BLOCK_DEFAULTS = {
  enabled: false,
  api_key: '',
  model: 'llama3.2',
  base_url: 'http://localhost:11434/v1',
  status: 'disconnected',
  last_checked: '',
} as const satisfies Partial<ProviderBlock>;

const TYPES: readonly ProviderType[] = ['ollama', 'openai', 'anthropic'];
const STATUSES: readonly ProviderStatus[] = ['disconnected', 'connected', 'error'];
const NAME = /^[A-Za-z0-9][\w-]*$/;

type Fault = string | undefined;
type Check = (value: unknown) => Fault;

const isText = (value: unknown): value is string => typeof value === 'string';
const filled: Check = (value) => (isText(value) && value.trim() !== '' ? undefined : 'is no text, or empty');
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    isText(value) && words.includes(value) ? undefined : `is none of ${words.join(', ')}`;

const CHECKS: Readonly<Record<string, Check>> = {
  name: (value) =>
    isText(value) && NAME.test(value)
      ? undefined
      : 'is no name: letters, digits, - and _, the first a letter or a digit',
  type: oneOf(TYPES),
  enabled: (value) => (typeof value === 'boolean' ? undefined : 'is neither true nor false'),
  api_key: checkKey,
  api_key_env: (value) =>
    isText(value) && /^[A-Za-z_]\w*$/.test(value) ? undefined : 'is no name of an environment variable',
  model: filled,
  base_url: checkUrl,
  cost: checkCost,
  status: oneOf(STATUSES),
  last_checked: (value) =>
    isText(value) && (value === '' || !Number.isNaN(Date.parse(value))) ? undefined : 'is no ISO 8601 time',
};

/** What can be sent in a header; the key itself is in no error. */
function checkKey(value: unknown): Fault {
  if (!isText(value)) return 'is no text';
  return /^[\x21-\x7e]*$/.test(value.trim()) ? undefined : 'has characters that no key has';
}

function checkUrl(value: unknown): Fault {
  if (!isText(value)) return 'is no text';
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return 'is no address such as https://api.example/v1';
  }
  if (!/^https?:$/.test(url.protocol)) return 'is neither http nor https';
  if (url.username !== '' || url.password !== '') {
    return 'has a password in it, which belongs to api_key_env or api_key';
  }
  return url.search === '' && url.hash === '' ? undefined : 'has a query or a fragment, which is not sent';
}

function checkCost(value: unknown): Fault {
  if (!isFields(value)) return 'is no object';
  const wrong = Object.entries(value).filter(([key, amount]) =>
    key === 'currency'
      ? filled(amount) !== undefined
      : !(key === 'prompt' || key === 'completion') || !(typeof amount === 'number' && amount >= 0),
  );
  const keys = wrong.map(([key]) => key).join(', ');
  return keys === ''
    ? undefined
    : `has prompt, completion (numbers from 0) and currency, and not so: ${keys}`;
}

function faultsOf(fields: Fields): string[] {
  const faults = Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const check = Object.hasOwn(CHECKS, key) ? CHECKS[key] : undefined;
    if (check === undefined) return [`${key} is no field of a provider`];
    const fault = check(value);
    return fault === undefined ? [] : [`${key} ${fault}`];
  });
  if (fields['name'] === undefined) faults.unshift('name is missing');
  const key = fields['api_key'];
  if (isText(key) && key !== '' && fields['api_key_env'] !== undefined) {
    faults.push('api_key and api_key_env are both there; keep one');
  }
  return faults;
}

/**
 * A provider's block from what a configuration or a caller says, with the defaults. Where no type is told, an address
 * that ends in `/v1` is an OpenAI-compatible one, all else an Ollama host. Throws `config` that names every fault.
 */
export function parseProviderBlock(value: unknown): ProviderBlock {
  if (!isFields(value)) throw new OllamaError('config', 'A provider is an object with a name.');
  const faults = faultsOf(value);
  if (faults.length > 0) {
    const { name } = value;
    const who = isText(name) && NAME.test(name) ? `The provider ${name}` : 'A provider';
    throw new OllamaError('config', `${who} is not right: ${faults.join('; ')}.`, {
      hint: `A provider has ${Object.keys(CHECKS).join(', ')}.`,
    });
  }
  const given = Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));
  // Each field was checked above.
  const block = { ...BLOCK_DEFAULTS, ...given } as ProviderBlock;
  return {
    ...block,
    type: block.type ?? defaultType(block.name, given['base_url']),
    api_key: block.api_key.trim(),
    ...(block.cost === undefined ? {} : { cost: wholeCost(block.cost) }),
  };
}

function defaultType(name: string, url: unknown): ProviderType {
  return name !== OWN_HOST && isText(url) && isOpenAiCompatibleBaseUrl(url) ? 'openai' : 'ollama';
}

function wholeCost({ prompt = 0, completion = 0, currency = 'USD' }: Partial<ProviderCost>): ProviderCost {
  return { prompt, completion, currency };
}

/** The block as it may be told: a key is `***`, none is empty. */
export function showBlock(block: ProviderBlock): ProviderBlock {
  return { ...block, api_key: block.api_key === '' ? '' : '***' };
}
