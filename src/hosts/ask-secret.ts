import { StringDecoder } from 'node:string_decoder';
import { mayAsk } from '../consent.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import type { Io } from '../io.js';

/** What one key does to what is typed: a sign more, one less, all gone, or the end of it. */
function press(typed: string, key: string): string {
  if (key === '\u007f' || key === '\b') return [...typed].slice(0, -1).join('');
  if (key === '\u0015') return '';
  return key < ' ' ? typed : typed + key;
}

/**
 * Asks for a secret on stderr and shows nothing of what is typed. Throws `declined` where there is nobody to ask, or
 * nothing was typed; `otherwise` is what to do instead.
 */
export async function askSecret(context: Context, question: string, otherwise: string): Promise<string> {
  const { io } = context;
  if (!mayAsk(context) || io.stdin.setRawMode === undefined) {
    throw new OllamaError('declined', `This needs a secret, and nobody can be asked here: ${question}`, {
      hint: otherwise,
    });
  }
  io.signal.throwIfAborted();
  // The terminal's own echo is what would show it: off before there is anything to answer.
  io.stdin.setRawMode(true);
  try {
    io.stderr.write(`${question} (not shown): `);
    const typed = (await readTyped(io)).trim();
    io.signal.throwIfAborted();
    if (typed === '') throw new OllamaError('declined', 'Nothing was typed, and nothing is kept.');
    return typed;
  } finally {
    io.stdin.setRawMode(false);
    io.stdin.pause();
    io.stderr.write('\n');
  }
}

/** What comes until Enter, Ctrl-D or the end of input; Ctrl-C interrupts the program, as it does anywhere. */
async function readTyped(io: Io): Promise<string> {
  const decoder = new StringDecoder('utf8');
  let typed = '';
  return await new Promise((resolve) => {
    const finish = (): void => {
      io.stdin.off('data', take);
      io.stdin.off('end', finish);
      io.signal.removeEventListener('abort', finish);
      resolve(typed);
    };
    const take = (bytes: Buffer | string): void => {
      const text = typeof bytes === 'string' ? bytes : decoder.write(bytes);
      for (const key of text) {
        if (key === '\u0003') io.interrupt();
        if (key === '\r' || key === '\n' || key === '\u0004' || key === '\u0003') return finish();
        typed = press(typed, key);
      }
    };
    io.stdin.on('data', take);
    io.stdin.once('end', finish);
    io.signal.addEventListener('abort', finish, { once: true });
  });
}
