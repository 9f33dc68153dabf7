import type { Context } from '../context.js';
import type { OllamaError } from '../core/errors.js';
import type { InstalledModel } from '../core/wire.js';
import { findRegistry, type FindRegistryOptions } from '../registry.js';
import { checkFreshness, type Freshness } from './outdated.js';
import { meansModel, notInstalled } from './words.js';

/** The installed models that words mean, and an error for each word that means none. */
interface Choice {
  readonly chosen: readonly InstalledModel[];
  readonly missing: readonly { readonly model: string; readonly error: OllamaError }[];
}

/** The installed models that names and globs mean, each once and in the list's order; without a word all of them. */
function chooseInstalled(
  words: readonly string[],
  installed: readonly InstalledModel[],
  host: string,
): Choice {
  if (words.length === 0) return { chosen: installed, missing: [] };
  const missing = words
    .filter((word) => !installed.some(({ name }) => meansModel(word, name)))
    .map((word) => ({ model: word, error: notInstalled(word, host) }));
  return {
    chosen: installed.filter(({ name }) => words.some((word) => meansModel(word, name))),
    missing,
  };
}

/** Compares the installed models that words mean with their registry; see `checkFreshness`. */
export async function compareInstalled(
  context: Context,
  words: readonly string[],
  options: FindRegistryOptions,
): Promise<Pick<Choice, 'missing'> & { readonly checked: readonly Freshness[] }> {
  const { io, client } = context;
  const [installed, registry] = await Promise.all([
    client.list({ signal: io.signal, force: true }),
    findRegistry(context, options),
  ]);
  const { chosen, missing } = chooseInstalled(words, installed, client.host.url);
  return { checked: await checkFreshness(context, registry, chosen, { signal: io.signal }), missing };
}
