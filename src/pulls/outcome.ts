import type { OllamaError } from '../core/errors.js';
import type { PullState } from '../core/pull.js';
import { sumOf } from '../failure.js';

/** How several pulls ended, by the names that they were asked for with; each name is in one of the three lists. */
export interface PullsOutcome {
  readonly succeeded: readonly string[];
  readonly failed: readonly { readonly model: string; readonly error: OllamaError }[];
  /** Never begun. */
  readonly skipped: readonly string[];
  /** The one error that sums up all that failed; undefined where all went well. */
  readonly error: OllamaError | undefined;
}

/** A pull that has ended, well or not. */
export interface EndedPull {
  readonly model: string;
  /** The other names that it was asked for with. */
  readonly alsoAs: readonly string[];
  readonly state: PullState;
  readonly error: OllamaError | undefined;
  /** The installed model's digest, where the server's list told it. */
  readonly digest: string | undefined;
  /** The name that it was given besides its own. */
  readonly as: string | undefined;
  /** What came for this model and for no other of the same command, in bytes. */
  readonly downloaded: number;
  readonly reused: number;
  readonly ms: number;
}

/** The outcome of the pulls that ended, of all that were asked for; `before` is an error that came before any of them. */
export function sumUp(
  models: readonly string[],
  ended: readonly EndedPull[],
  host: string,
  before?: OllamaError,
): PullsOutcome {
  const ends = new Map(
    ended.flatMap((end) => [end.model, ...end.alsoAs].map((name) => [name, end] as const)),
  );
  const succeeded = models.filter((model) => ends.get(model)?.error === undefined && ends.has(model));
  const failed = models.flatMap((model) => {
    const error = ends.get(model)?.error;
    return error === undefined ? [] : [{ model, error }];
  });
  const skipped = models.filter((model) => !ends.has(model));
  return { succeeded, failed, skipped, error: before ?? oneError(models, succeeded, failed, skipped, host) };
}

/** One error for all that failed: the only one, the one that they share, or `partial`. */
function oneError(
  models: readonly string[],
  succeeded: readonly string[],
  failed: PullsOutcome['failed'],
  skipped: readonly string[],
  host: string,
): OllamaError | undefined {
  const rest = skipped.length === 0 ? '' : `; skipped: ${skipped.join(', ')} (--keep-going goes on)`;
  return sumFailed(
    { failed, succeeded: succeeded.length, asked: models.length },
    host,
    (names) => `${failed.length} of ${models.length} models could not be pulled: ${names}${rest}.`,
  );
}

/** The one error of models that could not even be looked up. */
export function sumNotPlanned(
  failed: PullsOutcome['failed'],
  planned: number,
  host: string,
): OllamaError | undefined {
  const count = failed.length + planned;
  return sumFailed(
    { failed, succeeded: planned, asked: count },
    host,
    (names) => `${failed.length} of ${count} models could not be looked up: ${names}.`,
  );
}

function sumFailed(
  sums: { readonly failed: PullsOutcome['failed']; readonly succeeded: number; readonly asked: number },
  host: string,
  tell: (names: string) => string,
): OllamaError | undefined {
  const { failed, succeeded, asked } = sums;
  const [first] = failed;
  if (!first) return undefined;
  const interrupted = failed.find(({ error }) => error.code === 'interrupted');
  if (interrupted) return interrupted.error;
  // One model alone, also under several names.
  const errors = [...new Set(failed.map(({ error }) => error))];
  if (errors.length === 1 && failed.length === asked) return first.error;
  return sumOf(errors, succeeded, { message: tell(failed.map(({ model }) => model).join(', ')), host });
}
