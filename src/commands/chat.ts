import path from 'node:path';
import { checkAllowed, checkProjectHost } from '../consent.js';
import { stateDir } from '../config/paths.js';
import { settingAt } from '../config/schema.js';
import type { Context } from '../context.js';
import { chatRequest, startConversation, withMessage, type Conversation, type Think } from '../core/chat.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName, parseModelName } from '../core/model-name.js';
import { failureJson, toFailure, toOllamaError } from '../failure.js';
import { PARAMETER_NAMES } from '../chat/parameters.js';
import { findNearest } from '../format/nearest.js';
import { openEventWriter, readFields } from '../output/fields.js';
import { SCHEMA_VERSION } from '../output/json.js';
import { collect, type Outcome, type Register } from '../command.js';

interface ChatFlags {
  readonly system?: string;
  readonly option?: readonly string[];
  readonly think?: string | boolean;
  readonly format?: string;
  readonly keepAlive?: string;
  /** False with `--no-history`. */
  readonly history?: boolean;
  /** False with `--no-stdin`. */
  readonly stdin?: boolean;
  readonly yes?: boolean;
}

/** Declares `chat`, also under the name that Ollama users type. */
export const register: Register = (program, action) => {
  program
    .command('chat')
    .alias('run')
    .helpGroup('Talk:')
    .summary('talk with a model')
    .description(
      'Talks with a model. With a prompt, or a pipe on stdin, one answer and out: the answer on stdout, thinking on stderr. Prompt and stdin together: prompt, blank line, stdin.',
    )
    .argument('[model]', 'a model; default_model of the configuration where none is named')
    .argument('[prompt...]', 'the question')
    .option('--system <text>', 'the system prompt')
    .option('--option <name=value>', 'an option of the model such as temperature=0.2; repeats', collect)
    .option('--think [level]', 'think: --think, or --think=low, medium, high, max')
    .option('--no-think', 'do not think')
    .option('--format <json|schema>', '"json", or a JSON schema: the answer follows it')
    .option('--keep-alive <duration>', 'how long the model stays loaded: 5m, 0, -1 for ever')
    .option('--no-history', 'keep nothing of what is typed')
    .option('--no-stdin', 'leave stdin unread')
    .option('-y, --yes', 'do not ask')
    .action(
      action(chat, {
        settings: (_model, _prompt, flags: ChatFlags) => settingsOf(flags),
        refused: (model) => ({ start: { model: model ?? '' } }),
      }),
    );
};

/** What the events of an answer are told with, for `--fields`. */
const EVENT_FIELDS = [
  ...['host', 'model', 'session', 'text', 'name', 'arguments'],
  ...['message', 'done_reason', 'metrics', 'context'],
];

/** The flags that are settings: the strongest source of each. */
function settingsOf(flags: ChatFlags): Record<string, unknown> {
  const options = (flags.option ?? []).map((text) => {
    const equals = text.indexOf('=');
    const name = text.slice(0, equals).trim();
    if (equals > 0 && settingAt(['options', name]) !== undefined)
      return [`options.${name}`, text.slice(equals + 1)] as const;
    if (equals > 0) throw unknownOption(name);
    throw new OllamaError('usage', `--option takes NAME=VALUE, not "${text}".`, {
      hint: 'For example --option temperature=0.2',
    });
  });
  return {
    system: flags.system,
    keep_alive: flags.keepAlive,
    ...(flags.history === false ? { history: false } : {}),
    ...Object.fromEntries(mergeStops(options)),
  };
}

function unknownOption(name: string): OllamaError {
  const near = findNearest(name, PARAMETER_NAMES, 1);
  return new OllamaError('usage', `--option: a model has no option "${name}".`, {
    hint: near.length > 0 ? `Did you mean ${near.join()}?` : `The options are ${PARAMETER_NAMES.join(', ')}.`,
  });
}

/** `stop` repeats; of any other option the last one counts. */
function mergeStops(options: readonly (readonly [string, string])[]): (readonly [string, unknown])[] {
  const stops = options.filter(([key]) => key === 'options.stop').map(([, value]) => value);
  const rest = options.filter(([key]) => key !== 'options.stop');
  return stops.length === 0 ? [...rest] : [...rest, ['options.stop', stops]];
}

