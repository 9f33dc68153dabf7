import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import type { SyncPlan } from './sync-plan.js';

/** What a plan does, in lines: all that is pulled, replaced or removed is named. */
export function syncLines({ pull, copy, remove, keep, others }: SyncPlan): string[] {
  const count = (names: readonly string[]): string =>
    names.length === 1 ? '1 model' : `${names.length} models`;
  return [
    ...pull.map(({ name, reason }) => {
      const why = reason === 'absent' ? '' : '  (it has another digest than the file says)';
      return `  pull    ${cleanLine(name)}${why}`;
    }),
    ...copy.map(({ name, from, replaces }) => {
      const what = replaces ? '  (replaces what it is now)' : '';
      return `  copy    ${cleanLine(from)} to ${cleanLine(name)}${what}`;
    }),
    ...remove.map(({ name, size }) => `  remove  ${cleanLine(name)}  ${formatBytes(size)}`),
    ...(keep.length === 0 ? [] : [`  keep    ${count(keep)} as ${keep.length === 1 ? 'it is' : 'they are'}`]),
    ...(others.length === 0
      ? []
      : [`  leave   ${count(others)} that the file does not name: --prune removes them`]),
  ];
}
