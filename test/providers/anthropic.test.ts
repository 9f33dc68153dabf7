import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChatEvent, ChatRequest } from '../../src/core/chat.js';
import { createLineParser } from '../../src/core/ndjson.js';
import { createAnthropicProvider } from '../../src/providers/anthropic.js';
import { createAnthropicDecoder } from '../../src/providers/anthropic-decode.js';
import { anthropicBody } from '../../src/providers/anthropic-request.js';
import { parseProviderBlock } from '../../src/providers/block.js';
import type { Provider } from '../../src/providers/provider.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/server.js';
import { serve, type FaultServer, type Script } from '../support/fault-server.js';
import { readRecording } from '../core/recorded.js';
import { answerOf, PNG, summary, WEATHER } from './ask.js';

const SSE = { 'content-type': 'text/event-stream' };
const HI: ChatRequest = { model: 'claude-x', messages: [{ role: 'user', content: 'Hi' }] };
let server: FaultServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

function providerAt(url: string, more: object = {}): Provider {
  const block = { name: 'claude', type: 'anthropic', model: 'qwen3:0.6b', base_url: url, ...more };
  return createAnthropicProvider(parseProviderBlock(block));
}

async function scripted(script: Parameters<typeof serve>[0], more: object = {}): Promise<Provider> {
  server = await serve(script);
  return providerAt(server.url, more);
}

const sse = (value: { readonly type: string }): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const delta = (index: number, part: object): string =>
  sse({ type: 'content_block_delta', index, delta: part } as never);

// The example of the documentation of streaming with thinking and tools, shortened.
const STREAM = [
  sse({
    type: 'message_start',
    message: { content: [], usage: { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 } },
  } as never),
  sse({ type: 'ping' }),
  sse({
    type: 'content_block_start',
    index: 0,
    content_block: { type: 'thinking', thinking: '', signature: '' },
  } as never),
  delta(0, { type: 'thinking_delta', thinking: 'Weather in Köln 🌧' }),
  delta(0, { type: 'signature_delta', signature: 'EqQB' }),
  sse({ type: 'content_block_stop', index: 0 } as never),
  sse({ type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } } as never),
  delta(1, { type: 'text_delta', text: 'Okay, ' }),
  delta(1, { type: 'text_delta', text: 'let’s see.' }),
  sse({ type: 'content_block_stop', index: 1 } as never),
  sse({
    type: 'content_block_start',
    index: 2,
    content_block: { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} },
  } as never),
  delta(2, { type: 'input_json_delta', partial_json: '' }),
  delta(2, { type: 'input_json_delta', partial_json: '{"city": "Kö' }),
  delta(2, { type: 'input_json_delta', partial_json: 'ln"}' }),
  sse({ type: 'content_block_stop', index: 2 } as never),
  sse({ type: 'something_new', data: 1 } as never),
  sse({
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { output_tokens: 89 },
  } as never),
  sse({ type: 'message_stop' }),
].join('');

describe('an Anthropic-compatible provider against what was recorded of Ollama', () => {
  it.each(['v1-messages', 'v1-messages-stream', 'v1-messages-think', 'v1-messages-think-stream'])(
    'gives the text, reason and usage of %s',
    async (label) => {
      const { request, response } = readRecording('0.24.0', label);
      const body = response.chunks.map(([, text]) => text);
      const provider = await scripted({ headers: { 'content-type': response.type ?? '' }, body });
      const answer = await answerOf(provider, HI);
      const isThought = label.includes('think');
      expect([answer.thinking !== '', answer.content !== '']).toEqual([isThought, !isThought]);
      expect(body.join('')).toContain(
        label.includes('stream') ? 'message_stop' : answer.thinking + answer.content,
      );
      expect(answer.reason).toBe('length');
      const { max_tokens: limit } = JSON.parse(request.body ?? '') as { max_tokens: number };
      expect(answer.metrics).toMatchObject({
        prompt_tokens: isThought ? 25 : 20,
        completion_tokens: limit,
      });
    },
  );
});

