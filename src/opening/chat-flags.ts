import { wrongValue } from '../config/check.js';
import { settingAt } from '../config/schema.js';
import { OllamaError } from '../core/errors.js';
import { findNearest } from '../format/nearest.js';
import { PARAMETER_NAMES } from '../chat/parameters.js';

/** The flags of `chat` as they are parsed. */
export interface ChatFlags {
  readonly model?: string;
  readonly preset?: string;
  readonly auto?: boolean;
  readonly provider?: string;
  /** False with `--no-fallback`. */
  readonly fallback?: boolean;
  readonly system?: string;
  readonly option?: readonly string[];
  readonly temperature?: string;
  readonly topK?: string;
  readonly topP?: string;
  readonly minP?: string;
  readonly numCtx?: string;
  readonly numPredict?: string;
  readonly maxTokens?: string;
  readonly seed?: string;
  readonly stop?: readonly string[];
  readonly repeatPenalty?: string;
  readonly keepAlive?: string;
  readonly think?: string | boolean;
  readonly hideThinking?: boolean;
  readonly file?: readonly string[];
  readonly image?: readonly string[];
  /** False with `--no-stdin`. */
  readonly stdin?: boolean;
  readonly format?: string;
  readonly output?: string;
  readonly extract?: string;
  /** False with `--no-markdown`. */
  readonly markdown?: boolean;
  readonly raw?: boolean;
  readonly suffix?: string;
  readonly truncate?: boolean;
  readonly batch?: string;
  readonly jobs?: string;
  readonly mcp?: readonly string[];
  readonly allowTool?: readonly string[];
  readonly continue?: boolean;
  readonly resume?: string;
  readonly ephemeral?: boolean;
  /** False with `--no-history`. */
  readonly history?: boolean;
  readonly start?: boolean;
  /** False with `--no-warm-up`. */
  readonly warmUp?: boolean;
  readonly yes?: boolean;
}

/** How a flag is declared. */
export type FlagRow = readonly [flags: string, description: string, repeats?: 'repeats'];

/** The flags of `chat` in the groups of its help. */
export const CHAT_FLAGS: readonly (readonly [heading: string, rows: readonly FlagRow[]])[] = [
  [
    'Model:',
    [
      ['-m, --model <name>', 'the model; all words are the prompt then'],
      ['--preset <name>', 'begin with a preset of the configuration'],
      ['--auto', 'choose an installed model by what the prompt needs, and say why'],
      ['--provider <name>', 'ask this provider of the configuration first'],
      ['--no-fallback', 'ask nobody else where the first one fails'],
      ['--system <text>', 'the system prompt'],
      ['--option <name=value>', 'an option of the model such as top_k=20; repeats', 'repeats'],
      ['--temperature <n>', 'how freely it chooses its words'],
      ['--top-k <n>', 'choose among the n likeliest tokens'],
      ['--top-p <p>', 'choose among the likeliest tokens up to this share'],
      ['--min-p <p>', 'leave out tokens less likely than this, against the likeliest'],
      ['--repeat-penalty <n>', 'how much it avoids what it has said'],
      ['--num-ctx <n>', 'the context window, in tokens'],
      ['--num-predict <n>', 'the most tokens of an answer'],
      ['--max-tokens <n>', 'the same as --num-predict'],
      ['--seed <n>', 'the same answer each time'],
      ['--stop <text>', 'end the answer before this text; repeats', 'repeats'],
      ['--keep-alive <duration>', 'how long the model stays loaded: 5m, 0, -1 for ever'],
      ['--think [level]', 'think: --think, or --think=low, medium, high, max'],
      ['--no-think', 'do not think'],
      ['--hide-thinking', 'think, and do not show it'],
      ['--truncate', 'let the server cut what does not fit the window, instead of exit 9'],
      ['--raw', 'send the prompt as it is, without the template of the model'],
      ['--suffix <text>', 'what comes after: the model fills in between'],
    ],
  ],
  [
    'Input:',
    [
      ['-f, --file <file>', 'put a text file below the prompt; repeats', 'repeats'],
      ['--image <file>', 'show an image; repeats', 'repeats'],
      ['--no-stdin', 'leave stdin unread'],
      ['--batch <file>', 'answer each line of it: a text as it stands, or JSON such as {"prompt": …}'],
      ['-j, --jobs <n>', 'with --batch, so many at once'],
    ],
  ],
  [
    'Answer:',
    [
      ['--format <json|schema>', '"json", a JSON schema, or its file: the answer follows it, and is checked'],
      ['-o, --output <file>', 'write the answer into a file, once it is whole; with --batch, go on there'],
      ['--extract [n]', 'only the first code block, or --extract=n'],
      ['--no-markdown', 'do not draw Markdown on a terminal'],
    ],
  ],
  [
    'Tools:',
    [
      ['--mcp <name>', 'offer the functions of an MCP server of the configuration; repeats', 'repeats'],
      ['--allow-tool <glob>', 'functions to call without asking; repeats', 'repeats'],
    ],
  ],
  [
    'Conversation:',
    [
      ['-c, --continue', 'go on with the last conversation'],
      ['--resume <id>', 'go on with this one: its id, or a part of it or of its title'],
      ['--ephemeral', 'keep nothing of this conversation'],
      ['--no-history', 'keep nothing of what is typed, nor the conversation'],
      ['--no-warm-up', 'load the model with the first question only'],
      ['--start', 'start a local server where none answers'],
      ['-y, --yes', 'do not ask'],
    ],
  ],
];

