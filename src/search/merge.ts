import { parseModelName, sameModel, type ModelName } from '../core/model-name.js';
import type { InstalledModel } from '../core/wire.js';
import { guessSize } from './size.js';
import type { Found } from './source.js';

/** A result with what is known of it here. */
export interface Result extends Found {
  /** Undefined where the server could not be asked. */
  readonly installed: boolean | undefined;
}

/** Which results are wanted, and in which order. */
export interface Wanted {
  /** In bytes. */
  readonly maxSize?: number | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly sort?: SortName | undefined;
  readonly limit: number;
}

const smallest = ({ sizes, parameterSizes }: Found): number =>
  Math.min(...(sizes ?? parameterSizes?.map((text) => guessSize(text) ?? Infinity) ?? []));

/** Names as people count: 3b before 14b. */
const byName = (a: Found, b: Found): number => a.name.localeCompare(b.name, 'en', { numeric: true });

const SORTS = {
  name: byName,
  size: (a: Found, b: Found): number => {
    const [left, right] = [smallest(a), smallest(b)];
    return left === right ? byName(a, b) : left - right;
  },
  updated: (a: Found, b: Found): number => (b.updatedAt ?? 0) - (a.updatedAt ?? 0) || byName(a, b),
  source: (a: Found, b: Found): number => a.source.localeCompare(b.source, 'en') || byName(a, b),
} as const;

export type SortName = keyof typeof SORTS;
export const SORT_NAMES = Object.keys(SORTS) as readonly SortName[];

/** One result a name, as the first source tells it; what that leaves out is taken from the others. */
export function mergeFound(all: readonly Found[]): Found[] {
  const merged = new Map<string, Found>();
  for (const found of all) {
    const key = found.name.toLowerCase();
    const before = merged.get(key);
    // A digest and a size are of the same manifest, or of none.
    const added = before?.sizes !== undefined && found.digest !== undefined ? withoutDigest(found) : found;
    merged.set(key, before === undefined ? found : { ...added, ...before });
  }
  return [...merged.values()];
}

function withoutDigest({ digest: _, ...found }: Found): Found {
  return found;
}

/** What of `found` is wanted, in its order; and how many were left out because their size is not known. */
export function chooseFound(
  found: readonly Found[],
  { maxSize, capabilities, sort, limit }: Wanted,
): { chosen: readonly Found[]; unknown: number } {
  const can = found.filter((one) => (capabilities ?? []).every((word) => one.capabilities?.includes(word)));
  const fits = maxSize === undefined ? can : can.filter((one) => smallest(one) <= maxSize);
  const unknown = maxSize === undefined ? 0 : can.filter((one) => smallest(one) === Infinity).length;
  const sorted = sort === undefined ? fits : [...fits].sort(SORTS[sort]);
  return { chosen: sorted.slice(0, limit), unknown };
}

/** Marks what is installed: a name with a tag as it is, one without if any tag of it is. */
export function markInstalled(
  found: readonly Found[],
  installed: readonly InstalledModel[] | undefined,
): Result[] {
  const names = installed?.map(({ name }) => ({ name, key: keyOf(parseModelName(name)) }));
  return found.map((one) => {
    const tagged = /:[^/]*$/.test(one.name);
    const key = keyOf(parseModelName(one.name));
    const here = names?.some((other) => (tagged ? sameModel(one.name, other.name) : other.key === key));
    return { ...one, installed: here };
  });
}

function keyOf(name: ModelName | undefined): string | undefined {
  return name && `${name.host}/${name.namespace}/${name.model}`.toLowerCase();
}
