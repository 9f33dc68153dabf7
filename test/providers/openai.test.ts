import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChatEvent } from '../../src/core/chat.js';
import { OllamaClient } from '../../src/core/client.js';
import { createLineParser } from '../../src/core/ndjson.js';
import { parseProviderBlock } from '../../src/providers/block.js';
import { chatThroughOpenAi, createOpenAiProvider } from '../../src/providers/openai.js';
import { createOpenAiDecoder } from '../../src/providers/openai-decode.js';
import { openAiBody } from '../../src/providers/openai-request.js';
import type { Provider } from '../../src/providers/provider.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { labelsOf, readBody, readRecording, VERSIONS } from '../core/recorded.js';
import { closedPort, serve, type FaultServer, type Script } from '../support/fault-server.js';
import { answerOf, eventsOf, PNG, summary, WEATHER } from './ask.js';

const SSE = { 'content-type': 'text/event-stream' };
let server: FaultServer | undefined;
let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({
    tokensPerSecond: Infinity,
    loadMs: 1,
    installed: ['qwen3:0.6b', 'gemma3:1b'],
  });
});
afterEach(async () => {
  await sandbox.close();
  await server?.close();
  server = undefined;
});

function providerAt(url: string, more: object = {}, options = {}): Provider {
  const block = parseProviderBlock({
    name: 'cloud',
    type: 'openai',
    model: 'qwen3:0.6b',
    base_url: url,
    ...more,
  });
  return createOpenAiProvider(block, options);
}

async function scripted(script: Script | Parameters<typeof serve>[0], more: object = {}): Promise<Provider> {
  server = await serve(script);
  return providerAt(`${server.url}/v1`, more);
}

