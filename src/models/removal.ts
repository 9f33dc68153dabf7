import { isGlob } from '../config/glob.js';
import type { Context } from '../context.js';
import { isOllamaError, type OllamaError } from '../core/errors.js';
import type { InstalledModel } from '../core/wire.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { FreedTold } from './freed.js';
import { meansModel, notThere } from './words.js';

/** One name to remove; the size is unknown where the list does not have it. */
export interface Target {
  readonly name: string;
  readonly size: number | undefined;
}

/** How removing went, name by name. */
export interface Removal {
  readonly removed: { name: string; size: number | undefined }[];
  readonly missing: string[];
  readonly failed: { name: string; error: OllamaError }[];
}

/** What words mean on a server that has these models; a glob that nothing matches is unmatched. */
export function chooseTargets(
  words: readonly string[],
  installed: readonly InstalledModel[],
): { targets: Target[]; unmatched: string[] } {
  const targets = new Map<string, Target>();
  const unmatched: string[] = [];
  for (const word of words) {
    const found = installed.filter(({ name }) => meansModel(word, name));
    for (const { name, size } of found) targets.set(name, { name, size });
    // Only the server's own 404 says that a model is absent: a name is asked for even where the list lacks it.
    if (found.length === 0 && isGlob(word)) unmatched.push(word);
    else if (found.length === 0) targets.set(word, { name: word, size: undefined });
  }
  return { targets: [...targets.values()], unmatched };
}

/** Removes one after another, unloaded first, and adds to `outcome` how each went. Throws `interrupted` alone. */
export async function removeAll(
  context: Context,
  targets: readonly Target[],
  outcome: Removal,
  onRemoved: (target: Target) => Promise<void> = async () => undefined,
): Promise<void> {
  const { openUnloading } = await import('./unload.js');
  const unload = await openUnloading(context);
  for (const target of targets) {
    await unload(target.name);
    if (await remove(context, target, outcome)) await onRemoved(target);
  }
}

async function remove({ io, client }: Context, target: Target, outcome: Removal): Promise<boolean> {
  try {
    await client.delete(target.name, { signal: io.signal });
    outcome.removed.push(target);
    return true;
  } catch (error) {
    if (!isOllamaError(error) || error.code === 'interrupted') throw error;
    if (error.code === 'model_not_found') outcome.missing.push(target.name);
    else outcome.failed.push({ name: target.name, error });
    return false;
  }
}

/** What removing some of the models frees; undefined where that could not be found out, or is not told. */
export type MeasureFreed = (targets: readonly Target[]) => FreedTold | undefined;

/** Finds out what the models share, before any of them goes. What can't be found out is only not told. */
export async function openFreed(
  context: Context,
  installed: readonly InstalledModel[],
  targets: readonly Target[],
  isTold: boolean,
): Promise<MeasureFreed> {
  if (!isTold || targets.every(({ size }) => size === undefined)) return () => undefined;
  try {
    const { measureFreed } = await import('./freed.js');
    const measure = await measureFreed(context, installed);
    return (gone) => measure(gone.map(({ name }) => name));
  } catch (error) {
    if (isOllamaError(error) && error.code === 'interrupted') throw error;
    return () => undefined;
  }
}

/** The models of which the size is known, a line each. */
export function describeTargets(targets: readonly Target[]): string {
  const known = targets.filter(({ size }) => size !== undefined);
  return known.map(({ name, size }) => `  ${cleanLine(name)}  ${formatBytes(size ?? 0)}\n`).join('');
}

/** `0 B would be freed: 816 kB are shared with gemma3:1b.` */
export function freedLine(freed: FreedTold | undefined, verb: string): string {
  if (freed === undefined) return '';
  return `${freed.amount} ${verb}${freed.sharing === '' ? '' : `: ${freed.sharing}`}.`;
}

/** The sum of their sizes, shared layers each time. */
export function totalOf(targets: readonly Target[]): string {
  return formatBytes(targets.reduce((sum, { size }) => sum + (size ?? 0), 0));
}

/** All that did not work, and a sentence of it. */
export function removalErrors(
  { removed, missing, failed }: Removal,
  host: string,
  { ignoreMissing = false }: { readonly ignoreMissing?: boolean | undefined },
): { readonly errors: readonly OllamaError[]; readonly message: string } {
  const absent = ignoreMissing ? [] : missing;
  const errors = [...absent.map((word) => notThere(word, host)), ...failed.map(({ error }) => error)];
  const why = [
    ...absent.map((model) => `${model} (${isGlob(model) ? 'no match' : 'not installed'})`),
    ...failed.map(({ name, error }) => `${name} (${error.message})`),
  ].join(', ');
  const message = `${errors.length} of ${errors.length + removed.length} could not be removed: ${why}.`;
  return { errors, message };
}
