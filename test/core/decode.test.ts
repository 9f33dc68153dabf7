import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatEvent } from '../../src/core/chat.js';
import { createChatDecoder, decodeMetrics } from '../../src/core/chat-decode.js';
import {
  decodeEmbed,
  decodeRecommendations,
  decodeRunning,
  decodeShow,
  decodeTags,
  decodeVersion,
} from '../../src/core/decode.js';
import { createLineParser } from '../../src/core/ndjson.js';

const HOST = 'http://h:1';

describe('a list of models', () => {
  test('keeps unknown fields, and drops known ones of the wrong kind', () => {
    const given = {
      name: 'm:latest',
      model: 'm:latest',
      size: 5,
      digest: 'd',
      modified_at: 't',
      novelty: { a: 1 },
      capabilities: 'tools',
      context_length: 'many',
      remote_host: 7,
      details: { family: 'f', families: null, parameter_size: 3, quantization_level: ['x'], other: true },
    };
    expect(decodeTags({ models: [given] }, HOST)).toEqual([
      {
        name: 'm:latest',
        model: 'm:latest',
        size: 5,
        digest: 'd',
        modified_at: 't',
        novelty: { a: 1 },
        details: { family: 'f', families: null, other: true },
      },
    ]);
  });

  test.each([
    [{ name: 'a' }, 'a', 'a'],
    [{ model: 'b' }, 'b', 'b'],
    [{ name: 'a', model: 'b' }, 'a', 'b'],
    [{}, '', ''],
  ])('takes %j by either name', (fields, name, model) => {
    expect(decodeTags({ models: [fields] }, HOST)).toMatchObject([
      { name, model, size: 0, digest: '', details: {} },
    ]);
  });

  test('may be null, and may hold what is no model', () => {
    expect(decodeTags({ models: null }, HOST)).toEqual([]);
    expect(decodeTags({ models: [null, 'x', { name: 'a' }] }, HOST)).toHaveLength(1);
    expect(decodeRunning({ models: null }, HOST)).toEqual([]);
    expect(decodeRunning({ models: [{ name: 'a', size: 2, size_vram: 1 }] }, HOST)).toMatchObject([
      { name: 'a', size: 2, size_vram: 1, expires_at: '' },
    ]);
  });

  test.each([[null], [[]], ['x'], [{}], [{ models: 'x' }], [{ data: [] }]])('%j is none', (value) => {
    expect(() => decodeTags(value, HOST)).toThrow(expect.objectContaining({ code: 'protocol', host: HOST }));
  });
});

describe('recommendations', () => {
  test('keep unknown fields, drop known ones of the wrong kind, and what has no name', () => {
    const list = [
      { model: 'qwen3:8b', description: 'good', context_length: 40_960, novelty: 1 },
      { model: 'a', description: 7, vram_bytes: 'much', required_plan: null, max_output_tokens: Infinity },
      { description: 'nameless' },
      { model: 7 },
      'x',
    ];
    expect(decodeRecommendations({ recommendations: list }, HOST)).toEqual([list[0], { model: 'a' }]);
    expect(decodeRecommendations({ recommendations: null }, HOST)).toEqual([]);
  });

  test.each([[null], [[]], ['x'], [{}], [{ recommendations: {} }]])('%j is none', (value) => {
    expect(() => decodeRecommendations(value, HOST)).toThrow(
      expect.objectContaining({ code: 'protocol', host: HOST }),
    );
  });
});