const chunk = (choice: object, more: object = {}): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }], ...more })}\n\n`;
const HI = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };

describe('an OpenAI-compatible provider against what was recorded', () => {
  it('gives the recorded text, reason and usage, at the recorded cuts', async () => {
    const { response } = readRecording('0.24.0', 'v1-chat-stream');
    const provider = await scripted({ headers: SSE, body: response.chunks.map(([, text]) => text) });
    const answer = await answerOf(provider, HI);
    expect(answer.content).toBe(`${'-'.repeat(38)}\n`);
    expect(answer.reason).toBe('length');
    expect(answer.metrics).toMatchObject({
      prompt_tokens: 26,
      completion_tokens: 4,
      total_tokens: 30,
      load_ms: 0,
    });
  });

  it.each(VERSIONS.filter((version) => labelsOf(version).includes('v1-chat-stream')))(
    'gives the same events of a stream of %s whichever byte it is cut at',
    (version) => {
      const bytes = Buffer.from(readBody(version, 'v1-chat-stream'));
      const read = (chunks: readonly Buffer[]): ChatEvent[] => {
        const events: ChatEvent[] = [];
        const parser = createLineParser(createOpenAiDecoder({ host: 'http://h', model: 'm' }, () => 0));
        for (const piece of chunks) parser.push(piece, events);
        parser.end(events);
        return events;
      };
      const whole = read([bytes]);
      // What the older one answered is its failure to load the model.
      expect(whole.at(-1)?.type).toBe(version === '0.24.0' ? 'done' : 'error');
      for (let at = 1; at < bytes.length; at += 1) {
        expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
      }
      expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
    },
  );

  it('asks as the recorded request did', async () => {
    const recorded = JSON.parse(readRecording('0.24.0', 'v1-chat-stream').request.body ?? '') as object;
    const request = { ...HI, model: 'acme/lic', options: { num_predict: 4, seed: 1 } };
    expect(openAiBody(request, { sendsLimit: true })).toEqual(recorded);
    expect(openAiBody(request, { sendsLimit: false })).not.toHaveProperty('max_tokens');
  });

  it('takes a whole answer where a stream was asked for', async () => {
    const body = [readBody('0.24.0', 'v1-chat')];
    const provider = await scripted({ headers: { 'content-type': 'application/json' }, body });
    const answer = await answerOf(provider, HI);
    expect([answer.content, answer.reason]).toEqual([`${'-'.repeat(38)}\n`, 'length']);
    expect(answer.metrics?.total_tokens).toBe(30);
  });

  it.each(VERSIONS)('lists the models of %s with their times', async (version) => {
    const provider = await scripted({ body: [readBody(version, 'v1-models')] });
    const models = await provider.models();
    expect(models.map(({ name }) => name).sort()).toEqual([
      'acme/lic:latest',
      'acme/v1:latest',
      'registry.example:5000/acme/tiny:latest',
    ]);
    expect(models[0]?.modified_at).toMatch(/^2026-\d\d-\d\dT/);
    expect(server?.requests.map(({ url }) => url)).toEqual(['/v1/models']);
  });

  it.each(VERSIONS)('knows the missing model of %s', async (version) => {
    const provider = await scripted({ status: 404, body: [readBody(version, 'v1-chat-missing')] });
    expect(await summary(provider, HI)).toMatchObject({ code: 'model_not_found', status: 404 });
  });

  it('tells the error of a server that can not load the model', async () => {
    const provider = await scripted({ status: 500, body: [readBody('0.5.13', 'v1-chat-stream')] });
    const { error } = await answerOf(provider, HI);
    expect(error?.code).toBe('server_error');
    expect(error?.message).toContain('You may need to upgrade');
    expect(error?.message).toContain(`cloud (${server?.url}/v1)`);
  });
});

describe('the events of a stream', () => {
  const stream = [
    ': a comment\r\n\r\n',
    chunk({ delta: { role: 'assistant', content: '', reasoning: 'höm ' } }),
    chunk({ delta: { reasoning_content: '🤔' } }),
    chunk({ delta: { content: 'Tag — ' } }).replaceAll('\n', '\r\n'),
    'event: message\nid: 7\ndata: {"choices":\ndata: [{"delta":{"content":"zwei"}}]}\n\n',
    chunk({
      delta: { tool_calls: [{ index: 0, id: 'a', function: { name: 'get_weather', arguments: '{"ci' } }] },
    }),
    chunk({ delta: { tool_calls: [{ index: 1, id: 'b', function: { name: 'now', arguments: '' } }] } }),
    chunk({ delta: { tool_calls: [{ index: 0, function: { arguments: 'ty":"Köln"}' } }] } }),
    chunk({ delta: {}, finish_reason: 'tool_calls' }),
    'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}\n\n',
    'data: [DONE]\n\n',
  ].join('');
  const read = (chunks: readonly Buffer[]): ChatEvent[] => {
    const events: ChatEvent[] = [];
    const parser = createLineParser(createOpenAiDecoder({ host: 'http://h', model: 'm' }, () => 0));
    for (const bytes of chunks) parser.push(bytes, events);
    parser.end(events);
    return events;
  };
  const whole = read([Buffer.from(stream)]);

  it('are thinking, text, joined calls and one end', () => {
    const text = (type: string): string =>
      whole.map((event) => (event.type === type && 'text' in event ? event.text : '')).join('');
    expect(text('thinking')).toBe('höm 🤔');
    expect(text('token')).toBe('Tag — zwei');
    expect(whole.flatMap((event) => (event.type === 'tool_call' ? [event.call] : []))).toEqual([
      { id: 'a', function: { name: 'get_weather', arguments: { city: 'Köln' } } },
      { id: 'b', function: { name: 'now', arguments: {} } },
    ]);
    expect(whole.at(-1)).toMatchObject({ type: 'done', reason: 'stop', metrics: { total_tokens: 8 } });
  });

  it('are the same wherever the bytes are cut', () => {
    const bytes = Buffer.from(stream);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, at) => bytes.subarray(places[at] ?? 0, end));
        expect(read(chunks)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [
      'two calls with the same index',
      [
        { index: 0, id: 'a', function: { name: 'f', arguments: '{}' } },
        { index: 0, id: 'b', function: { name: 'g', arguments: '{}' } },
      ],
      ['f', 'g'],
    ],
    [
      'calls without an index',
      [
        { id: 'a', function: { name: 'f', arguments: '{"a"' } },
        { function: { arguments: ':1}' } },
        { id: 'b', function: { name: 'g', arguments: '{}' } },
      ],
      ['f', 'g'],
    ],
    ['arguments as an object', [{ index: 0, id: 'a', function: { name: 'f', arguments: { a: 1 } } }], ['f']],
  ])('keep %s apart', async (_, calls, names) => {
    const body = [...calls.map((call) => chunk({ delta: { tool_calls: [call] } })), 'data: [DONE]\n\n'];
    const { toolCalls } = await answerOf(await scripted({ headers: SSE, body }), HI);
    expect(toolCalls.map((call) => call.function.name)).toEqual(names);
  });

  it('of a call that is no JSON are an error, not a call with other arguments', async () => {
    const call = { index: 0, id: 'a', function: { name: 'f', arguments: '{"path": "/' } };
    const body = [chunk({ delta: { tool_calls: [call] } }), 'data: [DONE]\n\n'];
    const answer = await answerOf(await scripted({ headers: SSE, body }), HI);
    expect([answer.error?.code, answer.toolCalls]).toEqual(['protocol', []]);
  });

  it.each<[string, Script, string]>([
    [
      'end without [DONE]',
      { body: [chunk({ delta: { content: 'a' } }), chunk({ delta: {}, finish_reason: 'stop' })] },
      'stream_cut',
    ],
    ['are reset', { body: [chunk({ delta: { content: 'a' } })], then: 'reset' }, 'stream_cut'],
    ['are no JSON', { body: ['data: {oops\n\n'] }, 'protocol'],
    ['are no objects', { body: ['data: 7\n\n'] }, 'protocol'],
    ['hold an error', { body: ['data: {"error":{"message":"overloaded","code":503}}\n\n'] }, 'server_error'],
    ['are one JSON error', { body: ['{"error":{"message":"no such model","code":404}}'] }, 'model_not_found'],
    ['are a page', { headers: { 'content-type': 'text/html' }, body: ['<title>Login</title>'] }, 'protocol'],
  ])('that %s end in %s', async (_, script, code) => {
    const provider = await scripted({ headers: SSE, ...script });
    const answer = await answerOf(provider, HI);
    expect(answer.error?.code).toBe(code);
    expect(answer.error?.provider).toBe('cloud');
    expect(answer.error?.message).toContain('cloud');
  });

  it('end with [DONE], also where the server neither ends the line behind it nor hangs up', async () => {
    const body = [`${chunk({ delta: { content: 'a' } })}data: [DONE]\n`];
    const answer = await answerOf(await scripted({ headers: SSE, body, then: 'stall' }), HI);
    expect([answer.phase, answer.content]).toEqual(['done', 'a']);
  });

  it('behind [DONE] are not read', async () => {
    const body = [`${chunk({ delta: { content: 'a' } })}data: [DONE]\n${chunk({ delta: { content: 'b' } })}`];
    expect((await answerOf(await scripted({ headers: SSE, body }), HI)).content).toBe('a');
  });
});

describe('an error of an OpenAI-compatible provider', () => {
  const error = (message: string): string[] => [
    JSON.stringify({ error: { message, type: 'x', code: null } }),
  ];

  it.each([
    [401, 'Incorrect API key provided', 'unauthorized'],
    [403, 'Project has no access', 'unauthorized'],
    [404, "The model 'x' does not exist", 'model_not_found'],
    [
      400,
      "This model's maximum context length is 8192 tokens. However, you requested 9000",
      'context_overflow',
    ],
    [400, 'Unknown parameter', 'server_error'],
    [500, 'oops', 'server_error'],
    [503, 'overloaded', 'server_error'],
  ])('%i "%s" is %s, and says who it was', async (status, message, code) => {
    const answer = await answerOf(await scripted({ status, body: error(message) }), HI);
    expect(answer.error).toMatchObject({ code, status, provider: 'cloud', host: `${server?.url}/v1` });
    expect(answer.error?.message).toContain(`cloud (${server?.url}/v1)`);
    expect(answer.error?.message).toContain(message);
    expect(answer.error?.message).not.toMatch(/ollama/i);
  });

  it('of too many requests keeps the wait that was asked for', async () => {
    const script: Script = { status: 429, headers: { 'retry-after': '7' }, body: error('slow down') };
    expect(await summary(await scripted(script), HI)).toMatchObject({
      code: 'server_error',
      retryAfterMs: 7000,
    });
  });

  it('never holds the key that the server repeats', async () => {
    const provider = await scripted(
      ({ headers }) => ({ status: 401, body: error(`bad ${headers.authorization}`) }),
      {
        api_key: 'sk-very-secret',
      },
    );
    const { error: failure } = await answerOf(provider, HI);
    expect(server?.requests[0]?.headers.authorization).toBe('Bearer sk-very-secret');
    expect(failure?.message).toContain('***');
    expect(`${failure?.message}${failure?.hint}${failure?.stack}${String(failure?.cause)}`).not.toContain(
      'very-secret',
    );
    expect(JSON.stringify(await provider.test())).not.toContain('very-secret');
  });

  it('never holds the beginning of a key that a long text was cut in', async () => {
    const provider = await scripted(
      ({ headers }) => ({ status: 500, body: [`${'x'.repeat(60)} ${headers.authorization}`] }),
      { api_key: 'sk-very-secret-and-long' },
    );
    const { error: failure } = await answerOf(provider, HI);
    expect(failure?.code).toBe('protocol');
    expect(failure?.message).toContain('***');
    expect(failure?.message).not.toContain('sk-very');
  });

  it('of a refused connection and of a redirect is told, and the key goes nowhere else', async () => {
    const refused = providerAt(`http://127.0.0.1:${await closedPort()}/v1`);
    const { error: gone } = await answerOf(refused, HI);
    expect(gone).toMatchObject({ code: 'unreachable' });
    expect(gone?.message).toMatch(
      /^cloud \(http:\/\/127\.0\.0\.1:\d+\/v1\) can't be reached: the connection was refused/,
    );
    const other = await serve({ body: ['{}'] });
    try {
      const script: Script = { status: 307, headers: { location: `${other.url}/v1/chat/completions` } };
      const moved = await scripted(script, { api_key: 'sk-very-secret' });
      expect(await summary(moved, HI)).toMatchObject({ code: 'protocol' });
      expect(other.requests).toHaveLength(0);
    } finally {
      await other.close();
    }
  });

  it('names the variable that should hold the key, and asks nobody', async () => {
    const provider = await scripted({}, { api_key_env: 'CLOUD_KEY' });
    const { error: failure } = await answerOf(provider, HI);
    expect(failure?.code).toBe('unauthorized');
    expect(failure?.message).toContain('CLOUD_KEY');
    expect(server?.requests).toHaveLength(0);
    const block = parseProviderBlock({ name: 'a', base_url: `${server?.url}/v1`, api_key_env: 'CLOUD_KEY' });
    await createOpenAiProvider(block, { env: { CLOUD_KEY: ' k-1 ' } })
      .models()
      .catch(() => undefined);
    expect(server?.requests[0]?.headers.authorization).toBe('Bearer k-1');
  });
});

