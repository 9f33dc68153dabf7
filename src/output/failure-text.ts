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
  look: {
    readonly styles: Styles;
    readonly symbols: Symbols;
    readonly width?: number;
    readonly isTerminal?: boolean;
  },
): string[] {
  const { styles, symbols } = look;
  const width = look.isTerminal === true ? (look.width ?? Infinity) : Infinity;
  const indent = symbols.cross.length + 1;
  const [first = '', ...rest] = failure.message
    .split('\n')
    .flatMap((line) => breakWords(line, width - indent));
  const lines = [`${styles.bad(symbols.cross)} ${first}`, ...rest.map((line) => `  ${line}`)];
  if (failure.steps.length === 0) return lines;
  const labels = Math.max(16, ...failure.steps.map((step) => step.label.length));
  // Only what stands before a remark is aligned: a long command elsewhere must not push the remark over the edge.
  const remarked = failure.steps.filter((step) => step.note !== undefined);
  const commands = Math.max(0, ...remarked.map((step) => step.command.length));
  const steps = failure.steps.map(({ label, command, note }) => {
    const padded = note === undefined ? command : command.padEnd(Math.min(commands, 32));
    const remark = note === undefined ? '' : styles.dim(`  (${note})`);
    const indented = ' '.repeat(labels + 4);
    const head = `  ${styles.dim(label.padEnd(labels))}  `;
    const oneLine = padded + (note === undefined ? '' : `  (${note})`);
    if (indented.length + oneLine.length <= width) return head + padded + remark;
    const room = width - indented.length;
    const [start = '', ...more] = breakWords(command, room);
    const notes = note === undefined ? [] : breakWords(`(${note})`, room).map((line) => styles.dim(line));
    return [head + start, ...[...more, ...notes].map((line) => indented + line)].join('\n');
  });
  return [...lines, '', ...steps, ''];
}

/** Breaks a line between words; a longer word stays whole, for it may be an address to copy. */
function breakWords(line: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of line.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
