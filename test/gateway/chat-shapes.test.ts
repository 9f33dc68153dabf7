import { describe, expect, it } from 'vitest';
import type { ChatMetrics } from '../../src/core/chat.js';
import { estimateTokens, gatherAnswer } from '../../src/gateway/chat-answer.js';
import { readMessages } from '../../src/gateway/chat-request.js';

const METRICS: ChatMetrics = {
  prompt_tokens: 3,
  completion_tokens: 4,
  total_tokens: 7,
  tokens_per_second: 0,
  time_to_first_token_ms: 0,
  load_ms: 0,
  total_ms: 0,
};

describe('what is asked', () => {
  it('is the prompt of the system, what was said, and the question', () => {
    const said = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
    ];
    expect(readMessages({ message: 'c', system_prompt: 's', messages: said })).toEqual([
      { role: 'system', content: 's' },
      ...said,
      { role: 'user', content: 'c' },
    ]);
    expect(readMessages({ message: 'c' })).toEqual([{ role: 'user', content: 'c' }]);
  });

  it('may be the last of the messages', () => {
    const messages = [{ role: 'user', content: 'a' }];
    expect(readMessages({ messages })).toEqual(messages);
  });

  it.each([
    [{}],
    [{ message: '' }],
    [{ message: ' \n' }],
    [{ messages: [] }],
    [{ messages: [{ role: 'assistant', content: 'b' }] }],
    [{ system_prompt: 's' }],
  ])('is missing in %j', (body) => {
    expect(() => readMessages(body)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('what is answered', () => {
  it.each([
    ['', 0],
    ['one', 1],
    ['one two', 3],
    ['one two\nthree  four', 5],
    [' ten words are thirteen tokens by this rule of thumb ', 13],
  ])('%j is estimated to be %i tokens', (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });

  it("tells the provider's own count where there is one", () => {
    const answer = gatherAnswer('ollama', 'm');
    answer.take({ type: 'thinking', text: 'hm' });
    answer.take({ type: 'token', text: 'a ' });
    expect(answer.hasBegun).toBe(true);
    answer.take({ type: 'token', text: 'b' });
    answer.take({ type: 'done', reason: 'stop', metrics: { ...METRICS, cost: 0.5, currency: 'EUR' } });
    expect(answer.describe()).toEqual({
      message: { role: 'assistant', content: 'a b', thinking: 'hm' },
      response: 'a b',
      provider: 'ollama',
      model: 'm',
      done_reason: 'stop',
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
      tokens_used: 7,
      tokens_estimated: false,
      cost: 0.5,
      currency: 'EUR',
    });
  });

  it('marks an estimate, and has no use of tokens beside it', () => {
    const answer = gatherAnswer('cloud', 'm');
    answer.take({ type: 'token', text: 'a b c' });
    const none = { ...METRICS, prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
    answer.take({ type: 'done', reason: 'stop', metrics: none });
    expect(answer.describe()).toMatchObject({ tokens_used: 4, tokens_estimated: true });
    expect(answer.describe()).not.toHaveProperty('usage');
  });

  it('tells who answers in place of whom, and why', () => {
    const answer = gatherAnswer('ollama', 'm');
    expect(answer.hasBegun).toBe(false);
    answer.take({ type: 'provider', name: 'cloud', model: 'big', reason: 'ollama: down' });
    expect(answer.hasBegun).toBe(false);
    expect(answer.describe()).toMatchObject({
      provider: 'cloud',
      model: 'big',
      fallback: [{ name: 'cloud', reason: 'ollama: down' }],
    });
  });
});
