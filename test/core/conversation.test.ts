import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { chatRequest, startConversation, type Conversation } from '../../src/core/chat.js';
import {
  countPreface,
  dropOldest,
  findTurns,
  lastAnswer,
  lastQuestion,
  spliceMessages,
} from '../../src/core/conversation.js';
import { estimateMessages } from '../../src/core/window.js';
import type { ChatMessage } from '../../src/core/wire.js';

/** `s` a system message, `u` a question, `a` an answer, `t` a function's result; numbered as they stand. */
function talk(roles: string, system?: string): Conversation {
  const names = { s: 'system', u: 'user', a: 'assistant', t: 'tool' } as Readonly<Record<string, string>>;
  const messages = [...roles].map((role, index) => ({
    role: names[role] ?? role,
    content: `${role}${index}`,
  }));
  return startConversation('m:1', { messages, ...(system === undefined ? {} : { system }) });
}

const contents = ({ messages }: Conversation): string => messages.map(({ content }) => content).join(' ');

test.each([
  ['', []],
  ['sa', []],
  ['ua', [[0, 2]]],
  ['saua', [[2, 4]]],
  [
    'uatauuata',
    [
      [0, 4],
      [4, 5],
      [5, 9],
    ],
  ],
])('the turns of %j are %j', (roles, expected) => {
  expect(findTurns(talk(roles)).map(({ start, end }) => [start, end])).toEqual(expected);
});

test.each([
  ['', undefined, undefined],
  ['a', undefined, 'a0'],
  ['uau', 'u2', 'a1'],
  ['uauata', 'u2', 'a5'],
])('of %j the last question is %s, the last answer %s', (roles, question, answer) => {
  expect(lastQuestion(talk(roles))?.content).toBe(question);
  expect(lastAnswer(talk(roles))?.content).toBe(answer);
});

describe('dropping the oldest turns', () => {
  it.each([
    ['uauau', 1, 'u2 a3 u4'],
    ['uauau', 2, 'u4'],
    ['uauau', 9, 'u4'],
    ['uauau', 0, 'u0 a1 u2 a3 u4'],
    ['suatauau', 1, 's0 u5 a6 u7'],
    // What the model said before the first question goes with the first turn.
    ['auau', 1, 'u3'],
    ['ua', 1, 'u0 a1'],
  ])('of %j, %d of them, leaves %j', (roles, turns, left) => {
    expect(contents(dropOldest(talk(roles), { turns }))).toBe(left);
  });

  it('drops whole turns until so many tokens are gone', () => {
    const conversation = talk('uauauau');
    const aTurn = estimateMessages(conversation.messages.slice(0, 2));
    expect(contents(dropOldest(conversation, { tokens: 1 }))).toBe('u2 a3 u4 a5 u6');
    expect(contents(dropOldest(conversation, { tokens: aTurn }))).toBe('u2 a3 u4 a5 u6');
    expect(contents(dropOldest(conversation, { tokens: aTurn + 1 }))).toBe('u4 a5 u6');
    expect(contents(dropOldest(conversation, { tokens: 1e6 }))).toBe('u6');
    expect(dropOldest(conversation, { tokens: 0 })).toBe(conversation);
  });

  it('says by the same conversation that nothing can go', () => {
    const conversation = talk('sua');
    expect(dropOldest(conversation, { turns: 3 })).toBe(conversation);
  });

  it('never drops the system prompt, a summary or the last turn, and leaves no half of a turn', () => {
    const roles = fc.stringMatching(/^s{0,2}a?(?:u(?:a|ata)?){0,6}$/);
    fc.assert(
      fc.property(roles, fc.nat(8), fc.boolean(), (text, amount, byTokens) => {
        const before = talk(text, 'be brief');
        const after = dropOldest(before, byTokens ? { tokens: amount * 10 } : { turns: amount });
        const preface = countPreface(before);
        expect(after.system).toBe('be brief');
        expect(after.messages.slice(0, preface)).toEqual(before.messages.slice(0, preface));
        const rest = after.messages.slice(preface);
        expect(before.messages.slice(before.messages.length - rest.length)).toEqual(rest);
        if (after !== before) expect(rest[0]?.role).toBe('user');
        expect(lastQuestion(after)).toBe(lastQuestion(before));
      }),
    );
  });
});

it('splices as the kept conversations do, whatever the numbers are', () => {
  const insert: ChatMessage[] = [{ role: 'user', content: 'x' }];
  expect(contents(spliceMessages(talk('uau'), 1, 1, insert))).toBe('u0 x u2');
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (start, count) => {
      const spliced = spliceMessages(talk('uau'), start, count, insert);
      expect(spliced.messages).toContain(insert[0]);
      expect(talk('uau').messages.length + 1 - spliced.messages.length).toBeLessThanOrEqual(3);
    }),
  );
});

it('sends a summary and the system prompt as one message, for some templates take only one', () => {
  const messages = chatRequest(talk('sua', 'be brief')).messages;
  expect(messages.map(({ role, content }) => [role, content])).toEqual([
    ['system', 'be brief\n\ns0'],
    ['user', 'u1'],
    ['assistant', 'a2'],
  ]);
  expect(chatRequest(talk('sua')).messages[0]?.content).toBe('s0');
});