async function chat(
  context: Context,
  named: string | undefined,
  words: readonly string[],
  flags: ChatFlags,
): Promise<Outcome> {
  const { io, mode, settings } = context;
  // What can be no model's name is the question, where the configuration says whom to ask.
  const isQuestion = named !== undefined && settings.default_model !== undefined && !parseModelName(named);
  const prompt = await readPrompt(context, isQuestion ? [named, ...words] : words, flags);
  const model = isQuestion ? settings.default_model : (named ?? settings.default_model);
  if (model === undefined) {
    throw new OllamaError('usage', 'No model was named, and the configuration has no default_model.', {
      hint: 'ollama-cli chat MODEL; ollama-cli list shows the installed ones',
    });
  }
  const json = mode === 'json';
  if (prompt === undefined && json)
    throw new OllamaError('usage', 'chat --json needs a prompt, as an argument or on stdin.');
  if (prompt === undefined && !(io.stdin.isTTY === true && io.stdout.isTTY === true)) {
    throw new OllamaError('usage', 'There is no prompt, and no terminal to talk in.', {
      hint: 'ollama-cli chat MODEL "PROMPT", or a prompt on stdin',
    });
  }
  const conversation = converse(context, model, flags);
  const write = openEventWriter(io, readFields(context.flags), EVENT_FIELDS);
  if (json)
    await write({ type: 'start', schema_version: SCHEMA_VERSION, host: context.client.host.url, model });
  try {
    checkModelName(model);
    checkAllowed(context, model);
    await checkProjectHost(context, flags.yes === true);
    if (prompt === undefined) return await talk(context, conversation);
    const { answerOnce } = await import('../chat/answer.js');
    await answerOnce(context, chatRequest(withMessage(conversation, { role: 'user', content: prompt })), {
      write,
      onMissing: async () => await pullWhereWanted(context, model, flags.yes === true),
    });
    return 0;
  } catch (thrown) {
    const error = toOllamaError(thrown);
    if (json) await write({ type: 'error', error: failureJson(toFailure(error)) });
    throw error;
  }
}

function converse({ settings }: Context, model: string, flags: ChatFlags): Conversation {
  return startConversation(model, {
    system: settings.system,
    options: settings.options,
    keepAlive: settings.keep_alive,
    think: parseThink(flags.think),
    format: parseFormat(flags.format),
  });
}

async function readPrompt(
  context: Context,
  words: readonly string[],
  flags: ChatFlags,
): Promise<string | undefined> {
  const typed = words.join(' ');
  const { readPipedPrompt } = await import('../output/stdin.js');
  const piped = flags.stdin === false ? '' : await readPipedPrompt(context.io);
  const parts = [typed, piped].filter((part) => part.trim() !== '');
  return parts.length === 0 ? undefined : parts.join('\n\n');
}

function parseThink(flag: string | boolean | undefined): Think | undefined {
  switch (flag) {
    case undefined:
      return undefined;
    case true:
    case 'true':
      return true;
    case false:
    case 'false':
      return false;
    case 'low':
    case 'medium':
    case 'high':
    case 'max':
      return flag;
    default:
      throw new OllamaError('usage', `--think takes =low, =medium, =high or =max, not "${flag}".`);
  }
}

function parseFormat(flag: string | undefined): unknown {
  if (flag === undefined || flag === 'json') return flag;
  try {
    return JSON.parse(flag) as unknown;
  } catch (cause) {
    throw new OllamaError('usage', '--format takes "json" or a JSON schema.', { cause });
  }
}

/** The conversation in a terminal, until the person leaves. */
async function talk(context: Context, conversation: Conversation): Promise<Outcome> {
  const { io, client, settings } = context;
  const { model } = conversation;
  await requireModel(context, model);
  const { openLook } = await import('../output/look.js');
  // Without redraws for a screen reader, and where the cursor can't be moved.
  const runView =
    context.mode === 'tty'
      ? (await import('../views/chat.js')).runChat
      : (await import('../views/chat-plain.js')).runPlainChat;
  const look = await openLook(io, io.stdout, settings);
  const { keepsHistory } = await import('../models/usage.js');
  const { noteUse } = await import('../chat/answer.js');
  let noted = Promise.resolve();
  await runView({
    io,
    client,
    conversation,
    host: client.host.display,
    contextLength: windowOf(context),
    unicode: look.unicode,
    colorLevel: look.level,
    ...(keepsHistory(io, settings)
      ? { historyFile: path.join(stateDir(io.env, io.platform), 'history') }
      : {}),
    permit: (name) => {
      checkModelName(name);
      checkAllowed(context, name);
    },
    onAnswer: (name, answer) => {
      noted = noted.then(async () => await noteUse(context, name, answer));
    },
    explain: (error) => {
      const { message, hint } = toFailure(error);
      return { message, hint };
    },
  });
  await noted;
  return 0;
}

/** A missing model, or a server that is down, is told before the person types. */
async function requireModel(context: Context, model: string): Promise<void> {
  const { io, client } = context;
  try {
    await client.show(model, { signal: io.signal });
  } catch (error) {
    const missing = error instanceof OllamaError && error.code === 'model_not_found';
    if (!missing || !(await pullWhereWanted(context, model))) throw error;
  }
}

async function pullWhereWanted(context: Context, model: string, yes = false): Promise<boolean> {
  const { pullMissing } = await import('../chat/pull-missing.js');
  return await pullMissing(context, model, yes);
}

/** The window that is asked for; without one the server decides by its memory, and nothing is claimed. */
function windowOf({ settings }: Context): number | undefined {
  const asked = settings.options['num_ctx'];
  return typeof asked === 'number' ? asked : undefined;
}