describe('the stream of an Anthropic-compatible provider', () => {
  it('is thinking, text, a call with its arguments, and the usage', async () => {
    const answer = await answerOf(await scripted({ headers: SSE, body: [STREAM] }), HI);
    expect([answer.thinking, answer.content]).toEqual(['Weather in Köln 🌧', 'Okay, let’s see.']);
    expect(answer.toolCalls).toEqual([
      { id: 'toolu_1', function: { name: 'get_weather', arguments: { city: 'Köln' } } },
    ]);
    expect(answer.reason).toBe('stop');
    expect(answer.metrics).toMatchObject({ prompt_tokens: 15, completion_tokens: 89, total_tokens: 104 });
  });

  it('gives the same events wherever the bytes are cut', () => {
    const read = (chunks: readonly Buffer[]): ChatEvent[] => {
      const events: ChatEvent[] = [];
      const parser = createLineParser(createAnthropicDecoder({ host: 'http://h', model: 'm' }, () => 0));
      for (const bytes of chunks) parser.push(bytes, events);
      parser.end(events);
      return events;
    };
    const bytes = Buffer.from(STREAM);
    const whole = read([bytes]);
    expect(whole.at(-1)?.type).toBe('done');
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        expect(read(places.slice(1).map((end, at) => bytes.subarray(places[at] ?? 0, end)))).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  it('is whole where nothing ends its last line', async () => {
    const answer = await answerOf(await scripted({ headers: SSE, body: [STREAM.trimEnd()] }), HI);
    expect([answer.error, answer.reason]).toEqual([undefined, 'stop']);
  });

  it.each<[string, Script, string]>([
    [
      'ends before message_stop',
      { body: [STREAM.slice(0, STREAM.lastIndexOf('event: message_stop'))] },
      'stream_cut',
    ],
    ['is reset', { body: [STREAM.slice(0, 700)], then: 'reset' }, 'stream_cut'],
    [
      'holds overloaded_error',
      { body: [sse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } } as never)] },
      'server_error',
    ],
    [
      'holds authentication_error',
      { body: [sse({ type: 'error', error: { type: 'authentication_error', message: 'no' } } as never)] },
      'unauthorized',
    ],
    [
      'holds not_found_error',
      {
        body: [
          sse({ type: 'error', error: { type: 'not_found_error', message: 'model: claude-x' } } as never),
        ],
      },
      'model_not_found',
    ],
    ['is no JSON', { body: ['data: {oops\n\n'] }, 'protocol'],
  ])('that %s fails', async (_, script, code) => {
    const answer = await answerOf(await scripted({ headers: SSE, ...script }), HI);
    expect(answer.error).toMatchObject({ code, provider: 'claude' });
  });

  it.each([
    ['max_tokens', 'length'],
    ['stop_sequence', 'stop'],
    ['refusal', 'refusal'],
  ])('ends for %s with %s', async (given, reason) => {
    const body = [
      sse({ type: 'message_delta', delta: { stop_reason: given } } as never),
      sse({ type: 'message_stop' }),
    ];
    expect((await answerOf(await scripted({ headers: SSE, body }), HI)).reason).toBe(reason);
  });
});

