import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lab } from './lab.js';
import { startLab } from './lab.js';

let lab: Lab;
beforeEach(async () => {
  lab = await startLab({ installed: ['qwen3:0.6b', 'nomic-embed-text'] });
});
afterEach(async () => await lab.sandbox.close());

const ASKED = { model: 'qwen3:0.6b', max_tokens: 500, messages: [{ role: 'user', content: 'Hi there' }] };
const WEATHER = {
  name: 'get_weather',
  description: 'the weather of a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
};

interface Message {
  readonly content: readonly Record<string, unknown>[];
  readonly stop_reason: string;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

async function ask(more: object = {}): Promise<Message> {
  const response = await lab.send('POST', '/v1/messages', { ...ASKED, ...more });
  expect(response.status).toBe(200);
  return (await response.json()) as Message;
}

async function stream(more: object = {}): Promise<Record<string, unknown>[]> {
  const response = await lab.send('POST', '/v1/messages', { ...ASKED, stream: true, ...more });
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/s.exec(event) ?? [];
      const value = JSON.parse(data) as Record<string, unknown>;
      expect(value['type']).toBe(name);
      return value;
    });
}

describe('/v1/messages', () => {
  it('answers whole and as a stream with the same words', async () => {
    const whole = await ask();
    expect(whole).toMatchObject({
      type: 'message',
      role: 'assistant',
      stop_reason: 'end_turn',
      model: 'qwen3:0.6b',
    });
    const events = await stream();
    const types = events.map(({ type }) => type);
    expect([types[0], types[1], ...types.slice(-3)]).toEqual([
      'message_start',
      'content_block_start',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    const deltas = events.flatMap(({ delta }) =>
      delta === undefined ? [] : [delta as Record<string, string>],
    );
    const said = (key: string): string => deltas.map((delta) => delta[key] ?? '').join('');
    const [thought, text] = whole.content;
    expect([said('thinking'), said('text')]).toEqual([thought?.['thinking'], text?.['text']]);
    expect(events.at(-2)).toMatchObject({ usage: whole.usage });
    // 12 letters of "user" and "Hi there", of which four are taken for a token.
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: 3, output_tokens: 0 } } });
  });

  it('numbers its blocks, each begun and ended once', async () => {
    const events = await stream();
    const of = (type: string): unknown[] =>
      events.filter((event) => event['type'] === type).map(({ index }) => index);
    expect(of('content_block_start')).toEqual([0, 1]);
    expect(of('content_block_stop')).toEqual([0, 1]);
  });

  it('calls a tool, and goes on with its result', async () => {
    const question = { role: 'user', content: 'How is the weather in Bonn?' };
    const called = await ask({ messages: [question], tools: [WEATHER] });
    expect(called.stop_reason).toBe('tool_use');
    const use = called.content.find(({ type }) => type === 'tool_use');
    expect(use).toMatchObject({ name: 'get_weather', input: expect.any(Object) as unknown });
    const events = await stream({ messages: [question], tools: [WEATHER] });
    const parts = events.flatMap(
      ({ delta }) => (delta as { partial_json?: string } | undefined)?.partial_json ?? [],
    );
    expect(parts.map((part) => JSON.parse(part) as unknown)).toEqual([use?.['input']]);
    const result = { type: 'tool_result', tool_use_id: use?.['id'], content: 'rain' };
    const after = await ask({
      messages: [
        question,
        { role: 'assistant', content: called.content },
        { role: 'user', content: [result] },
      ],
      tools: [WEATHER],
    });
    expect(after.content.find(({ type }) => type === 'text')?.['text']).toContain('The tool said: rain');
  });

  it('heeds system, limit, stop words and what is said of thinking', async () => {
    const told = await ask({ system: [{ type: 'text', text: 'Be kind' }], thinking: { type: 'disabled' } });
    expect(told.content).toHaveLength(1);
    expect(told.content[0]?.['text']).toContain('Be kind');
    const short = await ask({ max_tokens: 3 });
    expect(short).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 3 } });
    const stopped = await ask({ stop_sequences: ['sandbox'], thinking: { type: 'disabled' } });
    expect(JSON.stringify(stopped.content)).not.toContain('sandbox');
  });

  it.each<[number, string, object]>([
    [400, 'invalid_request_error', { max_tokens: 0 }],
    [400, 'invalid_request_error', { messages: [] }],
    [400, 'invalid_request_error', { model: '' }],
    [400, 'invalid_request_error', { model: 'nomic-embed-text' }],
    [404, 'not_found_error', { model: 'absent' }],
  ])('refuses with %i %s', async (status, type, more) => {
    const response = await lab.send('POST', '/v1/messages', { ...ASKED, ...more });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type },
      request_id: expect.stringMatching(/^req_/) as unknown,
    });
  });

  it.each([
    ['401', 401, 'authentication_error'],
    ['404', 404, 'not_found_error'],
    ['500', 500, 'api_error'],
    ['503', 503, 'overloaded_error'],
  ])('shows the fault %s in its own form', async (fault, status, type) => {
    lab.fault(fault);
    const response = await lab.send('POST', '/v1/messages', ASKED);
    expect([response.status, await response.json()]).toMatchObject([
      status,
      { type: 'error', error: { type } },
    ]);
  });

  it('shows the faults of a stream: an error in the midst, no end, a cut', async () => {
    lab.fault('error-line');
    expect((await stream()).at(-1)).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    lab.fault('no-done');
    expect((await stream()).map(({ type }) => type)).not.toContain('message_stop');
    lab.fault('cut');
    await expect(stream()).rejects.toThrow();
  });

  it('is not there on the server of early 2025', async () => {
    const old = await startLab({ installed: [], version: '0.5.13' });
    expect((await old.send('POST', '/v1/messages', ASKED)).status).toBe(404);
    await old.sandbox.close();
  });
});
