import type { Mode } from './mode.js';
import type { PullDisplayKind } from './pull-display.js';

/** What shows progress: what was asked for; by itself the live view on a terminal and plain lines elsewhere. */
export function chooseProgress(
  asked: 'auto' | 'ink' | 'bar' | 'lines',
  mode: Mode,
  quiet: boolean,
): PullDisplayKind {
  if (quiet) return 'none';
  if (asked === 'lines' || mode !== 'tty') return 'lines';
  return asked === 'bar' ? 'bar' : 'ink';
}
