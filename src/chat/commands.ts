import { findNearest } from '../format/nearest.js';
import { parseParameter, splitWords } from './parameters.js';

/** What a line given to the chat asks for. */
export type Intent =
  | { readonly type: 'message'; readonly text: string }
  | { readonly type: 'help' }
  | { readonly type: 'clear' }
  | { readonly type: 'leave' }
  | { readonly type: 'set-system'; readonly text: string | undefined }
  | {
      readonly type: 'set-parameter';
      readonly name: string;
      readonly value: number | boolean | readonly string[];
    }
  | { readonly type: 'list-models' }
  | { readonly type: 'switch-model'; readonly name: string }
  | { readonly type: 'reject'; readonly message: string };

interface SlashCommand {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Usage and what it does, a line each form. */
  readonly help: readonly (readonly [usage: string, summary: string])[];
  readonly read: (rest: string) => Intent;
}

function reject(message: string): Intent {
  return { type: 'reject', message };
}

/** A command that takes nothing after its name. */
function bare(name: string, intent: Intent): (rest: string) => Intent {
  return (rest) => (rest === '' ? intent : reject(`/${name} takes nothing after it.`));
}

function readSystem(rest: string): Intent {
  if (rest === '') return reject('Say what the system prompt is: /set system TEXT (or "" for none).');
  const text = unquoteBlock(rest);
  return { type: 'set-system', text: rest === '""' || text === '' ? undefined : text };
}

function readParameter(rest: string): Intent {
  const [name, ...words] = splitWords(rest);
  if (name === undefined) return reject('Say which: /set parameter NAME VALUE.');
  const parsed = parseParameter(name, words);
  return parsed.ok
    ? { type: 'set-parameter', name: parsed.name, value: parsed.value }
    : reject(parsed.message);
}

const SETTINGS: Readonly<Record<string, (rest: string) => Intent>> = {
  system: readSystem,
  parameter: readParameter,
};

function readSet(rest: string): Intent {
  const [what, after] = cutWord(rest);
  const read = Object.hasOwn(SETTINGS, what) ? SETTINGS[what] : undefined;
  if (read !== undefined) return read(after);
  const [near] = findNearest(what, Object.keys(SETTINGS), 1);
  if (near !== undefined) return reject(`/set does not know '${what}'. Did you mean '/set ${near}'?`);
  return reject('Say what to set: /set system TEXT, or /set parameter NAME VALUE.');
}

function readModel(rest: string): Intent {
  if (rest === '') return { type: 'list-models' };
  if (/\s/.test(rest)) return reject('/model takes one name.');
  return { type: 'switch-model', name: rest };
}

/** The slash commands, in the order in which `/help` lists them. */
const SLASH_COMMANDS: readonly SlashCommand[] = [
  {
    name: 'model',
    aliases: [],
    help: [
      ['/model', 'lists the installed models'],
      ['/model NAME', 'goes on with another model; the conversation stays'],
    ],
    read: readModel,
  },
  {
    name: 'set',
    aliases: [],
    help: [
      ['/set system TEXT', 'sets the system prompt'],
      ['/set parameter NAME VALUE', 'sets a parameter, such as temperature or num_ctx'],
    ],
    read: readSet,
  },
  {
    name: 'clear',
    aliases: [],
    help: [['/clear', 'forgets the conversation, but not the system prompt']],
    read: bare('clear', { type: 'clear' }),
  },
  {
    name: 'help',
    aliases: ['?'],
    help: [['/help, /?', 'shows this']],
    read: bare('help', { type: 'help' }),
  },
  {
    name: 'bye',
    aliases: ['exit'],
    help: [['/bye, /exit', 'leaves, as Ctrl-D does']],
    read: bare('bye', { type: 'leave' }),
  },
];

const KEY_HELP: readonly (readonly [string, string])[] = [
  ['Enter', 'sends; a pasted text waits for it'],
  ['Alt-Enter, Ctrl-J', 'a new line; so do Shift-Enter, a \\ at the end, and """ around a text'],
  ['Up, Down', 'through the text, and at its edge through what was sent before'],
  ['Ctrl-C', 'stops the answer and keeps what came'],
  ['//text', 'sends a text that begins with /'],
];

/** What `/help` shows: pairs of what to type and what it does, the commands first, then the keys. */
export function listHelp(): (readonly [string, string])[][] {
  return [SLASH_COMMANDS.flatMap((command) => command.help), [...KEY_HELP]];
}

/** The first word of a text and what follows it, both without the white space between and around them. */
function cutWord(text: string): [word: string, rest: string] {
  const trimmed = text.trim();
  const space = trimmed.search(/\s/);
  return space < 0 ? [trimmed, ''] : [trimmed.slice(0, space), trimmed.slice(space).trim()];
}

/** A text in `"""` without these marks and the line ends just inside them; any other text as it is. */
export function unquoteBlock(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length < 6 || !trimmed.startsWith('"""') || !trimmed.endsWith('"""')) return text;
  const inner = trimmed.slice(3, -3);
  return inner.includes('"""') ? text : inner.replace(/^\n/, '').replace(/\n$/, '');
}

/**
 * Tells a slash command from a message. Only `/` and a word of letters, digits and dashes is a command: a path (`/home/x`)
 * or a comment (`/*`) is a message, and `//text` is the message `/text`.
 */
export function readInput(input: string): Intent {
  const text = input.trim();
  if (/^\/\/[\p{L}\p{N}?]/u.test(text)) return { type: 'message', text: text.slice(1) };
  const [word, rest] = cutWord(text);
  if (!/^\/(?:\?|[\p{L}][\p{L}\p{N}-]*)$/u.test(word)) return { type: 'message', text: unquoteBlock(text) };
  const name = word.slice(1);
  const command = SLASH_COMMANDS.find((one) => one.name === name || one.aliases.includes(name));
  if (command !== undefined) return command.read(rest);
  const names = SLASH_COMMANDS.flatMap((one) => [one.name, ...one.aliases]);
  const [near] = findNearest(name, names, 1);
  const guess = near === undefined ? '' : ` Did you mean '/${near}'?`;
  return reject(`Unknown command '${word}'.${guess} /help lists them.`);
}
