import { describe, expect, test } from 'vitest';
import type { Answering } from '../../src/chat/answering.js';
import { fallsBack, openFallback, type FallbackOptions } from '../../src/providers/fallback.js';
import type { Provider } from '../../src/providers/provider.js';
import { readSession } from '../../src/sessions/store.js';
import { closedPort } from '../support/fault-server.js';
import { testIo } from '../support/io.js';
import { providerAt } from '../providers/chain.js';
import { answerLines, chatLine, chatServer, lineOf, play, type Played } from './stage.js';

/** Who answers, as the configuration would have it: the host in force is called `ollama`. */
function answeringOf(
  chain: readonly Provider[],
  more: Partial<Answering> = {},
  options: FallbackOptions = {},
): Answering {
  const [first] = chain;
  if (first === undefined) throw new Error('There is nobody.');
  return {
    client: openFallback(chain, options),
    first: first.info,
    behind: chain.slice(1).map(({ info }) => info.name),
    hostName: 'ollama',
    isNamed: false,
    passes: fallsBack,
    models: async (signal) => (await first.models({ signal })).map(({ name }) => name),
    ...more,
  };
}

const FAILS = { status: 500, body: ['{"error":"broken"}'] };
const SAYS = (text: string) => ({ body: answerLines([text]) });

async function kept({ recorder, home }: Played) {
  await recorder?.flush();
  const { io } = testIo({ env: { HOME: home, XDG_STATE_HOME: home }, cwd: home });
  return await readSession(io, recorder?.id ?? '');
}

describe('a conversation with two servers', () => {
  test('is told who answers, and why, when that changes and not again', async () => {
    const local = await chatServer(FAILS, FAILS, SAYS('I am back.'));
    const gpu = await chatServer(SAYS('Here.'));
    const chain = [providerAt('ollama', local.url), providerAt('gpu', gpu.url)];
    const played = await play(local.url, { answering: answeringOf(chain) });
    expect(await played.say('Hi')).toBe('gpu answers with m (ollama: broken).');
    expect(await played.say('And?')).toBe('');
    expect(await played.say('Still?')).toBe('ollama answers again, with m.');
    expect(gpu.asked()).toHaveLength(2);
    expect(played.dialogue.conversation().messages.map(({ content }) => content)).toEqual([
      ...['Hi', 'Here.', 'And?', 'Here.', 'Still?', 'I am back.'],
    ]);
    const { details } = await kept(played);
    expect(details.map(({ provider, model }) => [provider, model])).toEqual([
      ...[
        [undefined, undefined],
        ['gpu', 'm'],
        [undefined, undefined],
        ['gpu', 'm'],
      ],
      ...[
        [undefined, undefined],
        [undefined, 'm'],
      ],
    ]);
  });

  test('claims no window of a server that did not answer', async () => {
    const local = await chatServer(FAILS, SAYS('Here.'));
    const gpu = await chatServer(SAYS('Here.'));
    const chain = [providerAt('ollama', local.url), providerAt('gpu', gpu.url)];
    const played = await play(local.url, { answering: answeringOf(chain) });
    await played.say('Hi');
    await played.say('Hi');
    const contexts = played.ends.map(
      ({ facts }) => facts.find(({ text }) => text.startsWith('context'))?.text,
    );
    expect(contexts).toEqual(['context 11', 'context 11 of 4k']);
  });

  test('forgets the window of a server that answered before', async () => {
    const local = await chatServer(SAYS('Here.'), FAILS);
    const gpu = await chatServer(SAYS('Here.'));
    const chain = [providerAt('ollama', local.url), providerAt('gpu', gpu.url)];
    const played = await play(local.url, { answering: answeringOf(chain) });
    await played.say('Hi');
    await played.say('Hi');
    const contexts = played.ends.map(
      ({ facts }) => facts.find(({ text }) => text.startsWith('context'))?.text,
    );
    expect(contexts).toEqual(['context 11 of 4k', 'context 11']);
  });

  test('goes on where none answers: each is told, and /retry asks again', async () => {
    const local = await chatServer(FAILS, SAYS('Here.'));
    const gone = providerAt('gpu', `http://127.0.0.1:${String(await closedPort())}`);
    const played = await play(local.url, {
      answering: answeringOf([providerAt('ollama', local.url), gone]),
    });
    const said = await played.say('Hi');
    expect(said).toMatch(/^! None of the providers answers:\nollama: broken\.\ngpu: No Ollama server at /);
    expect(said).toContain('/retry asks it again');
    expect(said).not.toContain('gpu answers');
    expect(await played.say('/retry')).toBe('');
    expect(played.dialogue.conversation().messages.at(-1)?.content).toBe('Here.');
  });

  test('sums up with whoever answers', async () => {
    const local = await chatServer(FAILS);
    const gpu = await chatServer(SAYS('Here.'), SAYS('Here.'), SAYS('All of it.'));
    const chain = [providerAt('ollama', local.url), providerAt('gpu', gpu.url)];
    const played = await play(local.url, { answering: answeringOf(chain) });
    await played.say('One');
    await played.say('Two');
    expect(await played.say('/compact')).toContain('All of it.');
  });

  test('shows who stands behind, and what it cost', async () => {
    const local = await chatServer(SAYS('Here.'));
    const gpu = await chatServer(SAYS('Here.'));
    const paid = providerAt('ollama', local.url);
    const charged: Provider = {
      ...paid,
      async *chatBatches(request, call) {
        for await (const events of paid.chatBatches(request, call)) {
          yield events.map((event) =>
            event.type === 'done'
              ? { ...event, metrics: { ...event.metrics, cost: 0.0012, currency: 'EUR' } }
              : event,
          );
        }
      },
    };
    const played = await play(local.url, { answering: answeringOf([charged, providerAt('gpu', gpu.url)]) });
    await played.say('Hi');
    await played.say('Hi');
    expect(played.ends.at(-1)?.facts.map(({ text }) => text)).toContain('0.0012 EUR');
    expect(await played.say('/stats')).toContain('cost = 0.0024 EUR');
    expect(await played.say('/show')).toMatch(/answers = ollama\nfallback = ollama, gpu\n/);
  });

  test('has the answer to a function from whoever called it', async () => {
    const call = { function: { name: 'now', arguments: {} } };
    const asks = [
      chatLine({ message: { role: 'assistant', content: '', tool_calls: [call] } }),
      ...answerLines([]),
    ];
    const local = await chatServer(FAILS, SAYS('Wrong.'));
    const gpu = await chatServer({ body: asks }, SAYS('Noon.'));
    const chain = [providerAt('ollama', local.url), providerAt('gpu', gpu.url)];
    const toolbox = {
      definitions: [{ type: 'function' as const, function: { name: 'now' } }],
      describe: () => ({ server: 'clock', description: 'The time.' }),
      call: () => Promise.resolve({ text: '12:00', isError: false, ms: 1 }),
      close: () => Promise.resolve(),
    };
    const played = await play(local.url, {
      ...{ answering: answeringOf(chain), toolbox, allowedTools: ['now'] },
    });
    expect(await played.say('What time is it?')).toBe('gpu answers with m (ollama: broken).');
    expect(played.dialogue.conversation().messages.at(-1)?.content).toBe('Noon.');
    expect(local.asked()).toHaveLength(1);
    const { details } = await kept(played);
    expect(details.map(({ provider }) => provider)).toEqual([undefined, 'gpu', undefined, 'gpu']);
  });
});