describe('a request of an OpenAI-compatible provider', () => {
  it('has the messages, calls, results and pictures of OpenAI', () => {
    const call = { function: { name: 'f', arguments: { a: 1 } } };
    const body = openAiBody(
      {
        model: 'm',
        messages: [
          { role: 'system', content: 'S' },
          { role: 'user', content: 'look', images: [PNG, '/9j/abc'] },
          { role: 'assistant', content: '', thinking: 'hm', tool_calls: [{ ...call, id: 'x' }, call] },
          { role: 'tool', tool_name: 'f', content: 'one', tool_call_id: 'x' },
          { role: 'tool', tool_name: 'f', content: 'two' },
        ],
        options: {
          temperature: 0.5,
          top_k: 4,
          top_p: 0.9,
          seed: 3,
          stop: ['x'],
          num_predict: -1,
          num_ctx: 9,
        },
        think: 'max',
        format: { type: 'object' },
        tools: WEATHER,
      },
      { sendsLimit: true },
    );
    expect(body).toEqual({
      model: 'm',
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.5,
      top_p: 0.9,
      seed: 3,
      stop: ['x'],
      tools: WEATHER,
      reasoning_effort: 'xhigh',
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } },
      messages: [
        { role: 'system', content: 'S' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'look' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
            { type: 'image_url', image_url: { url: 'data:image/jpeg;base64,/9j/abc' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'x', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
            { id: 'call_2', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'x', content: 'one' },
        { role: 'tool', tool_call_id: 'call_2', content: 'two' },
      ],
    });
  });

  it.each([
    [undefined, undefined],
    [false, 'none'],
    [true, 'medium'],
    ['low', 'low'],
  ] as const)('with think %s has the effort %s', (think, effort) => {
    const body = openAiBody({ ...HI, ...(think === undefined ? {} : { think }) }, { sendsLimit: true });
    expect((body as { reasoning_effort?: string }).reasoning_effort).toBe(effort);
  });

  it('asks for JSON where the format is that', () => {
    expect(openAiBody({ ...HI, format: 'json' }, { sendsLimit: true })).toMatchObject({
      response_format: { type: 'json_object' },
    });
  });

  it('is ended when the caller stops it', async () => {
    const provider = await scripted({
      headers: SSE,
      body: [chunk({ delta: { content: 'a' } })],
      then: 'stall',
    });
    const stop = new AbortController();
    const events: ChatEvent[] = [];
    for await (const batch of provider.chatBatches(HI, { signal: stop.signal })) {
      events.push(...batch);
      stop.abort();
    }
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'interrupted' } });
    expect(await server?.requests[0]?.finished).toBe(false);
  });
});

