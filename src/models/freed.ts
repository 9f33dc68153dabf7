import type { Context } from '../context.js';
import type { InstalledModel } from '../core/wire.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { freedBy, knownLayers, type Freed } from './layers.js';
import { leastFreed } from './shared.js';

/** What removing models frees, and how that is said. */
export interface FreedTold extends Freed {
  /** False where it is not known what the models share: then it is the least that goes, and nothing is told of the rest. */
  readonly known: boolean;
  /** How much goes: `3 GB`, or `at least 3 GB`. */
  readonly amount: string;
  /** Why that is not all of it, such as `816 kB are shared with gemma3:1b`; empty where all of it goes. */
  readonly sharing: string;
}

/** What is shared and smaller than this share of the whole is not worth a word: a licence, a template. */
const WORTH_TELLING = 0.01;

/**
 * Gives a function that tells what removing some of the installed models frees: exactly where the models folder is at
 * hand. To be asked for before any of them goes. Throws what the server's list throws, and `interrupted`.
 */
export async function measureFreed(
  context: Context,
  installed: readonly InstalledModel[],
): Promise<(names: readonly string[]) => FreedTold> {
  const { parts, weightsOf } = await knownLayers(context, installed);
  const shown = new Map(installed.map(({ name }) => [name.toLowerCase(), name]));
  const sizes = new Map(installed.map(({ name, size }) => [name.toLowerCase(), size]));
  return (names) => {
    const gone = new Set(names.map((name) => name.toLowerCase()));
    const removed = new Set(installed.filter(({ name }) => gone.has(name.toLowerCase())));
    const least = weightsOf === undefined ? undefined : leastFreed(installed, removed, weightsOf);
    if (least?.known === false) {
      const amount = `at least ${formatBytes(least.bytes)}`;
      return { bytes: least.bytes, kept: 0, keptBy: [], known: false, amount, sharing: '' };
    }
    const freed = freedBy(parts, names);
    const keptBy = freed.keptBy.map((name) => shown.get(name) ?? name);
    const sum = names.reduce((all, name) => all + (sizes.get(name.toLowerCase()) ?? 0), 0);
    const sharing = sharingWords({ ...freed, keptBy }, sum);
    return { ...freed, keptBy, known: true, amount: formatBytes(freed.bytes), sharing };
  };
}

function sharingWords({ bytes, kept, keptBy }: Freed, sum: number): string {
  if (kept > (bytes + kept) * WORTH_TELLING) {
    const [first = '', ...others] = keptBy.map(cleanLine);
    const who = others.length === 0 ? first : `${first} and ${others.length} more`;
    return `${formatBytes(kept)} are shared with ${who}`;
  }
  return sum - bytes - kept > sum * WORTH_TELLING ? 'they share layers' : '';
}
