import type { Context } from '../context.js';
import type { InstalledModel } from '../core/wire.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { freedBy, knownLayers, type Freed } from './layers.js';

/** What removing models frees, and a line about it. */
export interface FreedTold extends Freed {
  /** One line with its end where others keep much of it; nothing where all of it goes. */
  words(verb: 'frees' | 'freed'): string;
}

/** What is shared and smaller than this share of the whole is not worth a word: a licence, a template. */
const WORTH_TELLING = 0.01;

/**
 * Gives a function that tells what removing some of the installed models frees; it gives nothing where it is not known
 * which layers they share. To be asked before any of them goes. Throws what the server's list throws, and `interrupted`.
 */
export async function measureFreed(
  context: Context,
  installed: readonly InstalledModel[],
): Promise<(names: readonly string[]) => FreedTold | undefined> {
  const { parts, known } = await knownLayers(context, installed);
  if (!known) return () => undefined;
  const shown = new Map(installed.map(({ name }) => [name.toLowerCase(), name]));
  return (names) => {
    const freed = freedBy(parts, names);
    const { bytes, kept } = freed;
    const keptBy = freed.keptBy.map((name) => shown.get(name) ?? name);
    const words: FreedTold['words'] = (verb) => {
      if (kept <= (bytes + kept) * WORTH_TELLING) return '';
      const [first = '', ...others] = keptBy.map(cleanLine);
      const who = others.length === 0 ? first : `${first} and ${others.length} more`;
      return `${verb} ${formatBytes(bytes)}; ${formatBytes(kept)} are shared with ${who}\n`;
    };
    return { bytes, kept, keptBy, words };
  };
}
