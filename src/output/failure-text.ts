import { breakWords, displayWidth } from '../format/width.js';
import type { Styles } from './styles.js';
import type { Symbols } from './symbols.js';

/** What a failure's text is made of; structurally the program's `Failure`. */
export interface ToldFailure {
  readonly message: string;
  readonly steps: readonly { readonly label: string; readonly command: string; readonly note?: string }[];
}

/** What a failure is drawn with. */
interface FailureLook {
  readonly styles: Styles;
  readonly width?: number;
  readonly isTerminal?: boolean;
}

/** In fewer cells a command that does not fit beside its label stands below it, so that it can be copied whole. */
const NARROW = 60;
/** How far it is further in there. */
const BELOW = 4;

/** The lines of an error for people: what happened, then what to do next in a column that can be copied from. */
export function failureLines(
  failure: ToldFailure,
  look: FailureLook & { readonly symbols: Symbols },
): string[] {
  const { styles, symbols } = look;
  const lines = signLine(styles.bad(symbols.cross), failure.message, widthOf(look));
  return failure.steps.length === 0 ? lines : [...lines, '', ...stepLines(failure, look), ''];
}

/** The lines of one model's failure among other lines: none is empty, and they say whose it is. */
export function failureItem(sign: string, name: string, failure: ToldFailure, look: FailureLook): string[] {
  const { message } = failure;
  const words = message.startsWith(name) ? message : `${name}: ${message}`;
  return [...signLine(sign, words, widthOf(look)), ...stepLines(failure, look)];
}

/** Text behind a sign, broken between words and further in from its second line on. */
export function signLine(sign: string, text: string, width = Infinity): string[] {
  const indent = displayWidth(sign) + 1;
  const [first = '', ...rest] = text.split('\n').flatMap((line) => breakWords(line, width - indent));
  return [`${sign} ${first}`, ...rest.map((line) => `${' '.repeat(indent)}${line}`)];
}

function widthOf({ width = Infinity, isTerminal = false }: FailureLook): number {
  return isTerminal ? width : Infinity;
}

function stepLines({ steps }: ToldFailure, look: FailureLook): string[] {
  const { styles } = look;
  const width = widthOf(look);
  const labels = Math.max(16, ...steps.map((step) => step.label.length));
  const beside = labels + 4;
  // Only what stands before a remark is aligned: a long command elsewhere must not push the remark over the edge.
  const remarked = steps.filter((step) => step.note !== undefined);
  const commands = Math.max(0, ...remarked.map((step) => step.command.length));
  const isNarrow = width < NARROW && steps.some(({ command }) => displayWidth(command) > width - beside);
  const indent = isNarrow ? BELOW : beside;
  const room = width - indent;
  return steps.flatMap(({ label, command, note }) => {
    const padded = note === undefined ? command : command.padEnd(Math.min(commands, 32));
    const remark = note === undefined ? '' : `  (${note})`;
    const head = `  ${styles.dim(isNarrow ? label : label.padEnd(labels))}`;
    if (!isNarrow && displayWidth(padded + remark) <= room) {
      return [`${head}  ${padded}${remark === '' ? '' : styles.dim(remark)}`];
    }
    const notes = note === undefined ? [] : breakWords(`(${note})`, room).map((line) => styles.dim(line));
    const [start = '', ...more] = [...breakWords(command, room), ...notes];
    const below = more.map((line) => ' '.repeat(indent) + line);
    return isNarrow ? [head, ' '.repeat(indent) + start, ...below] : [`${head}  ${start}`, ...below];
  });
}
