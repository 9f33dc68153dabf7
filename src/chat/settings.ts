import type { Conversation } from '../core/chat.js';
import type { Intent } from './commands.js';

/** The intents that change a conversation and need nobody else for it. */
export type SettingIntent = Extract<Intent, { type: 'clear' | 'set-system' | 'set-parameter' }>;

function quote(value: number | boolean | readonly string[]): string {
  return typeof value === 'object' ? value.map((text) => JSON.stringify(text)).join(' ') : String(value);
}

/** The conversation as the person wants it, and the sentence that tells them. */
export function applySetting(
  conversation: Conversation,
  intent: SettingIntent,
): { readonly conversation: Conversation; readonly told: string } {
  switch (intent.type) {
    case 'clear': {
      const stays = conversation.system === undefined ? '' : '; the system prompt stays';
      return {
        conversation: { ...conversation, messages: [] },
        told: `The conversation is forgotten${stays}.`,
      };
    }
    case 'set-system':
      return {
        conversation: { ...conversation, system: intent.text },
        told: intent.text === undefined ? 'There is no system prompt any more.' : 'The system prompt is set.',
      };
    case 'set-parameter': {
      const { name, value } = intent;
      return {
        conversation: { ...conversation, options: { ...conversation.options, [name]: value } },
        told: `${name} is ${quote(value)} now.`,
      };
    }
  }
}
