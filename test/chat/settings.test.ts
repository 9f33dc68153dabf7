import { expect, test } from 'vitest';
import type { Intent } from '../../src/chat/intent.js';
import { applySetting, describeThink, type SettingIntent } from '../../src/chat/settings.js';
import { startConversation } from '../../src/core/chat.js';

const talked = startConversation('m', { system: 'Be brief.', options: { seed: 1 } });

test.each<[SettingIntent, object, string]>([
  [{ type: 'show-system' }, {}, 'Be brief.'],
  [{ type: 'set-system', text: 'Rhyme.' }, { system: 'Rhyme.' }, 'The system prompt is set.'],
  [{ type: 'set-system', text: undefined }, { system: undefined }, 'There is no system prompt any more.'],
  [
    { type: 'set-parameter', name: 'num_ctx', value: 8192 },
    { options: { seed: 1, num_ctx: 8192 } },
    'num_ctx is 8192 now.',
  ],
  [
    { type: 'set-parameter', name: 'stop', value: ['a\n', 'b'] },
    { options: { seed: 1, stop: ['a\n', 'b'] } },
    'stop is "a\\n" "b" now.',
  ],
  [
    { type: 'set-parameter', name: 'seed', value: undefined },
    { options: {} },
    'seed is as the model has it now.',
  ],
  [{ type: 'set-think', think: 'high' }, { think: 'high' }, 'Thinking is high now.'],
  [{ type: 'set-format', format: undefined }, { format: undefined }, 'Answers are free text again.'],
])('%j', (intent, change, told) => {
  expect(applySetting(talked, intent)).toEqual({ change, told });
});

test('what is only asked for changes nothing', () => {
  const intents: Intent[] = [{ type: 'show-system' }, { type: 'show-think' }];
  for (const intent of intents) {
    expect(applySetting(startConversation('m'), intent as SettingIntent).change).toEqual({});
  }
});

test.each([
  [undefined, 'as the model has it'],
  [true, 'on'],
  [false, 'off'],
  ['low', 'low'],
] as const)('thinking %s is told as %s', (think, words) => {
  expect(describeThink(think)).toBe(words);
});
