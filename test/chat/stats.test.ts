import { expect, test } from 'vitest';
import { countAnswer, describeStats, EMPTY_TALLY } from '../../src/chat/stats.js';
import { reduceChat, startAnswer, type ChatMetrics } from '../../src/core/chat.js';
import { OllamaError } from '../../src/core/errors.js';

const METRICS: ChatMetrics = {
  prompt_tokens: 100,
  completion_tokens: 50,
  total_tokens: 150,
  tokens_per_second: 25,
  time_to_first_token_ms: 200,
  load_ms: 1500,
  total_ms: 4000,
};
const whole = reduceChat(startAnswer(0), { type: 'done', reason: 'stop', metrics: METRICS }, 4000);
const part = reduceChat(
  reduceChat(startAnswer(0), { type: 'token', text: 'a' }, 100),
  { type: 'error', error: new OllamaError('interrupted', 'Interrupted.') },
  2000,
);
const nothing = reduceChat(
  startAnswer(0),
  { type: 'error', error: new OllamaError('unreachable', 'No.') },
  2000,
);

test('answers are summed up, whole or stopped; one of which nothing came does not count', () => {
  const tally = [whole, part, nothing, whole].reduce((sum, one) => countAnswer(sum, one, 2000), EMPTY_TALLY);
  const rows = describeStats(tally, { model: 'm', turns: 3, window: 300 });
  expect(Object.fromEntries(rows)).toEqual({
    model: 'm',
    turns: '3',
    answers: '3',
    'tokens read': '200',
    'tokens written': '101',
    // The part has no speed of its own.
    speed: '25 tokens a second',
    time: '10s',
    'of it loading': '3s',
    context: '150 of 300 (50 %)',
  });
});

test('what is not known is left out', () => {
  const rows = describeStats(EMPTY_TALLY, { model: 'm', turns: 0, window: undefined });
  expect(rows.map(([name]) => name)).toEqual([
    'model',
    'turns',
    'answers',
    'tokens read',
    'tokens written',
    'time',
  ]);
  const tally = countAnswer(EMPTY_TALLY, whole, 0);
  expect(describeStats(tally, { model: 'm', turns: 1, window: undefined }).at(-1)).toEqual([
    'context',
    '150',
  ]);
});
