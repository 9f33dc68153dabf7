import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  answerMessage,
  chatRequest,
  reduceChat,
  startAnswer,
  startConversation,
  withMessage,
  type AnswerState,
  type ChatEvent,
} from '../../src/core/chat.js';
import { OllamaError } from '../../src/core/errors.js';

const metrics = {
  prompt_tokens: 1,
  completion_tokens: 2,
  total_tokens: 3,
  tokens_per_second: 4,
  time_to_first_token_ms: 5,
  load_ms: 6,
  total_ms: 7,
};
const call = { function: { name: 'f', arguments: {} } };
const error = new OllamaError('stream_cut', 'cut');
const fold = (events: readonly (readonly [number, ChatEvent])[]): AnswerState =>
  events.reduce((state, [at, event]) => reduceChat(state, event, at), startAnswer(0));

describe('an answer', () => {
  test('waits, thinks, answers and is done', () => {
    const events: [number, ChatEvent, AnswerState['phase']][] = [
      [1, { type: 'thinking', text: 'h' }, 'thinking'],
      [2, { type: 'thinking', text: 'm' }, 'thinking'],
      [3, { type: 'token', text: 'a' }, 'answering'],
      [4, { type: 'token', text: 'b' }, 'answering'],
      [5, { type: 'tool_call', call }, 'answering'],
      [6, { type: 'done', reason: 'stop', metrics }, 'done'],
    ];
    let state = startAnswer(0);
    expect(state.phase).toBe('waiting');
    for (const [at, event, phase] of events) {
      state = reduceChat(state, event, at);
      expect(state.phase).toBe(phase);
    }
    expect(state).toMatchObject({
      content: 'ab',
      thinking: 'hm',
      thinkingSince: 1,
      thinkingUntil: 3,
      tokens: 4,
      toolCalls: [call],
      reason: 'stop',
      metrics,
    });
  });

  test('keeps what came when it fails', () => {
    expect(
      fold([
        [1, { type: 'token', text: 'a' }],
        [2, { type: 'error', error }],
      ]),
    ).toMatchObject({
      content: 'a',
      phase: 'failed',
      error,
    });
  });

  test.each([
    ['a call', { type: 'tool_call', call }],
    ['the end', { type: 'done', reason: 'stop', metrics }],
    ['a failure', { type: 'error', error }],
  ] as const)('has stopped thinking at %s', (_name, event) => {
    expect(
      fold([
        [1, { type: 'thinking', text: 'h' }],
        [9, event],
      ]),
    ).toMatchObject({ thinkingSince: 1, thinkingUntil: 9 });
  });

  test('that thinks again goes on thinking', () => {
    const state = fold([
      [1, { type: 'thinking', text: 'a' }],
      [2, { type: 'token', text: 'b' }],
      [3, { type: 'thinking', text: 'c' }],
    ]);
    expect(state).toMatchObject({ phase: 'thinking', thinkingSince: 1, thinkingUntil: undefined });
  });

  test('is the sum of its tokens, whatever else comes between', () => {
    const event = fc.oneof(
      fc.string().map((text): ChatEvent => ({ type: 'token', text })),
      fc.string().map((text): ChatEvent => ({ type: 'thinking', text })),
      fc.constant<ChatEvent>({ type: 'tool_call', call }),
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const state = fold(events.map((one, index) => [index, one] as const));
        const sum = (type: string): string =>
          events.map((one) => (one.type === type && 'text' in one ? one.text : '')).join('');
        expect([state.content, state.thinking]).toEqual([sum('token'), sum('thinking')]);
      }),
    );
  });

  test('leaves a message with only what it has', () => {
    expect(answerMessage(fold([[1, { type: 'token', text: 'a' }]]))).toEqual({
      role: 'assistant',
      content: 'a',
    });
    expect(
      answerMessage(
        fold([
          [1, { type: 'thinking', text: 't' }],
          [2, { type: 'tool_call', call }],
        ]),
      ),
    ).toEqual({
      role: 'assistant',
      content: '',
      thinking: 't',
      tool_calls: [call],
    });
  });
});

describe('a request', () => {
  test('of a new conversation asks for an overflow to be an error', () => {
    expect(chatRequest(startConversation('m'))).toEqual({
      model: 'm',
      messages: [],
      truncate: false,
      shift: false,
    });
  });

  test('has the system prompt first, and all that is set', () => {
    const conversation = withMessage(
      startConversation('m', {
        system: 's',
        options: { seed: 1 },
        think: 'low',
        format: 'json',
        keepAlive: 0,
        tools: [{ type: 'function', function: { name: 'f' } }],
      }),
      { role: 'user', content: 'u' },
    );
    expect(chatRequest(conversation)).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: 'u' },
      ],
      truncate: false,
      shift: false,
      options: { seed: 1 },
      think: 'low',
      format: 'json',
      keep_alive: 0,
      tools: [{ type: 'function', function: { name: 'f' } }],
    });
  });

  test('one more message leaves the conversation before it as it was', () => {
    const before = startConversation('m');
    expect(withMessage(before, { role: 'user', content: 'x' }).messages).toHaveLength(1);
    expect(before.messages).toEqual([]);
  });

  test('thinking switched off is said', () => {
    expect(chatRequest(startConversation('m', { think: false }))).toMatchObject({ think: false });
  });
});
