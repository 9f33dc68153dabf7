import type { OllamaClient } from '../core/client.js';
import { reducePull, startPull, type PullState } from '../core/pull.js';
import type { OllamaPullEvent } from '../core/pull-events.js';

/** What is told of each event, with the state after it. */
export type PullListener = (state: PullState, event: OllamaPullEvent) => void | Promise<void>;

/** Pulls one model and folds its events; resolves to the last state, also of a failure. `now` in milliseconds. */
export async function runPull(
  client: Pick<OllamaClient, 'pullModelStream'>,
  model: string,
  options: { readonly signal: AbortSignal; readonly insecure?: boolean | undefined; now(): number },
  onEvent: PullListener,
): Promise<PullState> {
  let state = startPull(model, options.now());
  for await (const event of client.pullModelStream(model, options)) {
    state = reducePull(state, event, options.now());
    await onEvent(state, event);
  }
  return state;
}