test('warming up says nothing of a first server that is down, where another stands behind', async () => {
  const gpu = await chatServer(SAYS('Here.'));
  const dead = `http://127.0.0.1:${String(await closedPort())}`;
  const chain = [providerAt('ollama', dead), providerAt('gpu', gpu.url)];
  const played = await play(dead, { answering: answeringOf(chain), warmUp: true });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(played.blocks.map(lineOf).filter((line) => !line.startsWith('#'))).toEqual([]);
  expect(await played.say('Hi')).toMatch(/^gpu answers with m /);
});

describe('a provider that was named', () => {
  test('stands in the header, answers without a word, and changes its model unasked', async () => {
    const local = await chatServer(SAYS('Wrong.'));
    const cloud = await chatServer(SAYS('Here.'));
    const first = providerAt('cloud', cloud.url, { type: 'openai', model: 'm' });
    const answering = answeringOf([first], { hostName: undefined, isNamed: true }, { named: 'cloud' });
    const played = await play(local.url, { answering, warmUp: true });
    expect(lineOf(played.blocks[0] ?? { kind: 'note', text: '' })).toMatch(/^# m on cloud/);
    expect(await played.say('Hi')).toBe('');
    expect(await played.say('/model gpt-4o/new')).toMatch(/^# gpt-4o\/new on cloud/);
    await played.say('Hi');
    expect(cloud.asked().map(({ model }) => model)).toEqual(['m', 'gpt-4o/new']);
    expect(await played.say('/model')).toContain('models: m, other:1b, embedder');
    expect(local.server.requests).toEqual([]);
  });
});
