import { findNearest } from '../format/nearest.js';
import type { Intent } from './intent.js';
import { cutWord, reject, unquoteBlock } from './read-words.js';
import { COMMAND_NAMES, SLASH_COMMANDS, type SlashCommand } from './slash-commands.js';

const KEY_HELP: readonly (readonly [string, string])[] = [
  ['Enter', 'sends; a pasted text waits for it'],
  ['Alt-Enter, Ctrl-J', 'a new line; so do Shift-Enter, a \\ at the end, and """ around a text'],
  ['Up, Down', 'through the text, and at its edge through what was sent before'],
  ['Ctrl-R', 'searches what was sent before'],
  ['Tab', 'completes commands, models and @files'],
  ['Ctrl-Y', 'puts back what Ctrl-U, Ctrl-K or Ctrl-W took'],
  ['Ctrl-_, Alt-Z', 'takes back the last change; Alt-Y brings it again'],
  ['Ctrl-G', 'opens the text in your editor'],
  ['Ctrl-O', 'shows what the model thought'],
  ['Ctrl-C', 'stops the answer and keeps what came'],
  ['Ctrl-Z', 'suspends; fg comes back'],
  ['//text', 'sends a text that begins with /'],
];

/**
 * What `/help` shows: pairs of what to type and what it does, the commands first, then the keys. About one command, its own
 * pairs alone; undefined where there is no such command.
 */
export function listHelp(about?: string): (readonly [string, string])[][] | undefined {
  if (about === undefined) return [SLASH_COMMANDS.flatMap((command) => command.help), [...KEY_HELP]];
  if (about === 'shortcuts' || about === 'keys') return [[...KEY_HELP]];
  const [command, ...others] = findCommands(about);
  if (command === undefined || others.length > 0) return undefined;
  return [command.help.length > 0 ? [...command.help] : [[`/${command.name}`, 'as /model does']]];
}

/** The command of a name or of an alias; else all that begin so, of which there may be one, several or none. */
export function findCommands(word: string): readonly SlashCommand[] {
  const exact = SLASH_COMMANDS.filter(({ name, aliases }) => name === word || aliases.includes(word));
  if (exact.length > 0) return exact;
  return SLASH_COMMANDS.filter(({ name, aliases }) => [name, ...aliases].some((one) => one.startsWith(word)));
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
  const [command, ...others] = findCommands(name);
  if (command !== undefined && others.length > 0) {
    return reject(`'${word}' may be ${[command, ...others].map((one) => `/${one.name}`).join(', ')}.`);
  }
  if (command !== undefined) return command.read(rest);
  const [near] = findNearest(name, COMMAND_NAMES, 1);
  const guess = near === undefined ? '' : ` Did you mean '/${near}'?`;
  return reject(`Unknown command '${word}'.${guess} /help lists them.`);
}
