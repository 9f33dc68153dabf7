import { describe, expect, onTestFinished, test } from 'vitest';
import type { ChatEvent } from '../../src/core/chat.js';
import { OllamaError, type ErrorCode } from '../../src/core/errors.js';
import { createCircuit } from '../../src/providers/circuit.js';
import { fallsBack, openFallback } from '../../src/providers/fallback.js';
import type { Provider } from '../../src/providers/provider.js';
import { closedPort, serve, type Script } from '../support/fault-server.js';
import { askChain, chatsOf, collect, MODEL, openServer, providerAt } from './chain.js';

async function openScript(script: Script) {
  const server = await serve(script);
  onTestFinished(() => server.close());
  return server;
}

async function nobody(name = 'first'): Promise<Provider> {
  return providerAt(name, `http://127.0.0.1:${String(await closedPort())}`);
}

const line = (fields: object): string => `${JSON.stringify(fields)}\n`;
const answer = (content: string): string[] => [
  line({ message: { content } }),
  line({ message: { content: '' }, done: true, done_reason: 'stop', eval_count: 1, prompt_eval_count: 1 }),
];
const JSON_TYPE = { 'content-type': 'application/json' };
const refusal = (status: number, error: string): Script => ({
  status,
  headers: JSON_TYPE,
  body: [JSON.stringify({ error })],
});

describe('which failures leave the answer to the next one', () => {
  const CODES: Readonly<Record<ErrorCode, boolean>> = {
    unreachable: true,
    timeout: true,
    tls: true,
    stalled: true,
    stream_cut: true,
    protocol: true,
    internal: true,
    unauthorized: true,
    model_not_found: true,
    config: true,
    server_error: true,
    usage: false,
    invalid_name: false,
    session_not_found: false,
    host_not_found: false,
    registry_unreachable: false,
    digest_mismatch: false,
    declined: false,
    not_allowed: false,
    no_space: false,
    partial: false,
    context_overflow: false,
    interrupted: false,
  };
  test.each(Object.entries(CODES))('%s: %s', (code, expected) => {
    expect(fallsBack(new OllamaError(code as ErrorCode, 'Words.'))).toBe(expected);
  });
  test.each([
    [400, false],
    [402, true],
    [404, true],
    [413, false],
    [422, false],
    [429, true],
    [500, true],
    [503, true],
  ])('a server error of status %i: %s', (status, expected) => {
    expect(fallsBack(new OllamaError('server_error', 'Words.', { status }))).toBe(expected);
  });
});

test('a first one that answers is the only one that is asked, and nothing is told of others', async () => {
  const [one, two] = [await openServer(), await openServer()];
  const came = await askChain([providerAt('first', one.url), providerAt('second', two.url)]);
  expect(came.end.type).toBe('done');
  expect(came.steps).toEqual([]);
  expect(chatsOf(two)).toBe(0);
});

test('a server that is down leaves the answer to the next, whose event says why', async () => {
  const two = await openServer();
  const first = await nobody();
  const came = await askChain([first, providerAt('second', two.url)]);
  expect(came.events[0]).toEqual({
    type: 'provider',
    name: 'second',
    model: MODEL,
    reason: `first: No Ollama server at ${first.info.base_url}: the connection was refused`,
  });
  expect(came.end.type).toBe('done');
});

test('one that is late is given up, and its connection is closed', async () => {
  const late = await openScript({ then: 'stall' });
  const two = await openServer();
  const chain = [providerAt('first', late.url), providerAt('second', two.url)];
  const came = await askChain(chain, { firstTokenMs: 200 });
  expect(came.steps[0]?.reason).toBe('first: It gave no token within 0.2 s');
  expect(came.end.type).toBe('done');
  expect(await late.requests[0]?.finished).toBe(false);
});

test('one that is late is told of as that, whatever it calls its own end', async () => {
  const late = await openScript({ then: 'stall' });
  const two = await openServer();
  const first = providerAt('first', late.url);
  const wordy: Provider = {
    ...first,
    async *chatBatches(request, call) {
      for await (const events of first.chatBatches(request, call)) {
        yield events.map((event) =>
          event.type === 'error'
            ? { type: 'error', error: new OllamaError('interrupted', 'Aborted.') }
            : event,
        );
      }
    },
  };
  const came = await askChain([wordy, providerAt('second', two.url)], { firstTokenMs: 200 });
  expect(came.steps[0]?.reason).toBe('first: It gave no token within 0.2 s');
  expect(came.end.type).toBe('done');
});

