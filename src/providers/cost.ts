import type { ChatEvent, ChatMetrics } from '../core/chat.js';
import type { ProviderCost } from './provider.js';

/** What one's own servers cost. */
export const FREE: ProviderCost = { prompt: 0, completion: 0, currency: 'USD' };

const MILLION = 1e6;

/** The metrics with what the answer cost, to a millionth of the currency. */
function addCost(metrics: ChatMetrics, cost: ProviderCost): ChatMetrics {
  const amount = metrics.prompt_tokens * cost.prompt + metrics.completion_tokens * cost.completion;
  return { ...metrics, cost: Math.round(amount) / MILLION, currency: cost.currency };
}

/** The events of an answer, whose end tells what it cost; as they are where no cost is known. */
export async function* withCost(
  batches: AsyncIterable<readonly ChatEvent[]>,
  cost: ProviderCost | undefined,
): AsyncGenerator<readonly ChatEvent[], void, undefined> {
  for await (const events of batches) {
    const last = events.at(-1);
    yield cost === undefined || last?.type !== 'done'
      ? events
      : [...events.slice(0, -1), { ...last, metrics: addCost(last.metrics, cost) }];
  }
}
