import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sessionFile } from '../../src/sessions/place.js';
import { readSession } from '../../src/sessions/store.js';
import { testIo } from '../support/io.js';
import type { Script } from '../support/fault-server.js';
import { answerLines, chatServer, play, tokenLines, type ChatServer, type Played } from './stage.js';

const WHOLE = { body: answerLines(['The', ' whole', ' answer.']) };
const QUESTION = { role: 'user', content: 'hello' };
const ANSWER = { role: 'assistant', content: 'The whole answer.' };
const hangs = (...tokens: readonly string[]): Script => ({ body: tokenLines(...tokens), then: 'stall' });

async function open(...next: Script[]): Promise<{ chat: ChatServer; played: Played }> {
  const chat = await chatServer(WHOLE, ...next);
  const played = await play(chat.url, {
    edits: (text) => `${text} again`,
    env: { OLLAMA_CLI_RETRY__ATTEMPTS: '1' },
  });
  await played.say('hello');
  return { chat, played };
}

const ioOf = ({ home }: Played) => testIo({ env: { HOME: home, XDG_STATE_HOME: home }, cwd: home }).io;

async function expectBoth(played: Played, messages: readonly object[]): Promise<void> {
  expect(played.dialogue.conversation().messages).toEqual(messages);
  await played.recorder?.flush();
  const kept = await readSession(ioOf(played), played.recorder?.id ?? '');
  expect(kept.conversation.messages).toEqual(messages);
}

describe.each([
  ['/retry', 'The answer before stays. /retry asks again.'],
  ['/edit', 'The question and the answer before stay. What you wrote is in the prompt again'],
])('%s', (command, told) => {
  test.each([
    ['is gone', { body: [], then: 'reset' } as const],
    ['fails', { status: 500, body: ['{"error":"no luck"}'] }],
    ['breaks off', { body: tokenLines('Half', ' of'), then: 'reset' } as const],
  ])('of a server that %s leaves the answer that was there', async (_, script) => {
    const { chat, played } = await open(script);
    const shown = await played.say(command);
    expect(shown).toContain(told);
    expect(shown).not.toMatch(/kept \d+ tokens/);
    expect(chat.asked()).toHaveLength(2);
    await expectBoth(played, [QUESTION, ANSWER]);
    expect(await played.say('/copy')).not.toContain('no answer');
    expect(played.given).toEqual(command === '/edit' ? ['hello again'] : []);
    // It was answered: the next question stands behind it.
    expect(await played.say('more')).not.toContain('in place of');
    expect(chat.talked().at(-1)).toEqual(['user: hello', 'assistant: The whole answer.', 'user: more']);
  });

  test('that is stopped before a word came leaves the answer that was there', async () => {
    const { chat, played } = await open(hangs());
    const said = played.say(command);
    while (chat.asked().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    played.dialogue.stop();
    expect(await said).toMatch(/^(?:> hello again\n)?Stopped\. The .*answer before stay/);
    await expectBoth(played, [QUESTION, ANSWER]);
    expect(await played.say('/continue')).toMatch(/came to its end/);
  });

  test('that is stopped after some words keeps these in its place', async () => {
    const { played } = await open(hangs('Half', ' of'));
    const before = played.events.length;
    const said = played.say(command);
    await played.untilEvents(before + 2);
    played.dialogue.stop();
    expect(await said).not.toContain('stay');
    const question = command === '/edit' ? { role: 'user', content: 'hello again' } : QUESTION;
    await expectBoth(played, [question, { role: 'assistant', content: 'Half of' }]);
  });

  test('in the middle of which the chat is left leaves the answer that was there', async () => {
    const { played } = await open(hangs('Half', ' of'));
    const before = played.events.length;
    const said = played.say(command);
    await played.untilEvents(before + 2);
    await played.dialogue.close();
    await said;
    await expectBoth(played, [QUESTION, ANSWER]);
  });

  test('has the answer that was there in its file all the while', async () => {
    const { played } = await open(hangs('Half', ' of'));
    await played.recorder?.flush();
    const file = sessionFile(ioOf(played), played.recorder?.id ?? '');
    const before = readFileSync(file, 'utf8');
    const events = played.events.length;
    const said = played.say(command);
    await played.untilEvents(events + 2);
    await played.recorder?.flush();
    expect(readFileSync(file, 'utf8')).toBe(before);
    played.dialogue.stop();
    await said;
  });

  test('that is answered replaces what was there', async () => {
    const { played } = await open({ body: answerLines(['Another.']) });
    await played.say(command);
    const question = command === '/edit' ? { role: 'user', content: 'hello again' } : QUESTION;
    await expectBoth(played, [question, { role: 'assistant', content: 'Another.' }]);
  });

  test('that is too long for the window leaves the answer where the person turns away', async () => {
    const error = 'the input length exceeds the context length';
    const { played } = await open({ status: 400, body: [JSON.stringify({ error })] });
    expect(await played.say(command)).toMatch(/answer before stay/);
    expect(played.questions).toHaveLength(1);
    await expectBoth(played, [QUESTION, ANSWER]);
  });

  test('that comes to nothing leaves the answer that was there', async () => {
    const { played } = await open({ body: answerLines([]) });
    expect(await played.say(command)).toMatch(/ended without a word.*\nThe .*answer before stay/);
    await expectBoth(played, [QUESTION, ANSWER]);
  });
});

test('a part of an answer comes back as a part, which can be gone on with', async () => {
  const chat = await chatServer(
    hangs('One', ' two'),
    { body: [], then: 'reset' },
    { body: answerLines([' three']) },
  );
  const played = await play(chat.url, { env: { OLLAMA_CLI_RETRY__ATTEMPTS: '1' } });
  const said = played.say('Count');
  await played.untilEvents(2);
  played.dialogue.stop();
  await said;
  expect(await played.say('/retry')).toContain('The answer before stays.');
  await played.say('/continue');
  await expectBoth(played, [
    { role: 'user', content: 'Count' },
    { role: 'assistant', content: 'One two three' },
  ]);
});