describe('a description of a model', () => {
  test('keeps what is sound', () => {
    const sound = {
      license: 'l',
      parameters: 'p',
      model_info: null,
      capabilities: null,
      messages: [{ role: 'user', content: 'x' }],
      tensors: [1],
      details: { family: 'f' },
    };
    expect(decodeShow(sound, HOST)).toEqual(sound);
  });

  test('drops what is not', () => {
    const bad = {
      license: ['l'],
      parameters: {},
      model_info: [],
      capabilities: [1],
      messages: {},
      template: 1,
      modified_at: 2,
    };
    expect(decodeShow(bad, HOST)).toEqual({ details: {} });
    expect(() => decodeShow([], HOST)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });
});

test('a version is told or the answer is none of Ollama', () => {
  expect(decodeVersion({ version: '0.24.0' }, HOST)).toBe('0.24.0');
  for (const value of [{}, { version: 1 }, { version: '' }, null]) {
    expect(() => decodeVersion(value, HOST)).toThrow(expect.objectContaining({ code: 'protocol' }));
  }
});

test('an embedding is lists of numbers', () => {
  expect(decodeEmbed({ model: 'm', embeddings: [[1, 2]], more: 1 }, HOST)).toEqual({
    model: 'm',
    embeddings: [[1, 2]],
    more: 1,
  });
  expect(decodeEmbed({ embeddings: null }, HOST)).toEqual({ model: '', embeddings: [] });
  for (const embeddings of ['x', [1], [['x']], {}]) {
    expect(() => decodeEmbed({ embeddings }, HOST)).toThrow(expect.objectContaining({ code: 'protocol' }));
  }
});

describe('the metrics of an answer', () => {
  test('turn nanoseconds into milliseconds, and count', () => {
    const line = {
      total_duration: 2_500_000_000,
      load_duration: 500_000_000,
      prompt_eval_count: 10,
      prompt_eval_duration: 250_000_000,
      eval_count: 30,
      eval_duration: 1_500_000_000,
    };
    expect(decodeMetrics(line, 800)).toEqual({
      prompt_tokens: 10,
      completion_tokens: 30,
      total_tokens: 40,
      tokens_per_second: 20,
      time_to_first_token_ms: 800,
      load_ms: 500,
      total_ms: 2500,
    });
    expect(decodeMetrics(line, undefined).time_to_first_token_ms).toBe(750);
  });

  test('that are left out are 0', () => {
    expect(Object.values(decodeMetrics({}, undefined))).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });
});

describe('the lines of an answer', () => {
  const decode = (values: readonly unknown[]): ChatEvent[] => {
    const decoder = createChatDecoder({ host: HOST, model: 'm' }, () => 0);
    const events: ChatEvent[] = [];
    for (const value of values) decoder.take(value, events);
    return events;
  };
  const call = { function: { name: 'f', arguments: { a: 1 } } };

  test.each([
    [{ message: { role: 'assistant', content: 'hi' }, done: false }, [{ type: 'token', text: 'hi' }]],
    [{ message: { content: '' }, done: false }, []],
    [
      { message: { content: 'a', thinking: 'b' } },
      [
        { type: 'thinking', text: 'b' },
        { type: 'token', text: 'a' },
      ],
    ],
    [
      { response: 'hi', thinking: 'hm' },
      [
        { type: 'thinking', text: 'hm' },
        { type: 'token', text: 'hi' },
      ],
    ],
    [{ message: { content: '', tool_calls: [call, null, {}, 'x'] } }, [{ type: 'tool_call', call }]],
    [
      { message: { tool_calls: [{ id: '1', function: { arguments: '{}' } }] } },
      [{ type: 'tool_call', call: { id: '1', function: { name: '', arguments: {} } } }],
    ],
    [{ message: { content: 7, thinking: null, tool_calls: 'x' } }, []],
    [{ message: null }, []],
    [{ error: null, message: { content: 'x' } }, [{ type: 'token', text: 'x' }]],
    [{}, []],
  ])('%j', (line, events) => {
    expect(decode([line])).toEqual(events);
  });

  test('end with the last one; nothing after it counts', () => {
    const done = {
      message: { content: 'z', tool_calls: [call] },
      done: true,
      done_reason: 'length',
      eval_count: 2,
    };
    expect(decode([done, { message: { content: 'late' } }, { error: 'late' }])).toMatchObject([
      { type: 'token', text: 'z' },
      { type: 'tool_call' },
      { type: 'done', reason: 'length', metrics: { completion_tokens: 2 } },
    ]);
    expect(decode([{ done: true }])).toMatchObject([{ type: 'done', reason: 'stop' }]);
  });

  test.each([
    [{ error: 'the input length exceeds the context length' }, 'context_overflow', 'the input length'],
    [{ error: { message: 'boom' } }, 'server_error', '{"message":"boom"}'],
    ['text', 'protocol', 'no object'],
    [[1], 'protocol', 'no object'],
    [null, 'protocol', 'no object'],
  ])('end with the error of %j, after what came before it', (line, code, words) => {
    const events = decode([{ message: { content: 'a' } }, line, { message: { content: 'late' } }]);
    expect(events).toMatchObject([
      { type: 'token', text: 'a' },
      { type: 'error', error: { code, host: HOST, model: 'm', message: expect.stringContaining(words) } },
    ]);
  });

  test('tell when the first one came, if it held anything', () => {
    let now = 100;
    const decoder = createChatDecoder({ host: HOST, model: 'm' }, () => now);
    const events: ChatEvent[] = [];
    decoder.take({ message: { content: '' } }, events);
    now = 350;
    decoder.take({ message: { content: 'a' } }, events);
    now = 900;
    decoder.take({ done: true }, events);
    expect(events.at(-1)).toMatchObject({ metrics: { time_to_first_token_ms: 250 } });
    expect(decoder.ended()).toBe(true);
  });

  test('of any kind at all give events, one end at most', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const ends = decode(values).filter((event) => event.type === 'done' || event.type === 'error');
        expect(ends.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('the lines of a running answer', () => {
  const line = fc.record({
    model: fc.oneof(fc.constant('llama3.2:1b'), fc.string()),
    created_at: fc.oneof(fc.constant('2026-01-02T03:04:05Z'), fc.string({ unit: 'binary' })),
    message: fc.oneof(
      fc.record({ role: fc.constant('assistant'), content: fc.string({ unit: 'binary' }) }),
      fc.record({
        role: fc.constant('assistant'),
        content: fc.string(),
        thinking: fc.string({ unit: 'grapheme' }),
      }),
      fc.record({ content: fc.string() }),
      fc.constant(null),
    ),
    done: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  });
  const written = fc
    .tuple(line, fc.constantFrom('', ' ', '\r', 'x', ',1'), fc.boolean())
    .map(([value, extra, escaped]) => {
      const json = JSON.stringify(value) + extra;
      // Go escapes these three, JSON.stringify does not.
      return escaped ? json.replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`) : json;
    });

  function read(lines: readonly string[], skims: boolean): { events: ChatEvent[]; failure: string } {
    const decoder = createChatDecoder({ host: HOST, model: 'm' }, () => 0);
    const parser = createLineParser<ChatEvent>(skims ? decoder : { take: decoder.take });
    const events: ChatEvent[] = [];
    let failure = '';
    try {
      parser.push(Buffer.from(`${lines.join('\n')}\n`), events);
    } catch (error) {
      failure = String(error);
    }
    return { events, failure };
  }

  test('come to the same whether they are matched or parsed', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 12 }), (lines) => {
        expect(read(lines, true)).toEqual(read(lines, false));
      }),
      { numRuns: 1_000 },
    );
  });

  test('are matched where Ollama wrote them, and parsed where anything is escaped', () => {
    const decoder = createChatDecoder({ host: HOST, model: 'm' }, () => 0);
    const plain =
      '{"model":"m","created_at":"t","message":{"role":"assistant","content":"ä 🙂","thinking":"b"},"done":false}\n';
    const events: ChatEvent[] = [];
    expect(decoder.skim?.(plain + plain, 0, events)).toBe(plain.length * 2);
    expect(events.slice(0, 2)).toEqual([
      { type: 'thinking', text: 'b' },
      { type: 'token', text: 'ä 🙂' },
    ]);
    for (const other of [
      plain.replace('ä', '\\n'),
      plain.replace('false', 'true'),
      ` ${plain}`,
      plain.replace('ä', '\t'),
    ]) {
      expect(decoder.skim?.(other, 0, events)).toBe(0);
    }
    expect(events).toHaveLength(4);
  });
});