describe('a request of an Anthropic-compatible provider', () => {
  it('carries the key and the version in its headers, with or without /v1 in the address', async () => {
    const provider = await scripted({ headers: SSE, body: [STREAM] }, { api_key: 'sk-ant' });
    await answerOf(provider, HI);
    await answerOf(providerAt(`${server?.url}/proxy/v1/`, { api_key: 'sk-ant' }), HI);
    expect(server?.requests.map(({ url }) => url)).toEqual(['/v1/messages', '/proxy/v1/messages']);
    expect(server?.requests[0]?.headers).toMatchObject({
      'x-api-key': 'sk-ant',
      'anthropic-version': '2023-06-01',
    });
    expect(server?.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('has the system apart, results of calls with the person, pictures and tools', () => {
    const body = anthropicBody({
      model: 'm',
      messages: [
        { role: 'system', content: 'S' },
        { role: 'user', content: 'look', images: [PNG] },
        {
          role: 'assistant',
          content: 'I call',
          tool_calls: [
            { id: 'x', function: { name: 'f', arguments: { a: 1 } } },
            { function: { name: 'g', arguments: {} } },
          ],
        },
        { role: 'tool', tool_name: 'f', content: 'one', tool_call_id: 'x' },
        { role: 'tool', tool_name: 'g', content: 'two' },
        { role: 'user', content: 'and?' },
      ],
      options: { temperature: 1.5, top_k: 4, seed: 1, num_predict: -1, stop: ['x', ''] },
      tools: WEATHER,
    });
    expect(body).toEqual({
      model: 'm',
      max_tokens: 4096,
      temperature: 1,
      top_k: 4,
      stop_sequences: ['x'],
      stream: true,
      system: 'S',
      tools: [
        {
          name: 'get_weather',
          description: 'the weather of a city',
          input_schema: WEATHER[0]?.function.parameters,
        },
      ],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
            { type: 'text', text: 'look' },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I call' },
            { type: 'tool_use', id: 'x', name: 'f', input: { a: 1 } },
            { type: 'tool_use', id: 'call_2', name: 'g', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'x', content: 'one' },
            { type: 'tool_result', tool_use_id: 'call_2', content: 'two' },
            { type: 'text', text: 'and?' },
          ],
        },
      ],
    });
  });

  it.each<[Partial<ChatRequest>, object]>([
    [{}, { max_tokens: 4096 }],
    [{ options: { num_predict: 7 } }, { max_tokens: 7 }],
    [{ think: false }, { max_tokens: 4096, thinking: { type: 'disabled' } }],
    [
      { think: 'low', options: { num_predict: 7, temperature: 0 } },
      { max_tokens: 1031, thinking: { type: 'enabled', budget_tokens: 1024 } },
    ],
    [{ think: true, messages: [{ role: 'tool', content: 'x' }] }, { thinking: { type: 'disabled' } }],
  ])('of %j says %j', (more, expected) => {
    const body = anthropicBody({ ...HI, ...more });
    expect(body).toMatchObject(expected);
    expect(body).not.toHaveProperty('temperature');
  });

  it('with a format is refused in words, and never sent', async () => {
    const provider = await scripted({ headers: SSE, body: [STREAM] });
    expect(await summary(provider, { ...HI, format: 'json' })).toMatchObject({
      code: 'usage',
      provider: 'claude',
    });
    expect(server?.requests).toHaveLength(0);
    expect(provider.supportsFeature('structured_output')).toBe(false);
  });
});

describe('an Anthropic-compatible provider at a sandbox', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox({ tokensPerSecond: Infinity, loadMs: 1, installed: ['qwen3:0.6b'] });
  });
  afterEach(async () => await sandbox.close());

  it('answers with thinking, calls a tool and goes on with its result', async () => {
    const provider = providerAt(`${sandbox.url}/v1`, { cost: { completion: 15 } });
    const question = { role: 'user', content: 'How is the weather in Bonn?' };
    const request = { model: 'qwen3:0.6b', messages: [question], tools: WEATHER, think: true } as const;
    const called = await answerOf(provider, request);
    expect(called.thinking).not.toBe('');
    expect(called.toolCalls[0]?.function.name).toBe('get_weather');
    const { completion_tokens: count = 0 } = called.metrics ?? {};
    expect(called.metrics).toMatchObject({ cost: (count * 15) / 1e6, currency: 'USD' });
    const after = await answerOf(provider, {
      ...request,
      messages: [
        question,
        { role: 'assistant', content: called.content, tool_calls: called.toolCalls },
        { role: 'tool', content: 'rain', tool_call_id: called.toolCalls[0]?.id ?? '' },
      ],
    });
    expect(after.content).toContain('The tool said: rain');
  });

  it('lists its models and tests them', async () => {
    const provider = providerAt(sandbox.url);
    expect(await provider.models()).toMatchObject([{ name: 'qwen3:0.6b' }]);
    expect(await provider.test()).toMatchObject({
      name: 'claude',
      status: 'connected',
      model_available: true,
    });
  });
});
