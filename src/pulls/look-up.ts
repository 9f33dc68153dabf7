import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import type { ManifestLayer } from '../core/pull-events.js';
import { relay, timeLimit } from '../core/time-limit.js';
import { createPool } from '../core/pool.js';
import { planPull, type PullPlan } from './plan.js';

/** A manifest that takes longer to read than this has no say any more: the total is what has been seen so far. */
const LOOK_UP_MS = 5_000;

/** How many manifests are read at once. */
const AT_ONCE = 4;

/** What the registry says of the models of one command; each is asked for once, and never longer than 5 s. */
export interface LookUps {
  /** Undefined where the registry, or the server about its blobs, did not answer. Never rejects. */
  plan(model: string): Promise<PullPlan | undefined>;
  /** Hangs up on what is still being asked. */
  close(): void;
}

/** Begins nothing until it is asked. */
export function openLookUps(
  context: Context,
  { insecure = false }: { readonly insecure?: boolean | undefined },
): LookUps {
  const { signal: ended, abort, release } = relay(context.io.signal);
  const plans = new Map<string, Promise<PullPlan | undefined>>();
  const places = createPool(AT_ONCE);
  const ask = async (model: string): Promise<PullPlan | undefined> => {
    const limit = timeLimit(ended, LOOK_UP_MS, () => new OllamaError('timeout', 'The registry is slow.'));
    try {
      const { findRegistry } = await import('../registry.js');
      const registry = await findRegistry(context, { insecure });
      return await planPull(context, registry, model, { signal: limit.signal });
    } catch {
      // Whatever is wrong, the server will meet it too, and its words are the ones that count.
      return undefined;
    } finally {
      limit.stop();
    }
  };
  return {
    plan(model) {
      const plan = plans.get(model) ?? places(() => ask(model));
      plans.set(model, plan);
      return plan;
    },
    close: () => {
      abort('ended');
      release();
    },
  };
}

/** Reads one model's manifest beside its pull, as `runPull` wants it. */
export function manifestReader(
  context: Context,
  model: string,
  options: { readonly insecure?: boolean | undefined },
): (signal: AbortSignal) => Promise<readonly ManifestLayer[] | undefined> {
  return async (signal) => {
    const lookUps = openLookUps(context, options);
    signal.addEventListener('abort', () => lookUps.close(), { once: true });
    return (await lookUps.plan(model))?.layers;
  };
}
