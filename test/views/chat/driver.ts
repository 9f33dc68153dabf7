// The chat view in a process of its own, on the client of the library; started by chat.test.ts in a pseudo-terminal.
import { runChat } from '../../../src/views/chat.js';
import { OllamaClient } from '../../../src/core/client.js';
import { OllamaError } from '../../../src/core/errors.js';
import { startConversation } from '../../../src/core/chat.js';

const [url = '', model = ''] = process.argv.slice(2);
const { CHAT_UNICODE, CHAT_COLOR, CHAT_HISTORY, CHAT_HASTE = '1' } = process.env;
const startedAt = Date.now();
const leaving = new AbortController();
process.on('SIGTERM', () => leaving.abort());

const client = new OllamaClient(url);
void runChat({
  io: {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    platform: process.platform,
    signal: leaving.signal,
    interrupt: () => leaving.abort(),
    // A clock that may run fast, so that a long silence is a short test.
    now: () => startedAt + (Date.now() - startedAt) * Number(CHAT_HASTE),
  },
  client,
  conversation: startConversation(model),
  host: '127.0.0.1:11434',
  contextLength: 40_960,
  historyFile: CHAT_HISTORY,
  unicode: CHAT_UNICODE !== '0',
  colorLevel: CHAT_COLOR === '1' ? 1 : 0,
  permit: (name) => {
    if (name === 'forbidden') throw new OllamaError('not_allowed', 'forbidden is not allowed here.');
  },
  explain: ({ message, hint }) => ({ message, hint }),
}).then(({ conversation }) => {
  process.stdout.write(`left: ${JSON.stringify(conversation)}\n`);
});
