import { matchGlob } from '../config/glob.js';
import { sameModel } from '../core/model-name.js';
import type { InstalledModel } from '../core/wire.js';
import { formatAge } from '../format/age.js';
import { usageName } from './usage.js';

/** A model that could go, and why. `lastUsed` in milliseconds since the epoch, where this program used it. */
export interface Candidate {
  readonly model: InstalledModel;
  readonly lastUsed: number | undefined;
  readonly reason: string;
}

/** By what it is judged which models are not used. */
export interface UnusedOptions {
  /** When each was last used, in milliseconds since the epoch, by `usageName`. */
  readonly uses: ReadonlyMap<string, number>;
  readonly loaded: readonly { readonly name: string }[];
  /** Names or globs of those that stay. */
  readonly keep: readonly string[];
  /** In milliseconds. */
  readonly olderThan: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

function reasonOf(lastUsed: number | undefined, changed: number, now: number): string {
  const installed = `installed ${formatAge(changed, now)}`;
  if (lastUsed === undefined) return `not used through ollama-cli; ${installed}`;
  const used = `last used ${formatAge(lastUsed, now)}`;
  return changed > lastUsed ? `${used}; ${installed}` : used;
}

/**
 * The models that were neither used by this program nor changed for `olderThan`, the longest unused first. Never one
 * that is loaded or kept, runs elsewhere (it takes no room), or whose age the server does not tell.
 */
export function findUnused(installed: readonly InstalledModel[], options: UnusedOptions): Candidate[] {
  const { uses, loaded, keep, olderThan, now } = options;
  const stays = ({ name, remote_host }: InstalledModel): boolean =>
    remote_host !== undefined ||
    loaded.some((one) => sameModel(one.name, name)) ||
    keep.some((word) => matchGlob(word, name) || sameModel(word, name));
  const aged = installed.flatMap((model) => {
    const changed = Date.parse(model.modified_at);
    // Go's zero time is no age.
    if (stays(model) || !(changed > 0)) return [];
    const lastUsed = uses.get(usageName(model.name));
    const at = Math.max(changed, lastUsed ?? 0);
    return now - at < olderThan
      ? []
      : [{ at, candidate: { model, lastUsed, reason: reasonOf(lastUsed, changed, now) } }];
  });
  return aged.sort((a, b) => a.at - b.at).map(({ candidate }) => candidate);
}
