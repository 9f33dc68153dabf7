import type { OllamaClient } from '../core/client.js';
import { sameModel } from '../core/model-name.js';
import { reducePull, startPull, type PullState } from '../core/pull.js';
import type { ManifestLayer, OllamaPullEvent } from '../core/pull-events.js';
import type { PullOptions } from '../core/pull-stream.js';
import { relay } from '../core/time-limit.js';
import type { InstalledModel } from '../core/wire.js';

/** What is told of each event, with the state after it; with `Success` also what the server's list says of the model. */
export type PullListener = (
  state: PullState,
  event: OllamaPullEvent,
  installed?: InstalledModel,
) => void | Promise<void>;

/** How one pull is run. */
export interface RunPullOptions extends PullOptions {
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Reads the registry's manifest while the server begins; what it resolves to is told as a `Manifest`, unless the pull
   * has ended before. Undefined where it can't be known. Never rejects.
   */
  readonly readManifest?:
    ((signal: AbortSignal) => Promise<readonly ManifestLayer[] | undefined>) | undefined;
}

/** How long the size of the pulled model may be asked for, in milliseconds; without it only what was seen is told. */
const SIZE_MS = 2_000;

/** Pulls one model and folds its events; resolves to the last state, also of a failure. */
export async function runPull(
  client: Pick<OllamaClient, 'pullModelStream' | 'list'>,
  model: string,
  { now, readManifest, ...options }: RunPullOptions,
  onEvent: PullListener,
): Promise<PullState> {
  let state = startPull(model, now());
  const tell = async (event: OllamaPullEvent): Promise<void> => {
    state = reducePull(state, event, now());
    if (event.type !== 'Success') return await onEvent(state, event);
    const installed = await findInstalled(client, model);
    state = { ...state, size: installed?.size };
    await onEvent(state, event, installed);
  };

  const { signal, abort, release } = relay(options.signal);
  const events = client.pullModelStream(model, { ...options, signal });
  try {
    // The request goes out first: what is looked up beside it must not delay it.
    let next = events.next();
    let manifest = readManifest?.(signal).then((layers) => ({ layers }));
    for (;;) {
      if (manifest) {
        const first = await Promise.race([next, manifest]);
        if ('layers' in first) {
          manifest = undefined;
          if (first.layers) await tell({ type: 'Manifest', layers: first.layers });
        }
      }
      const { done, value } = await next;
      if (done === true) return state;
      await tell(value);
      next = events.next();
    }
  } finally {
    abort('ended');
    release();
    await events.return();
  }
}

async function findInstalled(
  client: Pick<OllamaClient, 'list'>,
  model: string,
): Promise<InstalledModel | undefined> {
  try {
    const models = await client.list({ force: true, signal: AbortSignal.timeout(SIZE_MS) });
    return models.find(({ name }) => sameModel(name, model));
  } catch {
    return undefined;
  }
}
