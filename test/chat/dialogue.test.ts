import { describe, expect, test } from 'vitest';
import { readSession } from '../../src/sessions/store.js';
import { testIo } from '../support/io.js';
import { answerLines, chatServer, lineOf, play, tokenLines } from './stage.js';
import type { Played } from './stage.js';

const facts = ({ ends }: Played): string =>
  (ends.at(-1)?.facts ?? []).map(({ text, warn }) => (warn ? `!${text}` : text)).join(' · ');

async function kept({ recorder, home }: Played) {
  await recorder?.flush();
  const { io } = testIo({ env: { XDG_STATE_HOME: home } });
  return await readSession(io, recorder?.id ?? '');
}

/** What is remembered is what is kept. */
async function expectKept(played: Played): Promise<void> {
  expect((await kept(played)).conversation.messages).toEqual(played.dialogue.conversation().messages);
}

describe('a message', () => {
  test('is answered, and the next one is sent with all that was said', async () => {
    const chat = await chatServer({ body: answerLines(['Hel', 'lo.']) }, { body: answerLines(['Fine.']) });
    const played = await play(chat.url, { conversation: { system: 'Be brief.' } });
    expect(played.blocks.map(lineOf)).toEqual([`# m on 127.0.0.1:${chat.server.port} | /help`]);
    await played.say('Hi');
    await played.say('How are you?');
    expect(chat.talked()).toEqual([
      ['system: Be brief.', 'user: Hi'],
      ['system: Be brief.', 'user: Hi', 'assistant: Hello.', 'user: How are you?'],
    ]);
    expect(chat.asked()[0]?.truncate).toBe(false);
    expect(played.events.map(({ type }) => type)).toEqual(['token', 'token', 'done', 'token', 'done']);
    // The window is what the server says of the loaded model.
    expect(facts(played)).toMatch(
      /^1 token · 1\.0 a second(?: · first after .*)? · context 11 of 4k · total 2\.0s$/,
    );
    await expectKept(played);
    expect(await kept(played)).toMatchObject({
      title: 'Hi',
      turns: 2,
      tokens: 11,
      conversation: { system: 'Be brief.' },
    });
  });

  test('that begins with / is sent with two of them', async () => {
    const chat = await chatServer({ body: answerLines(['ok']) });
    const played = await play(chat.url);
    await played.say('//help me');
    expect(chat.talked()).toEqual([['user: /help me']]);
  });

  test('tells how long loading took where that is worth a word, and the window once it is nearly full', async () => {
    const chat = await chatServer({
      body: answerLines(['a'], { load_duration: 3.1e9, total_duration: 5e9, prompt_eval_count: 3400 }),
    });
    const played = await play(chat.url);
    await played.say('Hi');
    expect(facts(played)).toContain('!context 3.3k of 4k, /compact makes room · load 3.1s · total 5.0s');
    await played.say('/set quiet');
    await played.say('Hi');
    expect(facts(played)).toBe('!context 3.3k of 4k, /compact makes room');
  });

  test('that gets no word stays, and is asked again', async () => {
    const chat = await chatServer({ body: answerLines([]) }, { body: answerLines(['Now.']) });
    const played = await play(chat.url);
    expect(await played.say('Hi')).toBe('? The model ended without a word. /retry asks again.');
    await played.say('/retry');
    expect(chat.talked()).toEqual([['user: Hi'], ['user: Hi']]);
    await expectKept(played);
  });
});

