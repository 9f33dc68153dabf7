import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { startConversation } from '../../src/core/chat.js';
import { decodeMetrics } from '../../src/core/chat-decode.js';
import {
  countUsed,
  countPrompt,
  estimateMessages,
  estimateTokens,
  findTruncation,
  findWindow,
  isNearlyFull,
  largestWindow,
  loadedWindow,
  usedTokens,
  type PromptCount,
} from '../../src/core/window.js';
import type { RunningModel } from '../../src/core/wire.js';
import { readBody } from './recorded.js';

test.each([
  [
    { loaded: 512, asked: 8192 },
    { limit: 512, source: 'loaded' },
  ],
  [
    { loaded: 0, asked: 8192 },
    { limit: 8192, source: 'asked' },
  ],
  [{ asked: '8192' }, undefined],
  [{}, undefined],
])('of %j the window in force is %j', (facts, expected) => {
  expect(findWindow(facts)).toEqual(expected);
});

test.each([
  ['what was counted', 100, 120, 4096, { tokens: 150, isEstimate: false }],
  [
    'the estimate, where far less was counted than was sent',
    10,
    300,
    4096,
    { tokens: 350, isEstimate: true },
  ],
  ['the estimate, where nothing was counted', 0, 300, undefined, { tokens: 350, isEstimate: true }],
  ['what was counted of little', 10, 70, 4096, { tokens: 60, isEstimate: false }],
  ['what was counted of a prompt that was cut', 512, 2000, 1024, { tokens: 562, isEstimate: false }],
])('in use is %s', (_, counted, sent, limit, used) => {
  const metrics = { prompt_tokens: counted, completion_tokens: 50, total_tokens: counted + 50 };
  const times = { tokens_per_second: 1, time_to_first_token_ms: 1, load_ms: 0, total_ms: 1 };
  expect(countUsed({ ...metrics, ...times }, sent, limit)).toEqual(used);
});