/** The flags of `chat` that are settings: the strongest source of each. Throws `usage` for an option no model has. */
export function settingsOf(flags: ChatFlags): Record<string, unknown> {
  const stops = [...(flags.stop ?? [])];
  if (stops.includes('')) throw new OllamaError('usage', '--stop takes a text that is not empty.');
  const options: Record<string, unknown> = {};
  for (const text of flags.option ?? []) {
    const [name, value] = readOption(text);
    if (name === 'stop') stops.push(value);
    else options[`options.${name}`] = value;
  }
  return {
    system: flags.system,
    keep_alive: flags.keepAlive,
    think: thinkSetting(flags.think),
    ...options,
    ...namedOptions(flags),
    ...(stops.length === 0 ? {} : { 'options.stop': stops }),
    history: flags.history === false ? false : undefined,
    markdown: flags.markdown === false ? false : undefined,
    warm_up: flags.warmUp === false ? false : undefined,
  };
}

/** The options that have a flag of their own. */
const NAMED_OPTIONS = [
  ['temperature', 'temperature'],
  ['topK', 'top_k'],
  ['topP', 'top_p'],
  ['minP', 'min_p'],
  ['repeatPenalty', 'repeat_penalty'],
  ['numCtx', 'num_ctx'],
  ['numPredict', 'num_predict'],
  ['maxTokens', 'num_predict'],
  ['seed', 'seed'],
] as const;

/** Checked here, where the flag is known that a wrong value was given with. */
function namedOptions(flags: ChatFlags): Record<string, string> {
  const options: Record<string, string> = {};
  for (const [key, name] of NAMED_OPTIONS) {
    const value = flags[key];
    if (value === undefined) continue;
    const setting = settingAt(['options', name]);
    if (setting?.type.fromText(value) === undefined && setting !== undefined)
      throw new OllamaError('usage', wrongValue(setting, flagName(key), value));
    options[`options.${name}`] = value;
  }
  return options;
}

function thinkSetting(flag: string | boolean | undefined): string | undefined {
  if (flag === undefined) return undefined;
  if (flag === true || flag === 'true') return 'on';
  return flag === false || flag === 'false' ? 'off' : flag;
}

/** The two parts of `--option NAME=VALUE`. Throws `usage` for a name that no model has. */
function readOption(text: string): readonly [name: string, value: string] {
  const equals = text.indexOf('=');
  const name = text.slice(0, equals).trim();
  if (equals <= 0) {
    throw new OllamaError('usage', `--option takes NAME=VALUE, not "${text}".`, {
      hint: 'For example --option temperature=0.2',
    });
  }
  if (settingAt(['options', name]) === undefined) throw unknownOption(name);
  return [name, text.slice(equals + 1)];
}

function unknownOption(name: string): OllamaError {
  const near = findNearest(name, PARAMETER_NAMES, 1);
  return new OllamaError('usage', `--option: a model has no option "${name}".`, {
    hint: near.length > 0 ? `Did you mean ${near.join()}?` : `The options are ${PARAMETER_NAMES.join(', ')}.`,
  });
}

/** Pairs of flags that contradict one another. */
const CONTRADICTIONS: readonly (readonly [keyof ChatFlags, readonly (keyof ChatFlags)[]])[] = [
  ['auto', ['model']],
  ['numPredict', ['maxTokens']],
  ['continue', ['resume']],
  ['provider', ['auto', 'raw', 'suffix']],
  ['raw', ['continue', 'resume', 'mcp']],
  ['suffix', ['continue', 'resume', 'mcp']],
  [
    'batch',
    ['continue', 'resume', 'mcp', 'raw', 'suffix', 'file', 'image', 'extract', 'auto', 'hideThinking'],
  ],
];
const NEEDS: readonly (readonly [keyof ChatFlags, keyof ChatFlags])[] = [
  ['jobs', 'batch'],
  ['allowTool', 'mcp'],
];

function flagName(key: keyof ChatFlags): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Throws `usage` for flags that contradict one another, or mean nothing alone. */
export function checkFlags(flags: ChatFlags): void {
  for (const [one, others] of CONTRADICTIONS) {
    const other = flags[one] === undefined ? undefined : others.find((key) => flags[key] !== undefined);
    if (other !== undefined)
      throw new OllamaError('usage', `${flagName(one)} and ${flagName(other)} don't go together.`);
  }
  for (const [one, other] of NEEDS) {
    if (flags[one] !== undefined && flags[other] === undefined)
      throw new OllamaError('usage', `${flagName(one)} means something only with ${flagName(other)}.`);
  }
  if (flags.raw === true && flags.system !== undefined)
    throw new OllamaError(
      'usage',
      "--raw and --system don't go together: a raw prompt has no system prompt.",
    );
}

/** A whole number of at least 1 that a flag was given. Throws `usage` that names it. */
export function readCount(text: string, flag: string, most: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= most) return count;
  throw new OllamaError('usage', `${flag} takes a whole number from 1 to ${most}, not "${text}".`);
}
