import { expect, test } from 'vitest';
import { applySetting } from '../../src/chat/settings.js';
import { startConversation } from '../../src/core/chat.js';

const talked = startConversation('m', {
  system: 'Be brief.',
  options: { seed: 1 },
  messages: [{ role: 'user', content: 'hello' }],
});

test('/clear forgets the messages and keeps the system prompt and the options', () => {
  const { conversation, told } = applySetting(talked, { type: 'clear' });
  expect(conversation).toEqual({ ...talked, messages: [] });
  expect(told).toBe('The conversation is forgotten; the system prompt stays.');
  expect(applySetting(startConversation('m'), { type: 'clear' }).told).toBe('The conversation is forgotten.');
});

test('/set system replaces the prompt, or takes it away', () => {
  expect(applySetting(talked, { type: 'set-system', text: 'Rhyme.' })).toEqual({
    conversation: { ...talked, system: 'Rhyme.' },
    told: 'The system prompt is set.',
  });
  const without = applySetting(talked, { type: 'set-system', text: undefined });
  expect(without.conversation.system).toBeUndefined();
  expect(without.told).toBe('There is no system prompt any more.');
});

test('/set parameter adds to the options and says what holds now', () => {
  const one = applySetting(talked, { type: 'set-parameter', name: 'num_ctx', value: 8192 });
  expect(one.conversation.options).toEqual({ seed: 1, num_ctx: 8192 });
  expect(one.told).toBe('num_ctx is 8192 now.');
  const many = applySetting(talked, { type: 'set-parameter', name: 'stop', value: ['a\n', 'b'] });
  expect(many.told).toBe('stop is "a\\n" "b" now.');
});
