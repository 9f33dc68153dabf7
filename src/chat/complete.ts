import { cleanLine } from '../format/clean.js';
import { findCommands } from './commands.js';
import { findPaths } from './complete-path.js';
import type { PathRoots } from './complete-path.js';
import { SHOW_PARTS, THINK_WORDS } from './intent.js';
import { PARAMETER_NAMES } from './parameters.js';
import { COMMAND_NAMES } from './slash-commands.js';
import type { Completion } from './stage.js';

/** What a text may be completed with. */
export interface CompletionSources extends PathRoots {
  /** The installed models. */
  models(): Promise<readonly string[]>;
}

/** What may follow a command and its words. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  think: THINK_WORDS,
  show: SHOW_PARTS,
  set: ['parameter', 'system', 'format', 'noformat', 'think', 'nothink', 'quiet', 'verbose'],
  'set parameter': PARAMETER_NAMES,
  'set think': THINK_WORDS,
  'set format': ['json'],
};

const PATH_COMMANDS = ['file', 'image', 'export'];
/** What goes on with words of the person's own. */
const OPEN_ENDED = ['model', 'help', 'system', 'save', 'load', 'set system', ...PATH_COMMANDS];

const NOTHING: Completion = { from: 0, to: 0, options: [] };

function startsWith(option: string, typed: string): boolean {
  return option.toLowerCase().startsWith(typed.toLowerCase());
}

/** Those that begin with what was typed, else those that have it in them. Clean ones only. */
function choose(options: readonly string[], typed: string): string[] {
  const clean = options.filter((option) => option !== '' && cleanLine(option) === option);
  const begun = clean.filter((option) => startsWith(option, typed));
  if (begun.length > 0) return begun;
  return clean.filter((option) => option.toLowerCase().includes(typed.toLowerCase()));
}

/** The only option gets a space behind it where something follows, unless one is there. */
function finish(options: readonly string[], after: string, goesOn: (option: string) => boolean): string[] {
  const [only, ...others] = options;
  if (only === undefined || others.length > 0 || !goesOn(only) || /^\s/.test(after)) return [...options];
  return [`${only} `];
}

function completeCommand(before: string, after: string): Completion {
  const from = before.indexOf('/');
  const typed = before.slice(from + 1);
  const found = COMMAND_NAMES.filter((command) => startsWith(command, typed));
  const goesOn = (command: string): boolean => OPEN_ENDED.includes(command) || Object.hasOwn(WORDS, command);
  const options = finish(found, after, goesOn).map((command) => `/${command}`);
  return { from, to: before.length, options };
}

async function completeArgument(
  before: string,
  after: string,
  command: string,
  start: number,
  sources: CompletionSources,
): Promise<Completion | undefined> {
  if (PATH_COMMANDS.includes(command)) return await completeWholePath(before, start, sources);
  const from = start + (/\S*$/.exec(before.slice(start))?.index ?? 0);
  const key = [command, ...before.slice(start, from).split(/\s+/)].filter((word) => word !== '').join(' ');
  const words =
    key === 'model'
      ? await sources.models()
      : key === 'help'
        ? COMMAND_NAMES
        : Object.hasOwn(WORDS, key)
          ? (WORDS[key] ?? [])
          : undefined;
  if (words === undefined) return undefined;
  const goesOn = (word: string): boolean => {
    const longer = `${key} ${word}`;
    return key === 'set parameter' || OPEN_ENDED.includes(longer) || Object.hasOwn(WORDS, longer);
  };
  return {
    from,
    to: before.length,
    options: finish(choose(words, before.slice(from)), after, goesOn),
  };
}

/** A path that takes the rest of the line: spaces need no quotes, but may have them. */
async function completeWholePath(before: string, from: number, roots: PathRoots): Promise<Completion> {
  const [, quote = '', typed = ''] = /^(["']?)(.*)$/s.exec(before.slice(from)) ?? [];
  const path = quote === '' ? typed.replaceAll('\\ ', ' ') : typed;
  const options = await findPaths(path, roots, (name) => quote === '' || !name.includes(quote));
  return {
    from,
    to: before.length,
    options: options.map((option) => quote + option + (option.endsWith('/') ? '' : quote)),
  };
}

// As a mention is read (mentions.ts), up to the cursor.
const MENTION = /(?<![\p{L}\p{N}_.+/@-])@(?:(["'])([^"'\n]*)|((?:\\ |[^\s\\"'`<>|]|\\(?! ))*))$/u;
const NEEDS_QUOTES = /[\s"'`<>|\\]/;

/** The path with what a mention needs around it; undefined for one that can't be mentioned. */
function quoteMention(option: string, quote: string): string | undefined {
  if (quote === '' && !NEEDS_QUOTES.test(option)) return `@${option}`;
  const around = quote === '' ? (option.includes('"') ? "'" : '"') : quote;
  if (option.includes(around)) return undefined;
  // A folder stays open, for what is in it.
  return `@${around}${option}${option.endsWith('/') ? '' : around}`;
}

async function completeMention(
  before: string,
  after: string,
  roots: PathRoots,
): Promise<Completion | undefined> {
  const match = MENTION.exec(before);
  if (match === null) return undefined;
  const [, quote = '', quoted, bare = ''] = match;
  const options = await findPaths(quoted ?? bare.replaceAll('\\ ', ' '), roots);
  const mentions = options.flatMap((option) => quoteMention(option, quote) ?? []);
  // The closing quote may be there already.
  const to = before.length + (quote !== '' && after.startsWith(quote) ? 1 : 0);
  const rest = after.slice(to - before.length);
  return { from: match.index, to, options: finish(mentions, rest, (option) => !option.endsWith('/')) };
}

/**
 * What the text at the cursor may be completed to: a slash command and its words at the text's start, a model for `/model`,
 * the path of a file for `/file` and its like, and anywhere behind an `@`. A folder that can't be read has nothing.
 */
export async function completeInput(
  text: string,
  cursor: number,
  sources: CompletionSources,
): Promise<Completion> {
  const before = text.slice(0, cursor);
  const after = text.slice(cursor);
  if (/^\s*\/[\p{L}\p{N}?-]*$/u.test(before)) return completeCommand(before, after);
  const [lead, word] = /^\s*\/([\p{L}\p{N}-]+)[^\S\n]+/u.exec(before) ?? [];
  const [command, ...others] = word === undefined ? [] : findCommands(word);
  const argument =
    lead === undefined || command === undefined || others.length > 0
      ? undefined
      : await completeArgument(before, after, command.name, lead.length, sources);
  return argument ?? (await completeMention(before, after, sources)) ?? NOTHING;
}