test('the last one is waited for: its first token has no limit', async () => {
  const slow = await openScript({ body: [{ wait: 600 }, ...answer('late')] });
  const came = await askChain([await nobody(), providerAt('second', slow.url)], { firstTokenMs: 100 });
  expect(came.end.type).toBe('done');
  expect(came.text).toBe('late');
});

test('the limit is on the first token alone', async () => {
  const slow = await openScript({
    body: [line({ message: { content: 'a' } }), { wait: 600 }, ...answer('b')],
  });
  const two = await openServer();
  const chain = [providerAt('first', slow.url), providerAt('second', two.url)];
  const came = await askChain(chain, { firstTokenMs: 300 });
  expect(came.text).toBe('ab');
  expect(chatsOf(two)).toBe(0);
});

test.each([
  ['a thought', line({ message: { content: '', thinking: 'hm' } })],
  ['a call', line({ message: { content: '', tool_calls: [{ function: { name: 'f', arguments: {} } }] } })],
  ['a token', line({ message: { content: 'a' } })],
])('after %s nobody else is asked', async (_, first) => {
  const broken = await openScript({ body: [first], then: 'reset' });
  const two = await openServer();
  const came = await askChain([providerAt('first', broken.url), providerAt('second', two.url)]);
  expect(came.end).toMatchObject({ type: 'error', error: { code: 'stream_cut' } });
  expect(came.steps).toEqual([]);
  expect(chatsOf(two)).toBe(0);
});

test('an answer without a word is an answer', async () => {
  const silent = await openScript({ body: [line({ message: { content: '' }, done: true })] });
  const two = await openServer();
  const came = await askChain([providerAt('first', silent.url), providerAt('second', two.url)]);
  expect(came.end.type).toBe('done');
  expect(chatsOf(two)).toBe(0);
});

test.each([
  ['a request that is wrong', refusal(400, 'invalid options'), 'server_error'],
  ['a conversation that does not fit', refusal(400, 'prompt is longer than the context'), 'context_overflow'],
] as const)('%s is nobody else’s', async (_, script, code) => {
  const one = await openScript(script);
  const two = await openServer();
  const came = await askChain([providerAt('first', one.url), providerAt('second', two.url)]);
  expect(came.end).toMatchObject({ type: 'error', error: { code } });
  expect((came.end as { error: OllamaError }).error.errors).toBeUndefined();
  expect(chatsOf(two)).toBe(0);
});

test('whoever stops it is not asked of another', async () => {
  const late = await openScript({ then: 'stall' });
  const two = await openServer();
  const stop = new AbortController();
  const chain = [providerAt('first', late.url), providerAt('second', two.url)];
  setTimeout(() => stop.abort('interrupted'), 100);
  const came = await askChain(chain, { firstTokenMs: 60_000 }, {}, stop.signal);
  expect(came.end).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
  expect(chatsOf(two)).toBe(0);
  expect(await late.requests[0]?.finished).toBe(false);
});

describe('the model', () => {
  test('is the same one on another server of Ollama', async () => {
    const two = await openServer();
    const came = await askChain([await nobody(), providerAt('second', two.url, { model: 'own:1b' })]);
    expect(came.steps.map(({ name, model }) => [name, model])).toEqual([['second', MODEL]]);
  });

  test('is its own where it lacks that one', async () => {
    const two = await openServer([], { installed: ['gemma3:1b'] });
    const chain = [await nobody(), providerAt('second', two.url, { model: 'gemma3:1b' })];
    const came = await askChain(chain);
    expect(came.steps.map(({ model, reason }) => [model, reason])).toEqual([
      [MODEL, expect.stringContaining('first: ')],
      ['gemma3:1b', `second: it has no model "${MODEL}"`],
    ]);
    expect(came.end.type).toBe('done');
  });

  test('is not asked for twice of one that is down', async () => {
    const second = {
      ...(await nobody('second')),
      info: { ...(await nobody('second')).info, model: 'own:1b' },
    };
    const came = await askChain([await nobody(), second]);
    expect(came.steps.map(({ name, model }) => [name, model])).toEqual([['second', MODEL]]);
  });

  test('of its own does not make the last one be given up', async () => {
    const slow = await openScript({ body: [{ wait: 600 }, ...answer('late')] });
    const second = providerAt('second', slow.url, { model: 'own:1b' });
    const came = await askChain([await nobody(), second], { firstTokenMs: 100 });
    expect(came.text).toBe('late');
  });

  test('of the first is the one that was asked for, and no other', async () => {
    const one = await openServer([], { installed: ['gemma3:1b'] });
    const chain = [providerAt('first', one.url, { model: 'gemma3:1b' }), await nobody('second')];
    const came = await askChain(chain);
    expect(came.end.type).toBe('error');
    expect(chatsOf(one)).toBe(1);
  });

  test('is its own for one that speaks another API, but for the one that was named', async () => {
    const two = await openServer([], { installed: [MODEL, 'gemma3:1b'] });
    const other = providerAt('cloud', two.url, { type: 'openai', model: 'gemma3:1b' });
    const came = await askChain([await nobody(), other]);
    expect(came.steps.map(({ model }) => model)).toEqual(['gemma3:1b']);
    const named = await askChain([other], { named: 'cloud' }, { model: MODEL });
    expect(named.end.type).toBe('done');
    const bodies = two.requests.filter(({ path }) => path === '/api/chat').map(({ body }) => body);
    expect(bodies).toMatchObject([{ model: 'gemma3:1b' }, { model: MODEL }]);
  });

  test('that may not be used is not asked for', async () => {
    const two = await openServer([], { installed: ['gemma3:1b'] });
    const chain = [await nobody(), providerAt('second', two.url, { model: 'gemma3:1b' })];
    const checkAllowed = (model: string): void => {
      if (model === 'gemma3:1b') throw new OllamaError('not_allowed', 'It may not be used.');
    };
    const came = await askChain(chain, { checkAllowed });
    expect(came.end).toMatchObject({ type: 'error', error: { code: 'unreachable' } });
    expect((came.end as { error: OllamaError }).error.message).toMatch(
      /^second: it has no model "[^"]*"; It may not be used\.$/m,
    );
    expect(chatsOf(two)).toBe(1);
  });
});

