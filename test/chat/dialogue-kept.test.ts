import { appendFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { startConversation } from '../../src/core/chat.js';
import { readSession } from '../../src/sessions/store.js';
import type { Script } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { answerLines, chatLine, chatServer, lineOf, play, tokenLines } from './stage.js';
import type { Played } from './stage.js';

async function readKept({ recorder, home }: Played) {
  await recorder?.flush();
  return await readSession(testIo({ env: { XDG_STATE_HOME: home } }).io, recorder?.id ?? '');
}

const thought = chatLine({ message: { role: 'assistant', content: '', thinking: 'hm' } });
const OUTCOMES: Readonly<Record<string, Script>> = {
  whole: { body: answerLines(['a', 'b']) },
  'out of tokens': { body: answerLines(['a', 'b'], { done_reason: 'length' }) },
  cut: { body: tokenLines('a', 'b'), then: 'reset' },
  refused: { status: 503, body: ['{"error":"busy"}'] },
  silent: { body: answerLines([]) },
  'cut while thinking': { body: [thought], then: 'reset' },
  'cut after thinking': { body: [thought, ...tokenLines('a')], then: 'reset' },
};
const LINES = [
  'text',
  '/retry',
  '/continue',
  '/undo',
  '/undo 2',
  '/edit',
  '/clear',
  '/system x',
  '/think low',
  '/save n',
];

test('whatever happens, what is kept is what is remembered, and what is sent is a conversation', async () => {
  const step = fc.tuple(fc.constantFrom(...LINES, 'text', 'text'), fc.constantFrom(...Object.keys(OUTCOMES)));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      let outcome = 'whole';
      const chat = await chatServer(() => OUTCOMES[outcome] ?? { body: [] });
      const played = await play(chat.url, {
        edits: (text) => `${text}!`,
        env: { OLLAMA_CLI_RETRY__ATTEMPTS: '1' },
      });
      for (const [line, next] of steps) {
        outcome = next;
        await played.say(line);
        const { messages, system, think } = played.dialogue.conversation();
        if (messages.length > 0) {
          const kept = await readKept(played);
          expect(kept.conversation).toEqual(startConversation('m', { messages, system, think }));
        }
      }
      for (const { messages } of chat.asked()) {
        const roles = messages.map(({ role }) => role).filter((role) => role !== 'system');
        expect(roles).toEqual(roles.map((_, index) => (index % 2 === 0 ? 'user' : 'assistant')));
        expect(messages.every(({ content }) => content.trim() !== '')).toBe(true);
      }
      await played.dialogue.close();
      await chat.server.close();
    }),
    { numRuns: 30 },
  );
}, 60_000);

test('a function and its result are kept before the answer that follows is there', async () => {
  const call = { function: { name: 'now', arguments: {} } };
  const calls = chatLine({
    message: { role: 'assistant', content: 'Let me see.', tool_calls: [call, call] },
  });
  const chat = await chatServer(
    { body: [calls, ...answerLines([])] },
    { body: tokenLines('It', ' is'), then: 'stall' },
  );
  const toolbox = {
    definitions: [{ type: 'function' as const, function: { name: 'now' } }],
    describe: () => ({ server: 's', description: '' }),
    call: () => Promise.resolve({ text: '12:00', isError: false, ms: 0 }),
    close: () => Promise.resolve(),
  };
  const played = await play(chat.url, { toolbox, allowedTools: ['now'] });
  const said = played.say('Time?');
  await played.untilEvents(7);
  // As one would find it, had the program been killed here.
  const killed = await readKept(played);
  expect(killed.conversation.messages).toEqual([
    { role: 'user', content: 'Time?' },
    { role: 'assistant', content: 'Let me see.', tool_calls: [call, call] },
    { role: 'tool', tool_name: 'now', content: '12:00' },
    { role: 'tool', tool_name: 'now', content: '12:00' },
    { role: 'assistant', content: 'It is' },
  ]);
  played.dialogue.stop();
  await said;
  const stopped = await readKept(played);
  expect(stopped.conversation.messages).toEqual(killed.conversation.messages);
  expect(stopped.conversation.messages).toEqual(played.dialogue.conversation().messages);
  expect(await played.say('/stats')).toContain('answers = 2');
  await played.say('/undo');
  expect(played.dialogue.conversation().messages).toEqual([]);
});

test('an answer that is gone on with is not lost where the program is killed at once', async () => {
  const chat = await chatServer(
    { body: tokenLines('One', ' two'), then: 'reset' },
    { body: [], then: 'stall' },
    { body: answerLines([' three']) },
  );
  const played = await play(chat.url, { env: { OLLAMA_CLI_RETRY__ATTEMPTS: '1' } });
  await played.say('Count');
  await readKept(played);
  const said = played.say('/continue');
  while (chat.asked().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { io } = testIo({ env: { XDG_STATE_HOME: played.home } });
  const killed = await readSession(io, played.recorder?.id ?? '');
  expect(killed.conversation.messages.at(-1)).toEqual({ role: 'assistant', content: 'One two' });
  played.dialogue.stop();
  expect(await said).toBe('Stopped. /continue goes on.');
  await played.say('/continue');
  expect((await readKept(played)).conversation.messages.at(-1)?.content).toBe('One two three');
});

test('a conversation that is open elsewhere goes on in a file of its own, and the person is told', async () => {
  const chat = await chatServer({ body: answerLines(['one']) });
  const played = await play(chat.url);
  await played.say('1');
  await readKept(played);
  const folder = path.join(played.home, 'ollama-cli', 'sessions');
  const [file = ''] = readdirSync(folder);
  appendFileSync(path.join(folder, file), '\n');
  await played.say('2');
  const copy = await readKept(played);
  expect(`${copy.id}.jsonl`).not.toBe(file);
  expect(copy.turns).toBe(2);
  expect(played.blocks.filter(({ kind }) => kind === 'warning').map(lineOf)).toEqual([
    `? This conversation is open elsewhere too, or its file is gone: from here on it is kept as ${copy.id}.`,
  ]);
  const loaded = await play(chat.url, { home: played.home });
  await loaded.say(`/load ${copy.id}`);
  appendFileSync(path.join(folder, `${copy.id}.jsonl`), '\n');
  await loaded.say('3');
  await loaded.dialogue.close();
  expect(loaded.blocks.map(lineOf).join('\n')).toContain('open elsewhere too');
});
