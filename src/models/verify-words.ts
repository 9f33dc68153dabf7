import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { CheckedModel, Integrity } from './verify.js';
import { isBad } from './verify.js';
import type { RepairPlan } from './verify-repair.js';

/** How much of a digest a person needs to tell it from others. */
const SHORT = 'sha256:'.length + 12;

function sizeText(size: number | undefined): string {
  return size === undefined ? '' : `${formatBytes(size)}, `;
}

function list(names: readonly string[]): string {
  return names.map(cleanLine).join(', ');
}

function plural(count: number, one: string): string {
  return count === 1 ? `1 ${one}` : `${count} ${one}s`;
}

/** The states of a model's layers, counted: `4 ok, 1 corrupt`. */
export function countStates({ layers, reason }: CheckedModel): string {
  const counts = new Map<string, number>();
  for (const { state } of layers) counts.set(state, (counts.get(state) ?? 0) + 1);
  const told = [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
  return [told, ...(reason === undefined ? [] : [reason])].filter((part) => part !== '').join('; ');
}

/** What a check found besides the table of models, in lines. `where` is the folder, or why there is none. */
export function checkLines(
  { depth, models, hashed }: Integrity,
  orphans: readonly { readonly size: number }[],
  notes: readonly string[],
  where: string,
): string[] {
  const lines: string[] = [];
  const bad = new Map(
    models
      .flatMap((model) => model.layers.filter(({ state }) => isBad(state)))
      .map((one) => [one.digest, one]),
  );
  for (const { digest, size, state } of bad.values()) {
    const who = models.filter((model) => model.layers.some((layer) => layer.digest === digest));
    const names = list(who.map(({ name }) => name));
    lines.push(`${digest.slice(0, SHORT)} is ${state} (${sizeText(size)}in ${names})`);
  }
  if (orphans.length > 0) {
    const bytes = formatBytes(orphans.reduce((sum, { size }) => sum + size, 0));
    lines.push(
      `${plural(orphans.length, 'blob')} of no model, ${bytes}: a server that starts removes such blobs.`,
    );
  }
  lines.push(...notes.map(cleanLine));
  lines.push(
    depth === 'hashed'
      ? `Hashed ${formatBytes(hashed)} in ${cleanLine(where)}.`
      : `Not hashed, only looked whether the layers are there: ${cleanLine(where)}.`,
  );
  return lines;
}

/** What a repair would do, in lines: all that goes is named. */
export function planLines({ blobs, pull, replaces, delete: removed, left }: RepairPlan): string[] {
  return [
    ...blobs.map(({ digest, size, state, models, file }) => {
      const what = file === undefined ? 'fetch ' : 'remove';
      const path = file === undefined ? digest.slice(0, SHORT) : cleanLine(file);
      return `  ${what}  ${path}  (${sizeText(size)}${state}, in ${list(models)})`;
    }),
    ...removed.map((name) => `  remove  ${cleanLine(name)}  (it comes again with the pull)`),
    ...pull.map((name) => {
      const what = replaces.includes(name)
        ? 'its registry has another version, which takes its place'
        : 'what is right of it is not fetched';
      return `  pull    ${cleanLine(name)}  (${what})`;
    }),
    ...left.map(({ name, reason }) => `  leave   ${cleanLine(name)}: ${cleanLine(reason)}`),
  ];
}
