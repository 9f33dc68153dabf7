import type { InstalledModel } from '../core/wire.js';
import type { DeclaredModel } from './sync-file.js';

/** A model to pull, and why. */
export interface PlannedPull {
  readonly name: string;
  readonly reason: 'absent' | 'digest';
  readonly digest?: string;
}

/** A copy to make; `replaces` where the name is another model now. */
export interface PlannedCopy {
  readonly name: string;
  readonly from: string;
  readonly replaces: boolean;
  readonly digest?: string;
}

/** What brings a server to what a file declares, each list in the order in which it is done. */
export interface SyncPlan {
  readonly pull: readonly PlannedPull[];
  readonly copy: readonly PlannedCopy[];
  readonly remove: readonly { readonly name: string; readonly size: number }[];
  readonly keep: readonly string[];
  /** Installed and not declared, but left where they are. */
  readonly others: readonly string[];
}

/** A digest as `sha256:…`, however it was written. */
export function fullDigest(digest: string): string {
  return `sha256:${digest.replace(/^sha256:/, '').toLowerCase()}`;
}

/**
 * What has to be done so that a server has what is declared. A model without a pin is right whatever its version; a copy
 * is right if it is its source's manifest. Nothing is removed unless `prune`.
 */
export function planSync(
  declared: readonly DeclaredModel[],
  installed: readonly InstalledModel[],
  options: { readonly prune: boolean },
): SyncPlan {
  const here = new Map(installed.map((model) => [model.name.toLowerCase(), model]));
  const byName = new Map(declared.map((model) => [model.name.toLowerCase(), model]));
  const pull: PlannedPull[] = [];
  const copy: PlannedCopy[] = [];
  const keep: string[] = [];
  const changed = new Set<string>();

  const pin = (digest: string | undefined): { digest?: string } => (digest === undefined ? {} : { digest });
  const visit = (model: DeclaredModel): void => {
    const key = model.name.toLowerCase();
    const found = here.get(key);
    if (model.from === undefined) {
      const isRight = found && (model.digest === undefined || fullDigest(found.digest) === model.digest);
      if (isRight) keep.push(model.name);
      else {
        changed.add(key);
        pull.push({ name: model.name, reason: found ? 'digest' : 'absent', ...pin(model.digest) });
      }
      return;
    }
    const source = model.from.toLowerCase();
    const same = found && here.get(source)?.digest === found.digest;
    if (same && !changed.has(source)) keep.push(model.name);
    else {
      changed.add(key);
      const digest = pin(model.digest);
      copy.push({ name: model.name, from: model.from, replaces: found !== undefined, ...digest });
    }
  };
  for (const model of inOrder(declared, byName)) visit(model);

  const undeclared = installed.filter(({ name }) => !byName.has(name.toLowerCase()));
  return {
    pull,
    copy,
    keep,
    remove: options.prune ? undeclared.map(({ name, size }) => ({ name, size })) : [],
    others: options.prune ? [] : undeclared.map(({ name }) => name),
  };
}

/** Each source before its copies, otherwise as declared. The file's own check has left no circle. */
function inOrder(
  declared: readonly DeclaredModel[],
  byName: ReadonlyMap<string, DeclaredModel>,
): DeclaredModel[] {
  const ordered = new Set<DeclaredModel>();
  for (const model of declared) {
    const chain: DeclaredModel[] = [];
    for (
      let at: DeclaredModel | undefined = model;
      at && !ordered.has(at);
      at = byName.get((at.from ?? '').toLowerCase())
    ) {
      chain.unshift(at);
    }
    for (const one of chain) ordered.add(one);
  }
  return [...ordered];
}

/** True where nothing has to be done. */
export function isEmptyPlan({ pull, copy, remove }: SyncPlan): boolean {
  return pull.length + copy.length + remove.length === 0;
}

/**
 * What is installed, as a file declares it: each with its digest; of several names of one manifest the oldest is the
 * source, and the others are its copies.
 */
export function declareInstalled(installed: readonly InstalledModel[]): Omit<DeclaredModel, 'line'>[] {
  const oldestFirst = [...installed].sort(
    (a, b) => Date.parse(a.modified_at) - Date.parse(b.modified_at) || (a.name < b.name ? -1 : 1),
  );
  const sources = new Map<string, string>();
  for (const { name, digest } of oldestFirst) if (!sources.has(digest)) sources.set(digest, name);
  return [...installed]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, digest }) => {
      const from = sources.get(digest);
      const pinned = { name, digest: fullDigest(digest) };
      return from === undefined || from === name ? pinned : { ...pinned, from };
    });
}
