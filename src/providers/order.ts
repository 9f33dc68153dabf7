import type { Provider } from './provider.js';

/** Each provider once, in the order in which they are asked. Pure. */
export function orderChain(
  host: Provider,
  configured: readonly Provider[],
  first: Provider | undefined,
): readonly Provider[] {
  const hasHost = configured.length === 0 || configured.some((one) => isSame(one, host));
  const chain = [...(first === undefined ? [] : [first]), ...(hasHost ? [] : [host]), ...configured];
  return chain.filter((one, index) => chain.findIndex((other) => isSame(one, other)) === index);
}

/** Whether two are one: by their name, or because both are the same server of Ollama's. */
export function isSame(one: Provider, other: Provider): boolean {
  const addressOf = ({ info }: Provider): string => info.base_url.replace(/(?:\/v1)?\/*$/, '');
  const areServers = one.info.type === 'ollama' && other.info.type === 'ollama';
  return one.info.name === other.info.name || (areServers && addressOf(one) === addressOf(other));
}
