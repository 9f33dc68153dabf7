import { displayName, parseModelName } from '../core/model-name.js';

/** One model to pull, and the other names under which it was asked for too, such as `a` and `a:latest`. */
export interface Wanted {
  readonly model: string;
  readonly alsoAs: readonly string[];
}

/** The models that names stand for, each once, in the order of their first naming. */
export function groupNames(names: readonly string[]): Wanted[] {
  const groups = new Map<string, { model: string; alsoAs: string[] }>();
  for (const name of new Set(names)) {
    const parts = parseModelName(name);
    const key = (parts ? displayName(parts) : name).toLowerCase();
    const known = groups.get(key);
    if (known) known.alsoAs.push(name);
    else groups.set(key, { model: name, alsoAs: [] });
  }
  return [...groups.values()];
}
