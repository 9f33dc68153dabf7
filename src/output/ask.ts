import { createInterface } from 'node:readline';
import type { Io } from '../io.js';
import { terminalWidth } from './mode.js';

/** True where a question can be asked: both the question's stream and the answer's are terminals. */
export function canAsk(io: Pick<Io, 'stdin' | 'stderr'>): boolean {
  return io.stdin.isTTY === true && io.stderr.isTTY === true;
}

/** Asks a yes-or-no question on stderr; Enter alone, the end of input and Ctrl-C are no. */
export async function askYesNo(io: Io, question: string): Promise<boolean> {
  // Loaded here: every command can ask, and few do.
  const { breakWords } = await import('../format/width.js');
  io.signal.throwIfAborted();
  const width = terminalWidth(io.stderr, io.env) - 1;
  const broken = `${question} [y/N]`.split('\n').flatMap((line) => breakWords(line, width));
  const text = broken.join('\n');
  const lines = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      io.signal.addEventListener('abort', () => resolve(''), { once: true });
      io.stderr.write(`${text} `);
      lines.once('line', resolve);
    });
    io.signal.throwIfAborted();
    return /^\s*y(?:es)?\s*$/i.test(answer);
  } finally {
    lines.close();
    io.stdin.pause();
  }
}
