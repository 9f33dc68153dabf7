import type { Context } from '../context.js';
import { chatRequest, type Conversation } from '../core/chat.js';
import type { ErrorCode, OllamaError } from '../core/errors.js';
import { recordUse } from '../models/usage.js';

/**
 * Has the server load a conversation's model while the person types: a request without messages, with the very options
 * of the questions to come, for another `num_ctx` would load it anew. Resolves when it is loaded; with an error only
 * where that concerns the person now: no server, or no such model. A question that is sent meanwhile need not wait for
 * this; while one is on its way `signal` must not be aborted, as that may end the loading that it needs too.
 */
export async function warmUp(
  { io, client, settings }: Pick<Context, 'io' | 'client' | 'settings'>,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<OllamaError | undefined> {
  const { model, options, keep_alive } = chatRequest(conversation);
  const request = {
    ...{ model, messages: [] },
    ...(options === undefined ? {} : { options }),
    ...(keep_alive === undefined ? {} : { keep_alive }),
  };
  const startedAt = io.now();
  for await (const events of client.chatBatches(request, { signal })) {
    const last = events.at(-1);
    if (last?.type === 'error') return NOW.includes(last.error.code) ? last.error : undefined;
    if (last?.type === 'done') {
      const at = io.now();
      await recordUse(io, settings, { host: client.host.url, model, at, loadMs: at - startedAt });
    }
  }
  return undefined;
}

/** What would fail a question in the same way, and is better known before it is written. */
const NOW: readonly ErrorCode[] = ['unreachable', 'tls', 'unauthorized', 'model_not_found', 'protocol'];
