import { describe, expect, test } from 'vitest';
import { reduceChat, startAnswer } from '../../src/core/chat.js';
import type { AnswerState, ChatMetrics } from '../../src/core/chat.js';
import { OllamaError } from '../../src/core/errors.js';
import { describeAnswer, describeChat, describeThinking, fitFacts } from '../../src/chat/wording.js';

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
    [
      done(),
      40_960,
      '43 tokens · 48 a second · first after 0.2s · context 1.2k of 40k · load 0.1s · total 1.1s',
    ],
    [done(), undefined, '43 tokens · 48 a second · first after 0.2s · context 1.2k · load 0.1s · total 1.1s'],
    [
      done({ prompt_tokens: 1596 }),
      2048,
      '43 tokens · 48 a second · first after 0.2s · !context 1.6k of 2k, /compact makes room · load 0.1s · total 1.1s',
    ],
    [
      done({ prompt_tokens: 1595 }),
      2048,
      '43 tokens · 48 a second · first after 0.2s · context 1.6k of 2k · load 0.1s · total 1.1s',
    ],
    [
      done({ load_ms: 3100, total_ms: 5000, prompt_tokens: 1 }),
      undefined,
      '43 tokens · 48 a second · first after 0.2s · context 44 · load 3.1s · total 5.0s',
    ],
    [
      done({ total_ms: 12_000, prompt_tokens: 1 }),
      undefined,
      '43 tokens · 48 a second · first after 0.2s · context 44 · load 0.1s · total 12s',
    ],
    [
      done({
        tokens_per_second: 3.14,
        completion_tokens: 1,
        time_to_first_token_ms: 65_000,
        prompt_tokens: 20,
      }),
      1024,
      '1 token · 3.1 a second · first after 1m 05s · context 21 of 1k · load 0.1s · total 1.1s',
    ],
    [
      done(
        { tokens_per_second: 0, time_to_first_token_ms: 0, prompt_tokens: 0, completion_tokens: 0 },
        'length',
      ),
      1,
      '!ended by the limit of tokens · load 0.1s · total 1.1s',
    ],
    [
      done({ tokens_per_second: 0, time_to_first_token_ms: 0, prompt_tokens: 85 }, 'length'),
      128,
      '!ended where the window does · 43 tokens · !context 128 of 128, /compact makes room · load 0.1s · total 1.1s',
    ],
    // As a real server counts: the last token has no place in the window.
    [
      done({ tokens_per_second: 0, time_to_first_token_ms: 0, prompt_tokens: 86 }, 'length'),
      128,
      '!ended where the window does · 43 tokens · !context 128 of 128, /compact makes room · load 0.1s · total 1.1s',
    ],
    // The window was shifted on, until the server's own limit of ten windows.
    [
      done({ tokens_per_second: 0, time_to_first_token_ms: 0, prompt_tokens: 1237 }, 'length'),
      128,
      '!ended by the limit of tokens · 43 tokens · !context 128 of 128, /compact makes room · load 0.1s · total 1.1s',
    ],
    [
      done({ tokens_per_second: 0, time_to_first_token_ms: 0, prompt_tokens: 85 }, 'length'),
      1024,
      '!ended by the limit of tokens · 43 tokens · context 128 of 1k · load 0.1s · total 1.1s',
    ],
  ])('%#', (answer, window, line) => {
    expect(words(answer, window)).toBe(line);
  });

  test('go by the estimate where the server counted only what was new to it', () => {
    const facts = describeAnswer(done({ prompt_tokens: 11 }), 4096, 3300).map(({ text }) => text);
    expect(facts).toContain('context about 3.3k of 4k, /compact makes room');
  });

  test('of one that was stopped are what was counted here', () => {
    const partial = reduceChat(startAnswer(0), { type: 'token', text: 'a' }, 5);
    const stopped = reduceChat(
      partial,
      { type: 'error', error: new OllamaError('interrupted', 'stopped') },
      6,
    );
    expect(words(stopped, 4096)).toBe('(stopped) · 1 token');
    // How much there is of it is told with why.
    const error = new OllamaError('stream_cut', 'cut');
    expect(words(reduceChat(partial, { type: 'error', error }, 6), 4096)).toBe('(broke off)');
  });

  test('give way where the line is short, what matters least first', () => {
    const facts = describeAnswer(done(), 40_960);
    const at = (width: number) => fitFacts(facts, ' · ', width).map(({ text }) => text);
    const numbers = ['43 tokens', '48 a second', 'context 1.2k of 40k', 'load 0.1s', 'total 1.1s'];
    expect(at(76)).toEqual(numbers);
    expect(at(60)).toEqual(numbers.filter((text) => !text.startsWith('load')));
    expect(at(50)).toEqual(numbers.slice(0, 3));
    expect(at(36)).toEqual(['43 tokens', 'context 1.2k of 40k']);
    expect(at(2)).toEqual(['43 tokens']);
  });

  test('give way before the warning of a window that is nearly full', () => {
    const full = 'context 1.2k of 1.4k, /compact makes room';
    expect(fitFacts(describeAnswer(done(), 1400), ' · ', 42).map(({ text }) => text)).toEqual([full]);
    const ended = fitFacts(describeAnswer(done({ prompt_tokens: 1357 }, 'length'), 1400), ' · ', 78);
    expect(ended.map(({ warn }) => warn)).toEqual([true, true]);
  });
});

test('thinking is told once it has ended', () => {
  const thinking = reduceChat(startAnswer(0), { type: 'thinking', text: 'hm' }, 1000);
  expect(describeThinking(startAnswer(0))).toBeUndefined();
  expect(describeThinking(thinking)).toBeUndefined();
  expect(describeThinking(reduceChat(thinking, { type: 'token', text: 'a' }, 3100))).toBe('thought for 2.1s');
});

test('the header names the model, the host and the window, cleaned', () => {
  expect(describeChat('qwen3:8b', '127.0.0.1:11434', 40_960)).toEqual([
    'qwen3:8b on 127.0.0.1:11434',
    'context 40k',
    '/help',
  ]);
  expect(describeChat('a\u001B[31mb', 'h\n', undefined)).toEqual(['a[31mb on h ', '/help']);
});
