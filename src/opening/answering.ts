import type { Answering } from '../chat/answering.js';
import { checkAllowed } from '../consent.js';
import type { Context } from '../context.js';
import { isSame, orderChain } from '../providers/order.js';
import type { ChatFlags } from './chat-flags.js';

/** The provider that is the host in force. */
const HOST = 'ollama';

/**
 * Who answers: the provider that was named, then those of `fallback`, the host in force first where that does not name it;
 * undefined where only the host in force does. Throws `usage` for a name that is not configured, `not_allowed` for one
 * that is not enabled.
 */
export async function openAnswering(
  context: Context,
  { provider: named, fallback }: Pick<ChatFlags, 'provider' | 'fallback'>,
): Promise<Answering | undefined> {
  const { io, settings } = context;
  const isChained = fallback !== false && settings.fallback.length > 0;
  // Not loaded for whoever has only one server.
  if (named === undefined && !isChained) return undefined;
  const { openChain, openProviders } = await import('../providers/configured.js');
  const set = openProviders(context);
  const host = set.get(HOST);
  const first = named === undefined ? undefined : set.get(named);
  const chain = orderChain(host, isChained ? await openChain(context, set) : [], first);
  const [top] = chain;
  if (top === undefined || (chain.length === 1 && isSame(top, host))) return undefined;
  const { openFallback, fallsBack } = await import('../providers/fallback.js');
  const { createCircuit } = await import('../providers/circuit.js');
  const now = (): number => io.now();
  const { name, type, model } = top.info;
  return {
    client: openFallback(chain, {
      firstTokenMs: settings.timeouts.first_token,
      circuit: createCircuit({ waitMs: settings.health_check_interval, now }),
      named: first?.info.name,
      checkAllowed: (one) => checkAllowed(context, one),
    }),
    first: { name, type, model },
    behind: chain.slice(1).map(({ info }) => info.name),
    hostName: chain.find((one) => isSame(one, host))?.info.name,
    isNamed: first !== undefined,
    passes: fallsBack,
    models: async (signal) => (await top.models({ signal })).map((one) => one.name),
  };
}
