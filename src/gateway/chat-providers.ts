import { OWN_HOST } from '../providers/block.js';
import { withCost } from '../providers/cost.js';
import { chatThroughOpenAi } from '../providers/openai.js';
import { isSame } from '../providers/order.js';
import type { Provider } from '../providers/provider.js';
import type { GatewayDeps } from './deps.js';

/** The longest answer that is asked of any other provider than the host in force, in tokens. */
const MAX_TOKENS = 4_096;

/**
 * A provider as the gateway asks it: the host in force, by whatever name, by its OpenAI-compatible route, without a limit
 * to its answer; any other as it is, with one.
 */
export function forGateway(
  { client, now, providers, silenceMs }: Pick<GatewayDeps, 'client' | 'now' | 'providers' | 'silenceMs'>,
  provider: Provider,
): Provider {
  const { info } = provider;
  const silence = silenceMs === undefined ? {} : { silence: silenceMs };
  const chatBatches: Provider['chatBatches'] = isSame(provider, providers.get(OWN_HOST))
    ? (request, call) => withCost(chatThroughOpenAi(client, request, { ...call, ...silence, now }), info.cost)
    : (request, call) => {
        const options = { num_predict: MAX_TOKENS, ...request.options };
        return provider.chatBatches({ ...request, options }, call);
      };
  return {
    info,
    supportsFeature: (feature) => provider.supportsFeature(feature),
    models: async (call) => await provider.models(call),
    test: async (call) => await provider.test(call),
    clearCache: () => provider.clearCache(),
    chatBatches,
  };
}
