import type { OllamaClient } from '../core/client.js';
import { sameModel } from '../core/model-name.js';
import { reducePull, startPull, type PullState } from '../core/pull.js';
import type { OllamaPullEvent } from '../core/pull-events.js';

/** What is told of each event, with the state after it. */
export type PullListener = (state: PullState, event: OllamaPullEvent) => void | Promise<void>;

/** How long the size of the pulled model may be asked for, in milliseconds; without it only what was seen is told. */
const SIZE_MS = 2_000;

/** Pulls one model and folds its events; resolves to the last state, also of a failure. `now` in milliseconds. */
export async function runPull(
  client: Pick<OllamaClient, 'pullModelStream' | 'list'>,
  model: string,
  options: { readonly signal: AbortSignal; readonly insecure?: boolean | undefined; now(): number },
  onEvent: PullListener,
): Promise<PullState> {
  let state = startPull(model, options.now());
  for await (const event of client.pullModelStream(model, options)) {
    state = reducePull(state, event, options.now());
    if (event.type === 'Success') state = { ...state, size: await findSize(client, model) };
    await onEvent(state, event);
  }
  return state;
}

async function findSize(client: Pick<OllamaClient, 'list'>, model: string): Promise<number | undefined> {
  try {
    const models = await client.list({ force: true, signal: AbortSignal.timeout(SIZE_MS) });
    return models.find(({ name }) => sameModel(name, model))?.size;
  } catch {
    return undefined;
  }
}
