import { asksHost, type Answering } from '../chat/answering.js';
import type { Context } from '../context.js';
import type { Settings } from '../config/schema.js';
import { startConversation, type Conversation, type Think } from '../core/chat.js';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { parseModelName, sameModel } from '../core/model-name.js';
import type { ModelOptions } from '../core/wire.js';
import type { Session } from '../sessions/fold.js';
import type { ChatFlags } from './chat-flags.js';

/** With whom a chat begins, and about what. */
export interface Opening {
  /** With the settings of the preset, where one was named. */
  readonly context: Context;
  /** Undefined where `--auto` is to choose. */
  readonly model: string | undefined;
  /** The words of the prompt. */
  readonly words: readonly string[];
  /** The kept conversation that goes on. */
  readonly resumed: Session | undefined;
  /** Who answers, where that is not the host in force alone. */
  readonly answering: Answering | undefined;
}

/**
 * Reads who is to be talked to: `--model`, the first word, the preset, the kept conversation, or `default_model`. Where
 * another than the first word says so, all words are the prompt; of a preset or a kept conversation, unless the first is an
 * installed model, which is a mistake beside `--auto`. A provider that is asked first answers with its own model where none
 * is named. Throws `usage`, and `session_not_found`.
 */
export async function readOpening(
  context: Context,
  named: string | undefined,
  rest: readonly string[],
  flags: ChatFlags,
  answering?: Answering,
): Promise<Opening> {
  const words = named === undefined ? rest : [named, ...rest];
  const resumed = await readResumed(context, flags);
  const opened = flags.preset === undefined ? context : await withPreset(context, flags.preset);
  const preset = flags.preset === undefined ? undefined : context.settings.presets[flags.preset]?.model;
  const opening = { context: opened, words, resumed, answering };
  if (flags.model !== undefined) return { ...opening, model: flags.model };
  if (flags.auto === true) {
    if (named !== undefined && (await isInstalled(context, named, answering))) throw namedBesideAuto(named);
    return { ...opening, model: undefined };
  }
  const known = foreignModel(answering) ?? resumed?.model ?? preset;
  if (known !== undefined && known !== '') {
    const isModel = named !== undefined && (await isInstalled(context, named, answering));
    return isModel ? { ...opening, model: named, words: rest } : { ...opening, model: known };
  }
  const fallback = context.settings.default_model ?? otherModel(answering);
  // What can be no model's name is the question, where the configuration says whom to ask.
  if (named !== undefined && (fallback === undefined || parseModelName(named)))
    return { ...opening, model: named, words: rest };
  if (fallback !== undefined) return { ...opening, model: fallback };
  throw new OllamaError('usage', 'No model was named, and the configuration has no default_model.', {
    hint: 'ollama-cli chat MODEL; ollama-cli list shows the installed ones',
  });
}

async function readResumed({ io }: Context, flags: ChatFlags): Promise<Session | undefined> {
  if (flags.continue !== true && flags.resume === undefined) return undefined;
  const { lastSession, readSession } = await import('../sessions/store.js');
  return flags.resume === undefined ? await lastSession(io) : await readSession(io, flags.resume);
}

async function withPreset(context: Context, name: string): Promise<Context> {
  const { applyPreset } = await import('./presets.js');
  return { ...context, settings: applyPreset(context.settings, name) };
}

function namedBesideAuto(name: string): OllamaError {
  return new OllamaError('usage', `--auto chooses the model: ${name} would be part of the prompt.`, {
    hint: `--model ${name} in place of --auto asks that one`,
  });
}

/** The model of a provider that the person named, and that is no server of Ollama's: its models have names of their own. */
function foreignModel(answering: Answering | undefined): string | undefined {
  if (answering?.isNamed !== true || answering.first.type === 'ollama') return undefined;
  return answering.first.model;
}

/** The model of whoever is asked first, where that is not the host in force. */
function otherModel(answering: Answering | undefined): string | undefined {
  return answering === undefined || asksHost(answering) ? undefined : answering.first.model;
}

/** A word that can be no name is not asked for; of a first one that fails, others stand behind. */
async function isInstalled(
  { io, client }: Context,
  word: string,
  answering: Answering | undefined,
): Promise<boolean> {
  const isOther = answering !== undefined && !asksHost(answering);
  if (!isOther && !parseModelName(word)) return false;
  try {
    const { signal } = io;
    const names = isOther ? await answering.models(signal) : await client.fetchModels({ signal });
    return names.some((name) => name === word || sameModel(name, word));
  } catch (error) {
    if (isOllamaError(error) && answering?.passes(error) === true) return false;
    throw error;
  }
}

/** What the command line itself says of a conversation: it counts above all else. */
interface Spoken {
  readonly system?: string;
  readonly options: ModelOptions;
  readonly think?: Think;
}

function spokenSettings({ config }: Context): Spoken {
  const spoken = [...config.values].filter(([key]) => config.origins.get(key)?.kind === 'flag');
  const options = spoken.flatMap(([key, value]) =>
    key.startsWith('options.') && value !== null ? [[key.slice('options.'.length), value] as const] : [],
  );
  const find = (name: string): string | undefined => {
    const value = spoken.find(([key]) => key === name)?.[1];
    return typeof value === 'string' ? value : undefined;
  };
  const system = find('system');
  const think = readThink(find('think'));
  return {
    options: Object.fromEntries(options),
    ...(system === undefined ? {} : { system }),
    ...(think === undefined ? {} : { think }),
  };
}

/** The setting `think` as a request has it. */
function readThink(setting: Settings['think']): Think | undefined {
  switch (setting) {
    case 'on':
      return true;
    case 'off':
      return false;
    case 'low':
    case 'medium':
    case 'high':
    case 'max':
      return setting;
    default:
      return undefined;
  }
}

/** The conversation that a chat begins with: the configuration, the preset over it, the kept one, and then the flags. */
export function beginConversation(
  { context, resumed }: Pick<Opening, 'context' | 'resumed'>,
  model: string,
  format: unknown,
): Conversation {
  const { settings } = context;
  const spoken = spokenSettings(context);
  const kept = resumed?.conversation;
  return startConversation(model, {
    // A kept conversation without a system prompt had none.
    system: spoken.system ?? (kept ? kept.system : settings.system),
    messages: kept?.messages ?? [],
    options: { ...settings.options, ...kept?.options, ...spoken.options },
    think: spoken.think ?? kept?.think ?? readThink(settings.think),
    keepAlive: settings.keep_alive,
    format,
  });
}
