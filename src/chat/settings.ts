import type { Conversation, Think } from '../core/chat.js';
import type { Intent } from './intent.js';
import type { SettingsChange } from './talk.js';

/** The intents that change what a conversation goes on with, or show it, and need nobody else for it. */
export type SettingIntent = Extract<
  Intent,
  { type: 'show-system' | 'set-system' | 'set-parameter' | 'show-think' | 'set-think' | 'set-format' }
>;

type OptionValue = number | boolean | string | readonly string[];

/** A parameter's value as a person would type it. */
export function quoteOption(value: OptionValue): string {
  return typeof value === 'object' ? value.map((text) => JSON.stringify(text)).join(' ') : String(value);
}

/** How much a model thinks, in words. */
export function describeThink(think: Think | undefined): string {
  if (think === undefined) return 'as the model has it';
  return think === true ? 'on' : think === false ? 'off' : think;
}

/** What changes, and the sentence that tells the person; no change where they only asked. */
export function applySetting(
  { system, options, think }: Conversation,
  intent: SettingIntent,
): { readonly change: SettingsChange; readonly told: string } {
  switch (intent.type) {
    case 'show-system':
      return {
        change: {},
        told:
          system ?? "There is no system prompt, unless the model's own: /show system. /system TEXT sets one.",
      };
    case 'set-system':
      return {
        change: { system: intent.text },
        told: intent.text === undefined ? 'There is no system prompt any more.' : 'The system prompt is set.',
      };
    case 'set-parameter': {
      const { name, value } = intent;
      const others = Object.fromEntries(Object.entries(options).filter(([key]) => key !== name));
      return value === undefined
        ? { change: { options: others }, told: `${name} is as the model has it now.` }
        : {
            change: { options: { ...options, [name]: value } },
            told: `${name} is ${quoteOption(value)} now.`,
          };
    }
    case 'show-think':
      return {
        change: {},
        told: `Thinking is ${describeThink(think)}: /think on, off, low, medium, high or max.`,
      };
    case 'set-think':
      return { change: { think: intent.think }, told: `Thinking is ${describeThink(intent.think)} now.` };
    case 'set-format':
      return {
        change: { format: intent.format },
        told:
          intent.format === undefined
            ? 'Answers are free text again.'
            : 'Answers are JSON now: say in your question what is to be in it.',
      };
  }
}
