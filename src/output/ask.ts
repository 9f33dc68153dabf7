import { createInterface } from 'node:readline';
import type { Io } from '../io.js';
import { terminalWidth } from './mode.js';

/** True where a question can be asked: both the question's stream and the answer's are terminals. */
export function canAsk(io: Pick<Io, 'stdin' | 'stderr'>): boolean {
  return io.stdin.isTTY === true && io.stderr.isTTY === true;
}

/** Asks a yes-or-no question on stderr; Enter alone, the end of input and Ctrl-C are no. */
export async function askYesNo(io: Io, question: string): Promise<boolean> {
  return /^\s*y(?:es)?\s*$/i.test(await askLine(io, `${question} [y/N]`));
}

/** Asks for one of several things on stderr, by their letters; whatever is none of them is the last one. */
export async function askChoice<Key extends string>(
  io: Io,
  question: string,
  choices: readonly { readonly key: Key; readonly label: string; readonly letter: string }[],
): Promise<Key | undefined> {
  const words = choices.map(({ letter, label }) => `${letter}: ${label}`).join(', ');
  const answer = (await askLine(io, `${question}\n${words}:`)).trim().toLowerCase();
  return (choices.find(({ key, letter }) => answer === letter || answer === key) ?? choices.at(-1))?.key;
}

/** What is typed behind a text on stderr; empty at the end of input. Throws what `io.signal` was aborted with. */
async function askLine(io: Io, question: string): Promise<string> {
  // Loaded here: every command can ask, and few do.
  const { breakWords } = await import('../format/width.js');
  io.signal.throwIfAborted();
  const width = terminalWidth(io.stderr, io.env) - 1;
  const broken = question.split('\n').flatMap((line) => breakWords(line, width));
  const text = broken.join('\n');
  const lines = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  const end = (): void => lines.close();
  io.signal.addEventListener('abort', end, { once: true });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      io.stderr.write(`${text} `);
      lines.once('line', resolve);
    });
    io.signal.throwIfAborted();
    return answer;
  } finally {
    io.signal.removeEventListener('abort', end);
    lines.close();
    io.stdin.pause();
  }
}
