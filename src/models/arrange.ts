import { matchName } from '../config/glob.js';
import { OllamaError } from '../core/errors.js';
import type { InstalledModel } from '../core/wire.js';

const ORDERS: Readonly<Record<string, (a: InstalledModel, b: InstalledModel) => number>> = {
  name: (a, b) => a.name.localeCompare(b.name, 'en'),
  size: (a, b) => b.size - a.size,
  modified: (a, b) => timeOf(b) - timeOf(a),
};

/** A time that can't be read comes last, wherever it stands in the list. */
function timeOf({ modified_at }: InstalledModel): number {
  return Date.parse(modified_at) || 0;
}

/** The orders in which models are told, besides the server's own. */
export const SORTS: readonly string[] = Object.keys(ORDERS);

/** Chooses of a server's models, and brings them into an order. */
export type Arrange = (models: readonly InstalledModel[]) => readonly InstalledModel[];

/** Which models are told (all without a glob), and in which order. Throws `usage` for an order that there is not. */
export function readArrangement(
  glob: string | undefined,
  flags: { readonly sort?: string; readonly reverse?: boolean },
): Arrange {
  const sort = flags.sort === undefined ? undefined : ORDERS[flags.sort];
  if (flags.sort !== undefined && !sort) {
    throw new OllamaError('usage', `There is no order "${flags.sort}": it is ${SORTS.join(', ')}.`);
  }
  return (all) => {
    let models = glob === undefined ? all : all.filter((model) => matchName(glob, model.name));
    if (sort) models = [...models].sort(sort);
    return flags.reverse === true ? [...models].reverse() : models;
  };
}