describe('stopping', () => {
  test('ends the request on the server, and keeps what came', async () => {
    const chat = await chatServer(
      { body: tokenLines('One', ' two'), then: 'stall' },
      { body: answerLines([' three']) },
    );
    const played = await play(chat.url);
    const said = played.say('Count');
    await played.untilEvents(2);
    expect(played.dialogue.isBusy()).toBe(true);
    expect(played.dialogue.status()).toEqual(['Ctrl-C stops and keeps what came']);
    played.dialogue.stop();
    expect(await said).toBe('');
    const seen = chat.server.requests.find(({ url }) => url === '/api/chat');
    expect(await seen?.finished).toBe(false);
    expect(facts(played)).toBe('(stopped) · 2 tokens');
    expect(played.dialogue.conversation().messages.at(-1)).toEqual({ role: 'assistant', content: 'One two' });
    expect((await kept(played)).stopped).toBe(true);
    expect(played.dialogue.isBusy()).toBe(false);

    // The model goes on with its own message.
    await played.say('/continue');
    expect(chat.talked().at(-1)).toEqual(['user: Count', 'assistant: One two']);
    expect(played.dialogue.conversation().messages).toEqual([
      { role: 'user', content: 'Count' },
      { role: 'assistant', content: 'One two three' },
    ]);
    await expectKept(played);
    expect((await kept(played)).stopped).toBe(false);
    expect(await played.say('/continue')).toMatch(/^The last answer came to its end/);
  });

  test('before anything came leaves the question to be asked again, or to give way to another', async () => {
    const chat = await chatServer({ body: [], then: 'stall' }, { body: answerLines(['ok']) });
    const played = await play(chat.url);
    const said = played.say('First');
    while (chat.asked().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(played.dialogue.isWaiting()).toBe(true);
    expect(played.dialogue.status()).toContain('Ctrl-C stops');
    played.dialogue.stop();
    expect(await said).toBe('Stopped before an answer came. /retry asks again.');
    expect(facts(played)).toBe('');
    expect(await played.say('Second')).toBe(
      'This goes in place of the question before, which got no answer.',
    );
    expect(chat.talked().at(-1)).toEqual(['user: Second']);
    await expectKept(played);
  });

  test('at the end of the program is waited for', async () => {
    const chat = await chatServer({ body: tokenLines('One'), then: 'stall' });
    const played = await play(chat.url);
    const said = played.say('Count');
    await played.untilEvents(1);
    await played.dialogue.close();
    await said;
    expect((await kept(played)).conversation.messages.at(-1)?.content).toBe('One');
  });
});

test('an answer that ended by its limit of tokens can be gone on with', async () => {
  const chat = await chatServer(
    { body: answerLines(['One'], { done_reason: 'length' }) },
    { body: answerLines([' two']) },
  );
  const played = await play(chat.url);
  await played.say('Count');
  expect(facts(played)).toMatch(/^!ended by the limit of tokens · 1 token/);
  await played.say('/continue');
  expect(chat.talked().at(-1)).toEqual(['user: Count', 'assistant: One']);
  expect(played.dialogue.conversation().messages.at(-1)?.content).toBe('One two');
  expect(await played.say('/continue')).toMatch(/came to its end/);
});

test('an answer to which the model has nothing to add stays as it is', async () => {
  const chat = await chatServer(
    { body: answerLines(['Half'], { done_reason: 'length' }) },
    { body: answerLines([]) },
  );
  const played = await play(chat.url);
  await played.say('Count');
  expect(await played.say('/continue')).toMatch(/^\? The model has nothing to add/);
  expect(played.dialogue.conversation().messages.at(-1)?.content).toBe('Half');
});

test('one that broke off when the program ended is gone on with the next time', async () => {
  const chat = await chatServer({ body: tokenLines('One'), then: 'stall' }, { body: answerLines([' two']) });
  const first = await play(chat.url, { conversation: { think: 'low', options: { seed: 1 } } });
  const said = first.say('Count');
  await first.untilEvents(1);
  await first.dialogue.close();
  await said;
  const resumed = await kept(first);
  expect(resumed.conversation).toMatchObject({ think: 'low', options: { seed: 1 } });
  const next = await play(chat.url, { conversation: resumed.conversation, resumed });
  expect(next.blocks.slice(1).map(lineOf)).toEqual([
    '> Count',
    '< One',
    '(stopped) /continue goes on, /retry asks again.',
  ]);
  await next.say('/continue');
  expect(next.dialogue.conversation().messages.at(-1)?.content).toBe('One two');
});

describe('turns', () => {
  const three = async () => {
    const chat = await chatServer(
      ...['one', 'two', 'three', 'four'].map((word) => ({ body: answerLines([word]) })),
    );
    const played = await play(chat.url, { edits: (text) => `${text} please` });
    await played.say('1');
    await played.say('2');
    return { chat, played };
  };

  test('/retry drops the last answer and asks again', async () => {
    const { chat, played } = await three();
    await played.say('/retry');
    expect(chat.talked().at(-1)).toEqual(['user: 1', 'assistant: one', 'user: 2']);
    expect(played.dialogue.conversation().messages.at(-1)?.content).toBe('three');
    await expectKept(played);
  });

  test('/undo gives the question back', async () => {
    const { chat, played } = await three();
    expect(await played.say('/undo')).toBe(
      'The last turn is taken back.\nThe question is in the prompt again; Ctrl-C clears it.',
    );
    expect(played.given).toEqual(['2']);
    await played.say('3');
    expect(chat.talked().at(-1)).toEqual(['user: 1', 'assistant: one', 'user: 3']);
    expect(await played.say('/undo 9')).toMatch(/^The last 2 turns are taken back\./);
    expect(played.given.at(-1)).toBe('1');
    expect(await played.say('/undo')).toBe('Nothing was asked yet.');
    await expectKept(played);
  });

  test('/edit asks the edited question in the place of the last one', async () => {
    const { chat, played } = await three();
    expect(await played.say('/edit')).toBe('> 2 please');
    expect(played.edited).toEqual(['2']);
    expect(chat.talked().at(-1)).toEqual(['user: 1', 'assistant: one', 'user: 2 please']);
    await expectKept(played);
  });

  test('/edit without a question begins with nothing, and leaves all as it is where nothing was changed', async () => {
    const chat = await chatServer({ body: answerLines(['ok']) });
    const fresh = await play(chat.url, { edits: (text) => (text === '' ? 'Hello' : text) });
    expect(await fresh.say('/edit')).toBe('> Hello');
    expect(await fresh.say('/edit')).toBe('Nothing was changed, and nothing is asked.');
    expect(chat.talked()).toEqual([['user: Hello']]);
  });

  test('/clear forgets what was said', async () => {
    const { chat, played } = await three();
    expect(await played.say('/clear')).toBe('The conversation is forgotten.');
    await played.say('3');
    expect(chat.talked().at(-1)).toEqual(['user: 3']);
    await expectKept(played);
  });

  test.each(['/retry', '/undo', '/continue'])('%s has nothing to do at first', async (command) => {
    const chat = await chatServer({ body: [] });
    const played = await play(chat.url);
    expect(await played.say(command)).toBe('Nothing was asked yet.');
    expect(chat.asked()).toEqual([]);
  });

  test('/compact puts a summary in the place of older turns', async () => {
    const { chat, played } = await three();
    await played.say('3');
    expect(await played.say('/compact')).toMatch(
      /^A summary stands for the first 2 messages now:\n< four\nThe conversation has about \d+ -> \d+ tokens now\.$/,
    );
    // The server has counted nothing of it yet.
    expect(await played.say('/stats')).toMatch(/context = about \d+ of 4k/);
    expect(chat.asked().at(-1)?.messages[1]?.content).toContain('User: 1');
    await expectKept(played);
    await played.say('5');
    expect(chat.talked().at(-1)?.[0]).toMatch(/^system: Summary of the conversation so far:\s+four$/);
  });

  test('/compact that fails changes nothing', async () => {
    const chat = await chatServer(
      { body: answerLines(['one']) },
      { body: answerLines(['two']) },
      {
        status: 503,
        body: ['{"error":"server busy, please try again.  maximum pending requests exceeded"}'],
      },
    );
    const played = await play(chat.url, { env: { OLLAMA_CLI_RETRY__ATTEMPTS: '1' } });
    await played.say('1');
    await played.say('2');
    const before = played.dialogue.conversation();
    expect(await played.say('/compact')).toMatch(/server busy.*The conversation is as it was\./);
    expect(played.dialogue.conversation()).toEqual(before);
  });
});

test('a question that got no answer says so when it is taken up again', async () => {
  const chat = await chatServer({ body: [], then: 'reset' });
  const played = await play(chat.url, { conversation: { messages: [{ role: 'user', content: 'Hi' }] } });
  expect(played.blocks.slice(1).map(lineOf)).toEqual(['> Hi', 'No answer came: /retry asks again.']);
  const whole = await play(chat.url, {
    conversation: {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello.' },
      ],
    },
  });
  expect(whole.blocks.slice(1).map(lineOf)).toEqual(['> Hi', '< Hello.']);
});
