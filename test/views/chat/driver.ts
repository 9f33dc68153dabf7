// The drawn chat in a process of its own, on the whole engine; started in a pseudo-terminal by open-chat.ts.
import { startDialogue } from '../../../src/chat/dialogue.js';
import { createContext } from '../../../src/context.js';
import { startConversation } from '../../../src/core/chat.js';
import type { Io } from '../../../src/io.js';
import { createStyles } from '../../../src/output/styles.js';
import { symbols } from '../../../src/output/symbols.js';
import { runChat } from '../../../src/views/chat.js';

const [url = '', model = ''] = process.argv.slice(2);
const { CHAT_UNICODE, CHAT_COLOR, CHAT_HISTORY, CHAT_HASTE = '1', CHAT_MARKDOWN, CHAT_KEYS } = process.env;
const unicode = CHAT_UNICODE !== '0';
const level = CHAT_COLOR === '1' ? 1 : 0;
const startedAt = Date.now();
const leaving = new AbortController();
process.on('SIGTERM', () => leaving.abort());

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: { ...process.env, OLLAMA_HOST: url },
  cwd: process.cwd(),
  platform: process.platform,
  signal: leaving.signal,
  interrupt: () => leaving.abort(),
  // A shell would do this with a signal; here the terminal is only somebody else's for a moment.
  suspend: async () => {
    process.stdout.write('\nshell$ ');
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.stdout.write('fg\n');
  },
  // A clock that may run fast, so that a long silence is a short test.
  now: () => startedAt + (Date.now() - startedAt) * Number(CHAT_HASTE),
};

const context = await createContext(io, {});
let conversation = startConversation(model);
await runChat({
  io,
  look: { styles: createStyles(level), symbols: symbols(unicode), unicode, level },
  historyFile: CHAT_HISTORY,
  keys: CHAT_KEYS === undefined ? {} : (JSON.parse(CHAT_KEYS) as Record<string, string>),
  markdown: CHAT_MARKDOWN !== '0',
  open(stage) {
    const dialogue = startDialogue(context, {
      conversation,
      stage,
      warmUp: false,
      pull: async (name) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        process.stdout.write(`pulled ${name}\n`);
        return true;
      },
    });
    return {
      ...dialogue,
      async close() {
        await dialogue.close();
        conversation = dialogue.conversation();
      },
    };
  },
});
process.stdout.write(`left: ${JSON.stringify(conversation)}\n`);