describe('where nobody answers', () => {
  test('each one’s reason is told, under the code that all share', async () => {
    const chain = [await nobody('first'), await nobody('second')];
    const { end } = await askChain(chain);
    if (end.type !== 'error') throw new Error('It has to fail.');
    expect(end.error.code).toBe('unreachable');
    expect(end.error.host).toBe(chain[0]?.info.base_url);
    expect(end.error.message).toBe(
      [
        'None of the providers answers:',
        `first: No Ollama server at ${chain[0]?.info.base_url ?? ''}: the connection was refused.`,
        `second: No Ollama server at ${chain[1]?.info.base_url ?? ''}: the connection was refused.`,
      ].join('\n'),
    );
  });

  test('one that lacks both models it was asked for is named once, with both', async () => {
    const two = await openServer([], { installed: [] });
    const second = providerAt('second', two.url, { model: 'own:1b' });
    const { end } = await askChain([await nobody('first'), second]);
    const message = end.type === 'error' ? end.error.message : '';
    expect(message.split('\n').slice(2)).toEqual([
      `second: it has no model "${MODEL}"; it has no model "own:1b".`,
    ]);
    // Also where a third is asked in its place.
    const three = await openServer();
    const came = await askChain([await nobody('first'), second, providerAt('third', three.url)]);
    expect(came.steps.map(({ name, reason }) => [name, reason.split('second: ').length - 1])).toEqual([
      ['second', 0],
      ['second', 1],
      ['third', 1],
    ]);
  });

  test('reasons of different kinds have in common that nobody could be had', async () => {
    const one = await openServer(['401']);
    const two = await openServer(['500']);
    const { end } = await askChain([providerAt('first', one.url), providerAt('second', two.url)]);
    expect(end).toMatchObject({
      error: { code: 'unreachable', errors: [{ code: 'unauthorized' }, { code: 'server_error' }] },
    });
    expect((end as { error: OllamaError }).error.status).toBeUndefined();
  });

  test('a status that all share is theirs, so a busy pair is asked again', async () => {
    const servers = [await openServer(['503']), await openServer(['503'])];
    const { end } = await askChain(servers.map(({ url }, at) => providerAt(`p${String(at)}`, url)));
    expect(end).toMatchObject({ error: { code: 'server_error', status: 503 } });
  });

  test('one alone fails with its own words', async () => {
    const { end } = await askChain([await nobody()]);
    expect((end as { error: OllamaError }).error.errors).toBeUndefined();
    expect((end as { error: OllamaError }).error.message).toMatch(/^No Ollama server at/);
  });
});

test('what a server says reaches nobody’s terminal with its escapes', async () => {
  const rude = await openScript(refusal(500, '\u001b[31mred\u0007'));
  const two = await openServer();
  const came = await askChain([providerAt('first', rude.url), providerAt('second', two.url)]);
  expect(came.steps[0]?.reason).toContain('red');
  expect(came.steps[0]?.reason).not.toMatch(/[\u0000-\u001f]/);
});

