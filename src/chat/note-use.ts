import type { Context } from '../context.js';
import type { AnswerState } from '../core/chat.js';

/** Keeps that a model was used, once something came of it, with its speed and how long it took to load. Never rejects. */
export async function noteUse(
  { io, client, settings }: Context,
  model: string,
  { tokens, phase, metrics }: AnswerState,
): Promise<void> {
  if (tokens === 0 && phase !== 'done') return;
  const { recordUse } = await import('../models/usage.js');
  await recordUse(io, settings, {
    host: client.host.url,
    model,
    at: io.now(),
    tokensPerSecond: metrics?.tokens_per_second,
    loadMs: metrics?.load_ms,
  });
}
