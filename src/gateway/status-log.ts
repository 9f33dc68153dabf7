import type { OllamaPullEvent } from '../core/pull-events.js';
import { phaseOf } from '../core/pull-phase.js';

/** One line of a pull's log. Sizes are bytes, absent where the server left them out. */
export interface StatusLine {
  readonly status: string;
  readonly digest?: string;
  readonly total?: number;
  readonly completed?: number;
}

/** The log of a pull, which stays small whatever the server says. */
export interface StatusLog {
  readonly lines: readonly StatusLine[];
  take(event: OllamaPullEvent): void;
}

/** Lines kept at most; a real pull has some 15 a layer, and few layers. */
const MOST_LINES = 500;
const LONGEST_STATUS = 500;

/**
 * Keeps each status once, and of each layer its first line, one for each tenth that it has passed, and its last: the
 * server repeats them several times a second.
 */
export function createStatusLog(): StatusLog {
  const lines: StatusLine[] = [];
  const statuses = new Set<string>();
  const tenths = new Map<string, number>();
  let ofLayer = '';

  const add = (line: StatusLine): void => {
    if (lines.length < MOST_LINES) lines.push(line);
  };

  return {
    lines,
    take(event) {
      if (event.type === 'Status') {
        const status = event.status.slice(0, LONGEST_STATUS);
        if (phaseOf(status) === 'downloading') ofLayer = status;
        else if (!statuses.has(status) && (statuses.size < MOST_LINES || status === 'success')) {
          statuses.add(status);
          // The last line says how it ended, and stands whatever was left out.
          if (status === 'success') lines.push({ status });
          else add({ status });
        }
      } else if (event.type === 'ChunkProgress' && tenths.size < MOST_LINES) {
        const { digest, total, completed } = event;
        const tenth = Math.floor((10 * (completed ?? 0)) / (total ?? Infinity));
        const before = tenths.get(digest);
        if (before !== undefined && tenth <= before) return;
        tenths.set(digest, tenth);
        add({
          status: ofLayer === '' ? 'pulling' : ofLayer,
          ...(digest === '' ? {} : { digest: digest.slice(0, LONGEST_STATUS) }),
          ...(total === undefined ? {} : { total }),
          ...(completed === undefined ? {} : { completed }),
        });
      }
    },
  };
}
