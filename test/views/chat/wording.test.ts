import { describe, expect, test } from 'vitest';
import { reduceChat, startAnswer } from '../../../src/core/chat.js';
import type { AnswerState, ChatMetrics } from '../../../src/core/chat.js';
import { OllamaError } from '../../../src/core/errors.js';
import {
  describeAnswer,
  describeChat,
  describeThinking,
  describeWaiting,
  fitFacts,
} from '../../../src/views/chat/wording.js';

const METRICS: ChatMetrics = {
  prompt_tokens: 1186,
  completion_tokens: 43,
  total_tokens: 1229,
  tokens_per_second: 48.2,
  time_to_first_token_ms: 200,
  load_ms: 100,
  total_ms: 1100,
};

const done = (metrics: Partial<ChatMetrics> = {}, reason = 'stop'): AnswerState =>
  reduceChat(startAnswer(0), { type: 'done', reason, metrics: { ...METRICS, ...metrics } }, 1000);
const words = (answer: AnswerState, window?: number) =>
  describeAnswer(answer, window)
    .map(({ text, warn }) => (warn ? `!${text}` : text))
    .join(' · ');

describe('the numbers of an answer', () => {
  test.each([
    [done(), 40_960, '43 tokens · 48 a second · first after 0.2s · context 1.2k of 40k'],
    [done(), undefined, '43 tokens · 48 a second · first after 0.2s · context 1.2k'],
    [done({ total_tokens: 1639 }), 2048, '43 tokens · 48 a second · first after 0.2s · !context 1.6k of 2k'],
    [done({ total_tokens: 1638 }), 2048, '43 tokens · 48 a second · first after 0.2s · context 1.6k of 2k'],
    [
      done({
        tokens_per_second: 3.14,
        completion_tokens: 1,
        time_to_first_token_ms: 65_000,
        total_tokens: 0,
      }),
      1,
      '1 token · 3.1 a second · first after 1m 05s',
    ],
    [
      done({ tokens_per_second: 0, time_to_first_token_ms: 0, total_tokens: 0 }, 'length'),
      1,
      '!ended by the limit of tokens · 43 tokens',
    ],
  ])('%#', (answer, window, line) => {
    expect(words(answer, window)).toBe(line);
  });

  test('of one that was stopped are what was counted here', () => {
    const partial = reduceChat(startAnswer(0), { type: 'token', text: 'a' }, 5);
    const stopped = reduceChat(
      partial,
      { type: 'error', error: new OllamaError('interrupted', 'stopped') },
      6,
    );
    expect(words(stopped, 4096)).toBe('(stopped) · 1 token');
  });

  test('give way where the line is short, what matters least first', () => {
    const facts = describeAnswer(done(), 40_960);
    const at = (width: number) => fitFacts(facts, ' · ', width).map(({ text }) => text);
    expect(at(80)).toHaveLength(4);
    expect(at(60)).toEqual(['43 tokens', '48 a second', 'context 1.2k of 40k']);
    expect(at(36)).toEqual(['43 tokens', 'context 1.2k of 40k']);
    expect(at(2)).toEqual(['43 tokens']);
  });
});

test('thinking is told once it has ended', () => {
  const thinking = reduceChat(startAnswer(0), { type: 'thinking', text: 'hm' }, 1000);
  expect(describeThinking(startAnswer(0))).toBeUndefined();
  expect(describeThinking(thinking)).toBeUndefined();
  expect(describeThinking(reduceChat(thinking, { type: 'token', text: 'a' }, 3100))).toBe('thought for 2.1s');
});

test('waiting is explained', () => {
  const waiting = startAnswer(1000);
  expect(describeWaiting(waiting, true, 1000, 4000)).toEqual(['loading the model, 3s', 'Ctrl-C stops']);
  expect(describeWaiting(waiting, false, 1000, 4000)).toEqual(['waiting for the model, 3s', 'Ctrl-C stops']);
  const thinking = reduceChat(waiting, { type: 'thinking', text: 'hm' }, 5000);
  expect(describeWaiting(thinking, true, 46_000, 47_000)).toEqual(['thinking, 42s', 'Ctrl-C stops']);
  const answering = reduceChat(thinking, { type: 'token', text: 'a' }, 5000);
  expect(describeWaiting(answering, true, 46_000, 47_000)).toEqual(['Ctrl-C stops and keeps what came']);
});

test('a silence of ten seconds is told once the answer has begun', () => {
  const waiting = startAnswer(0);
  const thinking = reduceChat(waiting, { type: 'thinking', text: 'hm' }, 1000);
  const answering = reduceChat(thinking, { type: 'token', text: 'a' }, 5000);
  const keeps = 'Ctrl-C stops and keeps what came';
  expect(describeWaiting(answering, true, 5000, 14_999)).toEqual([keeps]);
  expect(describeWaiting(answering, true, 5000, 15_000)).toEqual(['no data for 10s', keeps]);
  expect(describeWaiting(answering, true, 5000, 17_000)).toEqual(['no data for 12s', keeps]);
  expect(describeWaiting(thinking, true, 1000, 10_999)).toEqual(['thinking, 10s', 'Ctrl-C stops']);
  expect(describeWaiting(thinking, true, 1000, 11_000)).toEqual(['no data for 10s', 'Ctrl-C stops']);
  expect(describeWaiting(waiting, true, 0, 60_000)).toEqual(['loading the model, 1m 00s', 'Ctrl-C stops']);
  // A clock that was set back tells of no silence.
  expect(describeWaiting(answering, true, 5000, 0)).toEqual([keeps]);
});

test('the header names the model, the host and the window, cleaned', () => {
  expect(describeChat('qwen3:8b', '127.0.0.1:11434', 40_960)).toEqual([
    'qwen3:8b on 127.0.0.1:11434',
    'context 40k',
    '/help',
  ]);
  expect(describeChat('a\u001B[31mb', 'h\n', undefined)).toEqual(['a[31mb on h ', '/help']);
});
