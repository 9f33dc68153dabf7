import { checkAllowed } from '../consent.js';
import type { Context } from '../context.js';
import type { OllamaError } from '../core/errors.js';
import { sumErrors, toFailure } from '../failure.js';
import type { Io } from '../io.js';
import {
  findMismatches,
  makeCopies,
  removeListed,
  type SyncFailure,
  type SyncStep,
} from '../models/sync-apply.js';
import { parseSyncFile, readSyncFile, type DeclaredModel } from '../models/sync-file.js';
import { planSync, type SyncPlan } from '../models/sync-plan.js';
import { readFields } from '../output/fields.js';
import { readPipedPrompt } from '../output/stdin.js';
import type { PullsOutcome } from './outcome.js';
import { EVENT_FIELDS } from './tell-json.js';

/** What the events of a sync are told with, for `--fields`. */
export const SYNC_FIELDS: readonly string[] = [
  ...EVENT_FIELDS,
  ...['file', 'dry_run', 'pull', 'copy', 'remove', 'keep', 'name', 'from', 'size'],
  ...['copied', 'removed', 'hosts'],
];

/** The same flags for the pulls of a sync: of the fields that were asked for, a pull's events know their own. */
export function pullFields<Flags extends { readonly fields?: string }>(flags: Flags): Flags {
  const fields = readFields(flags)?.filter((field) => EVENT_FIELDS.includes(field));
  return fields === undefined ? flags : { ...flags, fields: ['type', ...fields].join(',') };
}

/** Reads what a file declares, `-` is stdin. Throws `usage` and `config` for one that can't be used. */
export async function readDeclared(io: Io, file: string): Promise<readonly DeclaredModel[]> {
  const text = file === '-' ? await readPipedPrompt(io) : await readSyncFile(io.cwd, file);
  return parseSyncFile(text, file === '-' ? 'stdin' : file);
}

/** What brings a server to what is declared. Throws `not_allowed`, and what its list throws. */
export async function planHost(
  context: Context,
  declared: readonly DeclaredModel[],
  options: { readonly prune: boolean },
): Promise<SyncPlan> {
  for (const { name } of declared) checkAllowed(context, name);
  const installed = await context.client.list({ signal: context.io.signal, force: true });
  return planSync(declared, installed, options);
}

/** The lists of a plan as JSON has them. */
export function planJson({ pull, copy, remove, keep }: SyncPlan): object {
  return { pull, copy, remove, keep };
}

/** What a sync has done of a server so far. */
export interface SyncDone {
  succeeded: readonly string[];
  readonly failed: SyncFailure[];
  readonly copied: string[];
  readonly removed: string[];
}

/**
 * Does what a plan has besides its pulls, once these have ended: copies, and removals where nothing has failed. Adds to
 * `done`, also where it throws, which is `interrupted` alone.
 */
export async function finishSync(
  context: Context,
  plan: SyncPlan,
  pulls: PullsOutcome,
  done: SyncDone,
  tell: (step: SyncStep) => Promise<void>,
): Promise<void> {
  const note = async (step: SyncStep): Promise<void> => {
    done[step.type].push(step.name);
    await tell(step);
  };
  done.succeeded = pulls.succeeded;
  done.failed.push(...pulls.failed);
  if (pulls.error?.code === 'interrupted') throw pulls.error;
  const fresh = plan.pull.filter(({ name }) => pulls.succeeded.includes(name));
  done.failed.push(...(await findMismatches(context, fresh)));
  done.succeeded = pulls.succeeded.filter((name) => !done.failed.some(({ model }) => model === name));
  const broken = new Set([...done.failed.map(({ model }) => model), ...pulls.skipped]);
  done.failed.push(...(await makeCopies(context, plan, broken, note)));
  const copied = plan.copy.filter(({ name }) => done.copied.includes(name));
  done.failed.push(...(await findMismatches(context, copied)));
  // What stands in for something else must be there before the other goes.
  if (done.failed.length === 0 && !pulls.error)
    done.failed.push(...(await removeListed(context, plan, note)));
}

/** The one error that sums up what failed; undefined where all is as declared. */
export function sumSync(
  plan: SyncPlan,
  done: SyncDone,
  pulls: PullsOutcome,
  host: string,
): OllamaError | undefined {
  const why = done.failed.map(({ model, error }) => `${model} (${toFailure(error).message})`).join(', ');
  const kept = plan.remove.length > 0 && done.removed.length === 0 ? ' Nothing was removed.' : '';
  const error = sumErrors(
    done.failed.map((one) => one.error),
    done.succeeded.length + done.copied.length + done.removed.length,
    { message: `Not as declared: ${why}.${kept}`, host },
  );
  // Where nothing failed by itself, something came before all pulls.
  return error ?? pulls.error;
}
