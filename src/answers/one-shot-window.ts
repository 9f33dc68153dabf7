import type { Context } from '../context.js';
import type { AnswerState, Conversation } from '../core/chat.js';
import { countPrompt, findTruncation, findWindow, loadedWindow } from '../core/window.js';

/** The longest that the window of a finished answer is asked for, in milliseconds. */
const WINDOW_MS = 500;
/** The smallest window, in tokens, that a server is looked at for: others are only had by asking for them. */
const SMALLEST_WINDOW = 1024;

/**
 * The window in force, in tokens: of the loaded model where the server tells, else as it was asked for. The server is
 * only asked where its answer matters: for a result that tells it, and for a prompt that may have filled it.
 */
export async function findLimit(
  { mode, client }: Pick<Context, 'mode' | 'client'>,
  { model, options }: Conversation,
  { metrics }: AnswerState,
): Promise<number | undefined> {
  const asked = options['num_ctx'];
  if (mode !== 'json' && (metrics?.prompt_tokens ?? 0) < SMALLEST_WINDOW) return findWindow({ asked })?.limit;
  const running = await client.running({ signal: AbortSignal.timeout(WINDOW_MS) }).catch(() => []);
  return findWindow({ loaded: loadedWindow(running, model), asked })?.limit;
}

/** Whether a server read less than was sent: some cut what does not fit whatever they are told. `limit` is in tokens. */
export function wasCut(
  conversation: Conversation,
  { metrics }: AnswerState,
  limit: number | undefined,
): boolean {
  const count = metrics && countPrompt(conversation, metrics);
  return count !== undefined && findTruncation(undefined, count, limit) !== undefined;
}