describe('an OpenAI-compatible provider at a sandbox', () => {
  it('answers with thinking, calls, a form, and what it cost', async () => {
    const cost = { prompt: 2, completion: 10, currency: 'EUR' };
    const provider = providerAt(`${sandbox.url}/v1`, { cost });
    const answer = await answerOf(provider, {
      model: 'qwen3:0.6b',
      messages: [{ role: 'user', content: 'Hi' }],
    });
    expect(answer.content).toContain('sandbox');
    expect(answer.thinking).not.toBe('');
    const { prompt_tokens: prompt = 0, completion_tokens: completion = 0 } = answer.metrics ?? {};
    expect(prompt * completion).toBeGreaterThan(0);
    expect(answer.metrics).toMatchObject({ cost: (prompt * 2 + completion * 10) / 1e6, currency: 'EUR' });
    const called = await answerOf(provider, {
      model: 'qwen3:0.6b',
      messages: [{ role: 'user', content: 'How is the weather in Bonn?' }],
      tools: WEATHER,
    });
    expect(called.toolCalls[0]?.function.name).toBe('get_weather');
    expect(called.toolCalls[0]?.function.arguments).toBeTypeOf('object');
    expect(provider.info).toMatchObject({ local: true, type: 'openai', cost });
    expect([provider.supportsFeature('tools'), provider.supportsFeature('pull')]).toEqual([true, false]);
  });

  it('keeps its list of models until it is forced or cleared', async () => {
    const provider = providerAt(`${sandbox.url}/v1`);
    const count = (): number => sandbox.requests.filter(({ path }) => path === '/v1/models').length;
    await Promise.all([provider.models(), provider.models()]);
    expect(count()).toBe(1);
    await provider.models({ force: true });
    provider.clearCache();
    await provider.models();
    expect(count()).toBe(3);
  });

  it('tests whether it has its model', async () => {
    const there = await providerAt(`${sandbox.url}/v1`).test();
    expect(there).toMatchObject({ name: 'cloud', status: 'connected', model_available: true });
    expect(there.models).toContain('gemma3:1b');
    expect(Date.parse(there.last_checked)).toBeGreaterThan(0);
    const absent = await providerAt(`${sandbox.url}/v1`, { model: 'gpt-9' }).test();
    expect(absent).toMatchObject({ status: 'connected', model_available: false });
    const gone = await providerAt(`http://127.0.0.1:${await closedPort()}/v1`).test();
    expect(gone).toMatchObject({ status: 'error', models: [], error: { code: 'unreachable' } });
  });

  it('tests anew each time, and takes a model without a tag for its latest', async () => {
    const provider = await scripted({ body: [readBody('0.24.0', 'v1-models')] }, { model: 'acme/lic' });
    expect(await provider.test()).toMatchObject({ model_available: true });
    await provider.test();
    expect(server?.requests).toHaveLength(2);
  });

  it('answers for an Ollama client without max_tokens', async () => {
    const client = new OllamaClient(sandbox.url);
    const request = { model: 'gemma3:1b', messages: HI.messages, options: { num_predict: 3 } };
    const events = await eventsOf(chatThroughOpenAi(client, request));
    expect(events.at(-1)).toMatchObject({ type: 'done' });
    const asked = sandbox.requests.at(-1);
    expect(asked?.path).toBe('/v1/chat/completions');
    expect(asked?.body).not.toHaveProperty('max_tokens');
  });
});