describe('what servers tell of a window', () => {
  const running = (name: string, more: object): RunningModel => ({
    ...{ name, model: name, size: 1, size_vram: 0, digest: 'd', expires_at: '', details: {} },
    ...more,
  });

  it('is that of the loaded model, however it was named', () => {
    const list = [
      running('other:1', { context_length: 9 }),
      running('llama3.2:latest', { context_length: 4096 }),
    ];
    expect(loadedWindow(list, 'library/llama3.2')).toBe(4096);
    expect(loadedWindow(list, 'qwen3')).toBeUndefined();
    expect(loadedWindow([running('m:1', {})], 'm:1')).toBeUndefined();
  });

  it('is not what the model was made for at most', () => {
    const shown = {
      details: {},
      model_info: { 'general.architecture': 'gemma3', 'gemma3.context_length': 32768 },
    };
    expect(largestWindow(shown)).toBe(32768);
    expect(largestWindow({ details: { context_length: 8192 } })).toBe(8192);
    expect(largestWindow({ details: {}, model_info: null })).toBeUndefined();
  });

  it('is nearly full from four fifths on, and never where it is not known', () => {
    expect([isNearlyFull(80, 100), isNearlyFull(79, 100), isNearlyFull(1e9, undefined)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('an estimate of tokens', () => {
  it.each([
    ['', 0],
    ['four', 1],
    ['a text of forty letters, more or less so.', 11],
    ['为什么天空是蓝色的', 7],
    ['🙂', 2],
  ])('of %j is %d', (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });

  it('grows with the text, and counts images and calls but no thinking', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(estimateTokens(a + b)).toBeGreaterThanOrEqual(Math.max(estimateTokens(a), estimateTokens(b)));
        expect(estimateTokens(a + b)).toBeLessThanOrEqual(estimateTokens(a) + estimateTokens(b));
      }),
    );
    const plain = estimateMessages([{ role: 'user', content: 'look' }]);
    expect(estimateMessages([{ role: 'user', content: 'look', images: ['x'] }])).toBe(plain + 256);
    expect(estimateMessages([{ role: 'assistant', content: 'look', thinking: 'x'.repeat(400) }])).toBe(plain);
    const calls = [{ function: { name: 'get_time', arguments: { city: 'Rome' } } }];
    expect(estimateMessages([{ role: 'assistant', content: 'look', tool_calls: calls }])).toBeGreaterThan(
      plain,
    );
  });
});

const count = (counted: number, sent: number, thought = 0): PromptCount => ({ counted, sent, thought });

describe('a prompt that seems to have been cut', () => {
  it.each<[string, PromptCount | undefined, PromptCount, number | undefined, string | undefined]>([
    ['a first short one', undefined, count(30, 12), 4096, undefined],
    ['one that grew', count(900, 880), count(1200, 1150), 4096, undefined],
    ['one that stands at the window', undefined, count(512, 500), 512, 'full'],
    ['one that stands at half the window and two, as some cut', undefined, count(2050, 9000), 4096, 'full'],
    ['one that happens to be that long', undefined, count(2050, 2040), 4096, undefined],
    ['far too much for the window', undefined, count(3100, 9000), 4096, 'less'],
    ['a little more than the window, by the estimate alone', undefined, count(3900, 4400), 4096, undefined],
    ['a common window, of an unknown one', undefined, count(4096, 40_000), undefined, 'full'],
    ['a common window, of one that was a little too much', undefined, count(4096, 4500), undefined, 'full'],
    ['the length of a common window by chance', undefined, count(4096, 4000), undefined, undefined],
    ['fewer than before', count(3000, 2900), count(1200, 3400), undefined, 'fell'],
    ['fewer than before, of a window that is known', count(3900, 3800), count(2500, 4300), 4096, 'fell'],
    ['fewer than before, in a large window', count(900, 880), count(300, 920), 4096, 'fell'],
    ['the very same as before though more was sent', count(4000, 4000), count(4000, 4500), undefined, 'full'],
    ['the same again, asked anew', count(4000, 4000), count(4000, 4000), undefined, undefined],
    ['fewer, of less', count(3000, 2900), count(1200, 1100), 4096, undefined],
    ['what is new alone, the rest was read before', count(1500, 1450), count(60, 1500), 8192, undefined],
    [
      'what is new alone, where the window is not known',
      count(1500, 1450),
      count(60, 1500),
      undefined,
      undefined,
    ],
    ['what is new alone, of more than fits', count(3900, 3800), count(300, 4200), 4096, 'fell'],
    [
      'fewer for the thinking that a template leaves out',
      count(1500, 900, 0),
      count(1100, 950, 600),
      8192,
      undefined,
    ],
  ])('%s', (_, before, now, limit, expected) => {
    expect(findTruncation(before, now, limit)).toBe(expected);
  });

  it('is never one that is counted as more than before, within the window', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(1000), fc.nat(1000), (counted, more, grown) => {
        const before = count(counted, counted);
        expect(findTruncation(before, count(counted + more + 1, counted + grown), 8192)).toBeUndefined();
      }),
    );
  });

  it('is told by the numbers of a real server that cut one', () => {
    const last: unknown = JSON.parse(readBody('0.24.0', 'chat-truncated').trim().split('\n').at(-1) ?? '');
    const metrics = decodeMetrics(last as Record<string, unknown>, undefined);
    expect(usedTokens(metrics)).toBe(514);
    expect(usedTokens(metrics, 512)).toBe(512);
    const sent = startConversation('acme/lic', {
      messages: [{ role: 'user', content: 'word '.repeat(3000) }],
    });
    const now = countPrompt(sent, metrics);
    expect(now).toMatchObject({ counted: 512, thought: 0 });
    expect(now && findTruncation(undefined, now, 512)).toBe('full');
  });

  it('says nothing where the server counted nothing', () => {
    const metrics = decodeMetrics({ done: true }, undefined);
    expect(countPrompt(startConversation('m:1'), metrics)).toBeUndefined();
  });
});
