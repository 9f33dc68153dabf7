import { OllamaError } from './errors.js';
import { DEFAULT_REGISTRY } from './model-name.js';
import { isLoopback, parseHost, type HostAddress } from './url.js';

/** Which registry answers for which names. */
export interface RegistryPlaces {
  /** The address that stands in for Ollama's own registry: `https://registry.example`. */
  readonly base?: string;
  /** True where it stands in for every registry that is not on this machine, too. */
  readonly standIn?: boolean;
  /** True where a registry may be asked without TLS when it speaks none. */
  readonly insecure?: boolean;
}

/** Where a registry may be found. */
export interface RegistryPlace {
  /** Names with the same key are asked of the same registry. */
  readonly key: string;
  /** In the order in which they are tried; a second one is the same without TLS. */
  readonly addresses: readonly HostAddress[];
}

const PUBLIC = 'https://registry.ollama.ai';
const HUGGING_FACE = new Set(['hf.co', 'huggingface.co']);

/** The place of the registry in a model's name. Throws `usage` for an address that is none. */
export function findPlace(host: string, { base, standIn, insecure }: RegistryPlaces): RegistryPlace {
  const name = host.toLowerCase();
  const bare = name.replace(/:\d+$/, '');
  const stands = name === DEFAULT_REGISTRY || (standIn === true && !isLoopback(bare));
  if (base !== undefined && stands) return placeAt([base], name);
  if (name === DEFAULT_REGISTRY) return placeAt([PUBLIC], name);
  if (HUGGING_FACE.has(bare)) return placeAt(['https://hf.co'], name);
  // As docker has it: TLS first, and none only where that is allowed and the other side speaks none.
  return insecure === true || isLoopback(bare)
    ? placeAt([`https://${name}`, `http://${name}`], name)
    : placeAt([`https://${name}`], name);
}

function placeAt(texts: readonly string[], name: string): RegistryPlace {
  const addresses = texts.map((text) => {
    const address = parseHost(/^https?:\/\//i.test(text) ? text : `https://${text}`);
    if (address.authorization === undefined) return address;
    throw new OllamaError('usage', `The address of a registry (${name}) can't have a password.`, {
      hint: 'Only what a registry offers to everybody can be looked up from here.',
    });
  });
  return { key: addresses.map(({ url }) => url).join(' '), addresses };
}

/** Networks that are nobody's on the internet. Sources: RFC 6890, 6598, 4193, 6052. */
const PRIVATE = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15'],
  ...['::/128', '::1/128', '64:ff9b::/96', 'fc00::/7', 'fe80::/10'],
];

async function isPrivateAddress(address: string): Promise<boolean> {
  const { BlockList } = await import('node:net');
  const list = new BlockList();
  for (const range of PRIVATE) {
    const [network = '', bits = ''] = range.split('/');
    list.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

/** True where a name leads to this machine or to a private network, as far as that can be looked up from here. */
export async function isPrivate(hostname: string): Promise<boolean> {
  if (isLoopback(hostname)) return true;
  const { isIP } = await import('node:net');
  if (isIP(hostname) !== 0) return await isPrivateAddress(hostname);
  const { lookup } = await import('node:dns/promises');
  // Behind a proxy a name need not be known here; then it leads nowhere from here either.
  const addresses = await lookup(hostname, { all: true }).catch(() => []);
  for (const { address } of addresses) if (await isPrivateAddress(address)) return true;
  return false;
}