test('the answer to what a function gave comes from whoever called it, and nothing is told again', async () => {
  const [one, two] = [await openServer(), await openServer()];
  one.setFaults([{ name: '500', times: 1 }]);
  const client = openFallback([providerAt('first', one.url), providerAt('second', two.url)]);
  expect((await collect(client)).steps).toHaveLength(1);
  const call = { function: { name: 'f', arguments: {} } };
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', content: '1', tool_name: 'f' },
  ];
  const came = await collect(client, { messages });
  expect(came.steps).toEqual([]);
  expect([chatsOf(one), chatsOf(two)]).toEqual([1, 2]);
  // The next question is the first one's again.
  expect((await collect(client)).steps).toEqual([]);
  expect([chatsOf(one), chatsOf(two)]).toEqual([2, 2]);
});

describe('with a circuit', () => {
  test('whoever called a function is not told of again, though another is passed over', async () => {
    const circuit = createCircuit({ waitMs: 30_000, now: () => 0 });
    const [one, two] = [await openServer(['500']), await openServer()];
    const client = openFallback([providerAt('first', one.url), providerAt('second', two.url)], { circuit });
    await collect(client);
    await collect(client);
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'tool', content: '1', tool_name: 'f' },
    ];
    expect((await collect(client, { messages })).steps).toEqual([]);
    expect((await collect(client)).steps).toHaveLength(1);
  });

  test('one that keeps failing is passed over for a while, then tried once', async () => {
    const clock = { ms: 0 };
    const circuit = createCircuit({ waitMs: 30_000, now: () => clock.ms });
    const [one, two] = [await openServer(['500']), await openServer()];
    const client = openFallback([providerAt('first', one.url), providerAt('second', two.url)], { circuit });
    await collect(client);
    await collect(client);
    expect(chatsOf(one)).toBe(2);
    clock.ms += 12_000;
    const passed = await collect(client);
    expect(chatsOf(one)).toBe(2);
    expect(passed.steps).toEqual([
      {
        type: 'provider',
        name: 'second',
        model: MODEL,
        reason: 'first: it failed 12s ago, and is passed over for 18s more',
      },
    ]);
    clock.ms += 18_000;
    await collect(client);
    expect(chatsOf(one)).toBe(3);
    await collect(client);
    expect(chatsOf(one)).toBe(3);
    clock.ms += 30_000;
    one.setFaults([]);
    expect((await collect(client)).steps).toEqual([]);
    expect((await collect(client)).steps).toEqual([]);
    expect(chatsOf(one)).toBe(5);
  });

  test('where all are passed over, all are asked: somebody may be back', async () => {
    const circuit = createCircuit({ waitMs: 30_000, now: () => 0 });
    const [one, two] = [await openServer(['500']), await openServer(['500'])];
    const client = openFallback([providerAt('first', one.url), providerAt('second', two.url)], { circuit });
    await collect(client);
    await collect(client);
    two.setFaults([]);
    expect((await collect(client)).end.type).toBe('done');
    expect(chatsOf(one)).toBe(3);
  });

  test('a model that it lacks says nothing against a provider, nor does a person who stops', async () => {
    const circuit = createCircuit({ waitMs: 30_000, now: () => 0 });
    const one = await openServer([], { installed: ['gemma3:1b'] });
    const two = await openServer();
    const chain = [providerAt('first', one.url), providerAt('second', two.url)];
    const client = openFallback(chain, { circuit });
    for (let count = 0; count < 3; count += 1) await collect(client);
    expect(chatsOf(one)).toBe(3);
    for (let count = 0; count < 3; count += 1) await collect(client, {}, AbortSignal.abort('interrupted'));
    expect(circuit.shut('first')).toBeUndefined();
  });
});

test('a provider that throws, or ends without an end, has failed like any other', async () => {
  const two = await openServer();
  const base = await nobody();
  const throwing: Provider = {
    ...base,
    async *chatBatches(): AsyncGenerator<readonly ChatEvent[], void, undefined> {
      await Promise.resolve();
      throw new Error('broken');
    },
  };
  const ending: Provider = {
    ...base,
    async *chatBatches(): AsyncGenerator<readonly ChatEvent[], void, undefined> {
      await Promise.resolve();
      yield [];
    },
  };
  for (const [first, words] of [
    [throwing, 'broken'],
    [ending, 'ended the answer before it began'],
  ] as const) {
    const came = await askChain([first, providerAt('second', two.url)]);
    expect(came.steps[0]?.reason).toContain(words);
    expect(came.end.type).toBe('done');
  }
});
