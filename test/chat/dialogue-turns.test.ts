import { describe, expect, onTestFinished, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import { readSession } from '../../src/sessions/store.js';
import { testIo } from '../support/io.js';
import { answerLines, chatLine, chatServer, play, type Played } from './stage.js';

const asks = (text: string, zone: string): string[] => {
  const tool_calls = [{ function: { name: 'now', arguments: { zone } } }];
  return [chatLine({ message: { role: 'assistant', content: text, tool_calls } }), ...answerLines([])];
};
const toolbox = {
  definitions: [{ type: 'function' as const, function: { name: 'now' } }],
  describe: () => ({ server: 'clock', description: 'The time.' }),
  call: () => Promise.resolve({ text: '12:00', isError: false, ms: 1 }),
  close: () => Promise.resolve(),
};

async function readKept({ recorder, home }: Played) {
  await recorder?.flush();
  const { io } = testIo({ env: { HOME: home, XDG_STATE_HOME: home }, cwd: home });
  return await readSession(io, recorder?.id ?? '');
}

describe('a turn of several rounds of calls', () => {
  const rounds = () => [{ body: asks('Let me see.', 'UTC') }, { body: asks('And there?', 'CET') }];

  test('is kept whole and in its order', async () => {
    const chat = await chatServer(...rounds(), { body: answerLines(['Noon.']) });
    const played = await play(chat.url, { toolbox, allowedTools: ['now'] });
    await played.say('What time is it?');
    const { messages } = played.dialogue.conversation();
    expect(messages.map(({ role, content }) => `${role}: ${content}`)).toEqual([
      'user: What time is it?',
      'assistant: Let me see.',
      'tool: 12:00',
      'assistant: And there?',
      'tool: 12:00',
      'assistant: Noon.',
    ]);
    expect((await readKept(played)).conversation.messages).toEqual(messages);
  });

  test('is asked for again from its question on', async () => {
    const chat = await chatServer(
      ...rounds(),
      { body: answerLines(['Noon.']) },
      { body: answerLines(['Late.']) },
    );
    const played = await play(chat.url, { toolbox, allowedTools: ['now'] });
    await played.say('What time is it?');
    await played.say('/retry');
    expect(chat.talked().at(-1)).toEqual(['user: What time is it?']);
    const kept = ['What time is it?', 'Late.'];
    expect(played.dialogue.conversation().messages.map(({ content }) => content)).toEqual(kept);
    expect((await readKept(played)).conversation.messages.map(({ content }) => content)).toEqual(kept);
  });
});

test('a conversation that is forgotten may be cut, and is told of it, as if it were the first', async () => {
  const options = {
    installed: ['llama3.2:1b'],
    tokensPerSecond: Infinity,
    loadMs: 1,
    version: '0.5.13',
  } as const;
  const sandbox = await startSandbox(options);
  onTestFinished(() => sandbox.close());
  const played = await play(sandbox.url, {
    model: 'llama3.2:1b',
    conversation: { options: { num_ctx: 512 } },
  });
  const long = 'word '.repeat(1200);
  const told = /seems to have left out the beginning/;
  expect(await played.say(long)).toMatch(told);
  expect(await played.say('Hi')).not.toMatch(told);
  await played.say('/clear');
  expect(await played.say(long)).toMatch(told);
});
