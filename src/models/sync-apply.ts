import type { Context } from '../context.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { parseModelName } from '../core/model-name.js';
import { findRegistry, type FindRegistryOptions } from '../registry.js';
import { fullDigest, type PlannedPull, type SyncPlan } from './sync-plan.js';
import { openUnloading } from './unload.js';

/** A model of a plan that did not become what it should. */
export interface SyncFailure {
  readonly model: string;
  readonly error: OllamaError;
}

/** What is told of each step besides the pulls. */
export type SyncStep =
  | { readonly type: 'copied'; readonly name: string; readonly from: string }
  | { readonly type: 'removed'; readonly name: string; readonly size: number };

/** Throws `digest_mismatch` for a pin that the registry does not have; one that can't be asked is left to the pull. */
export async function checkPins(
  context: Context,
  pulls: readonly PlannedPull[],
  options: FindRegistryOptions = {},
): Promise<void> {
  const pinned = pulls.filter(({ digest }) => digest !== undefined);
  if (pinned.length === 0) return;
  const { signal } = context.io;
  const registry = await findRegistry(context, options);
  const offered = await Promise.all(
    pinned.map(async (pull) => {
      const name = parseModelName(pull.name);
      try {
        return name === undefined ? pull.digest : (await registry.digest(name, { signal })).digest;
      } catch (error) {
        signal.throwIfAborted();
        if (!isOllamaError(error)) throw error;
        return pull.digest;
      }
    }),
  );
  for (const [index, pull] of pinned.entries()) {
    const digest = offered[index];
    if (digest !== pull.digest) throw mismatch(pull, `its registry has ${digest ?? 'none'} by now`);
  }
}

function mismatch({ name, digest }: { name: string; digest?: string }, what: string): OllamaError {
  return new OllamaError(
    'digest_mismatch',
    `${name} is declared with ${digest ?? 'no digest'}, but ${what}.`,
    {
      model: name,
      hint: 'declare the digest that is there, or none',
    },
  );
}

/** Which pulled models are not what the file pins them to. */
export async function findMismatches(
  { client, io }: Context,
  wanted: readonly { readonly name: string; readonly digest?: string }[],
): Promise<SyncFailure[]> {
  if (wanted.every(({ digest }) => digest === undefined)) return [];
  const installed = await client.list({ signal: io.signal, force: true });
  const here = new Map(installed.map((model) => [model.name.toLowerCase(), fullDigest(model.digest)]));
  return wanted.flatMap((one) => {
    const digest = here.get(one.name.toLowerCase());
    if (one.digest === undefined || digest === one.digest) return [];
    return [{ model: one.name, error: mismatch(one, `what was installed is ${digest ?? 'gone'}`) }];
  });
}

/** Makes the copies whose sources are there, in the order of the plan. Throws `interrupted` alone. */
export async function makeCopies(
  { client, io }: Context,
  plan: SyncPlan,
  broken: ReadonlySet<string>,
  tell: (step: SyncStep) => Promise<void>,
): Promise<SyncFailure[]> {
  const failed: SyncFailure[] = [];
  const without = new Set([...broken].map((name) => name.toLowerCase()));
  for (const { name, from } of plan.copy) {
    try {
      if (without.has(from.toLowerCase())) {
        throw new OllamaError('model_not_found', `${name} was not copied, since ${from} is not there.`, {
          model: from,
        });
      }
      await client.copy(from, name, { signal: io.signal });
      await tell({ type: 'copied', name, from });
    } catch (error) {
      if (!isOllamaError(error) || error.code === 'interrupted') throw error;
      failed.push({ model: name, error });
      without.add(name.toLowerCase());
    }
  }
  return failed;
}

/** Removes what the plan lists; what has gone meanwhile is no failure. Throws `interrupted` alone. */
export async function removeListed(
  context: Context,
  plan: SyncPlan,
  tell: (step: SyncStep) => Promise<void>,
): Promise<SyncFailure[]> {
  const failed: SyncFailure[] = [];
  if (plan.remove.length === 0) return failed;
  const { client, io } = context;
  const unload = await openUnloading(context);
  for (const { name, size } of plan.remove) {
    try {
      await unload(name);
      await client.delete(name, { signal: io.signal });
      await tell({ type: 'removed', name, size });
    } catch (error) {
      if (!isOllamaError(error) || error.code === 'interrupted') throw error;
      if (error.code !== 'model_not_found') failed.push({ model: name, error });
    }
  }
  return failed;
}
