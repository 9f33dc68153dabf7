import type { Styles } from './styles.js';
import type { Symbols } from './symbols.js';

/** What a failure's text is made of; structurally the program's `Failure`. */
interface Told {
  readonly message: string;
  readonly steps: readonly { readonly label: string; readonly command: string; readonly note?: string }[];
}

/** The lines of an error for people: what happened, then what to do next in a column that can be copied from. */
export function failureLines(
  failure: Told,
  look: { readonly styles: Styles; readonly symbols: Symbols },
): string[] {
  const { styles, symbols } = look;
  const [first = '', ...rest] = failure.message.split('\n');
  const lines = [`${styles.bad(symbols.cross)} ${first}`, ...rest.map((line) => `  ${line}`)];
  if (failure.steps.length === 0) return lines;
  const width = Math.max(16, ...failure.steps.map((step) => step.label.length));
  // Only what stands before a remark is aligned: a long command elsewhere must not push the remark over the edge.
  const remarked = failure.steps.filter((step) => step.note !== undefined);
  const commands = Math.max(0, ...remarked.map((step) => step.command.length));
  const steps = failure.steps.map(({ label, command, note }) => {
    const padded = note === undefined ? command : command.padEnd(Math.min(commands, 32));
    const remark = note === undefined ? '' : styles.dim(`  (${note})`);
    return `  ${styles.dim(label.padEnd(width))}  ${padded}${remark}`;
  });
  return [...lines, '', ...steps, ''];
}
