import { findNearest } from '../format/nearest.js';
import { SHOW_PARTS, type Intent, type ShowPart } from './intent.js';
import { readSet, readSystemText, readThink } from './read-set.js';
import { readBare, readCount, reject, unquotePath } from './read-words.js';

/** A slash command: how it is called and what is told of it. What it asks for is done elsewhere. */
export interface SlashCommand {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Usage and what it does, a line each form. */
  readonly help: readonly (readonly [usage: string, summary: string])[];
  readonly read: (rest: string) => Intent;
}

function readUndo(rest: string): Intent {
  const turns = rest === '' ? 1 : readCount(rest);
  return turns === undefined ? reject('/undo takes a number of turns.') : { type: 'undo', turns };
}

function isShowPart(word: string): word is ShowPart {
  return (SHOW_PARTS as readonly string[]).includes(word);
}

function readShow(rest: string): Intent {
  if (rest === '') return { type: 'show', part: undefined };
  if (isShowPart(rest)) return { type: 'show', part: rest };
  const [near] = findNearest(rest, SHOW_PARTS, 1);
  const guess = near === undefined ? `It knows ${SHOW_PARTS.join(', ')}.` : `Did you mean '/show ${near}'?`;
  return reject(`/show does not know '${rest}'. ${guess}`);
}

function readModel(rest: string): Intent {
  if (rest === '') return { type: 'list-models' };
  if (/\s/.test(rest)) return reject('/model takes one name.');
  return { type: 'switch-model', name: rest };
}

function readAttach(kind: 'file' | 'image'): (rest: string) => Intent {
  return (rest) => {
    if (rest === '') return { type: 'list-attached' };
    if (rest === 'none') return { type: 'detach' };
    return { type: 'attach', kind, path: unquotePath(rest) };
  };
}

function readCopy(rest: string): Intent {
  const block = rest === '' ? undefined : readCount(rest);
  if (rest !== '' && block === undefined)
    return reject('/copy takes the number of a block of code: /copy 1.');
  return { type: 'copy', block };
}

/** The slash commands, in the order in which `/help` lists them. */
export const SLASH_COMMANDS: readonly SlashCommand[] = [
  {
    name: 'retry',
    aliases: [],
    help: [['/retry', 'asks the last question again']],
    read: readBare('retry', { type: 'retry' }),
  },
  {
    name: 'continue',
    aliases: [],
    help: [['/continue', 'goes on with an answer that was stopped, or broke off']],
    read: readBare('continue', { type: 'continue' }),
  },
  {
    name: 'edit',
    aliases: [],
    help: [['/edit', 'opens the last question in your editor, and asks it anew']],
    read: readBare('edit', { type: 'edit' }),
  },
  {
    name: 'undo',
    aliases: [],
    help: [['/undo, /undo 2', 'takes back the last turn, or several']],
    read: readUndo,
  },
  {
    name: 'file',
    aliases: [],
    help: [['/file PATH', 'sends a text file with the next message; @PATH in a message does too']],
    read: readAttach('file'),
  },
  {
    name: 'image',
    aliases: [],
    help: [['/image PATH', 'sends an image with the next message; /image none takes all back']],
    read: readAttach('image'),
  },
  {
    name: 'copy',
    aliases: [],
    help: [['/copy, /copy 1', 'copies the last answer, or one of its blocks of code']],
    read: readCopy,
  },
  {
    name: 'model',
    aliases: [],
    help: [
      ['/model', 'lists the installed models'],
      ['/model NAME', 'goes on with another model; the conversation stays'],
    ],
    read: readModel,
  },
  // Ollama's own name for it.
  {
    name: 'list',
    aliases: [],
    help: [],
    read: readBare('list', { type: 'list-models' }),
  },
  {
    name: 'think',
    aliases: [],
    help: [['/think LEVEL', 'how much the model thinks first: on, off, low, medium, high, max']],
    read: readThink,
  },
  {
    name: 'system',
    aliases: [],
    help: [
      ['/system', 'shows the system prompt'],
      ['/system TEXT', 'sets it; "" is none'],
    ],
    read: (rest) => (rest === '' ? { type: 'show-system' } : readSystemText(rest)),
  },
  {
    name: 'set',
    aliases: [],
    help: [
      ['/set parameter NAME VALUE', 'sets a parameter, such as temperature or num_ctx; default undoes it'],
      ['/set format json', 'answers in JSON; /set noformat in text again'],
      ['/set quiet', 'no numbers under an answer; /set verbose shows them'],
      ['/set system, think, nothink', "as in Ollama's own chat"],
    ],
    read: readSet,
  },
  {
    name: 'show',
    aliases: [],
    help: [
      ['/show', 'what holds for this conversation'],
      ['/show PART', `what is known of the model: ${SHOW_PARTS.join(', ')}`],
    ],
    read: readShow,
  },
  {
    name: 'stats',
    aliases: [],
    help: [['/stats', 'tokens, time and context of this conversation']],
    read: readBare('stats', { type: 'stats' }),
  },
  {
    name: 'compact',
    aliases: [],
    help: [['/compact', 'has the model sum up what was said, to make room in its context']],
    read: readBare('compact', { type: 'compact' }),
  },
  {
    name: 'clear',
    aliases: [],
    help: [['/clear', 'forgets the conversation, but not the system prompt']],
    read: readBare('clear', { type: 'clear' }),
  },
  {
    name: 'save',
    aliases: [],
    help: [['/save NAME', 'gives the kept conversation a name']],
    read: (rest) => ({ type: 'save', title: rest === '' ? undefined : rest }),
  },
  {
    name: 'load',
    aliases: [],
    help: [['/load ID, /load NAME', 'goes on with another kept conversation']],
    read: (rest) =>
      rest === ''
        ? reject('Say which: /load ID or NAME; /sessions lists them.')
        : { type: 'load', name: rest },
  },
  {
    name: 'sessions',
    aliases: [],
    help: [['/sessions', 'the conversations kept last']],
    read: readBare('sessions', { type: 'list-sessions' }),
  },
  {
    name: 'export',
    aliases: [],
    help: [['/export FILE', 'writes the conversation to a file: .md or .json']],
    read: (rest) =>
      rest === ''
        ? reject('Say where to: /export FILE.md or FILE.json.')
        : { type: 'export', file: unquotePath(rest) },
  },
  {
    name: 'help',
    aliases: ['?'],
    help: [['/help, /?', 'shows this; /help NAME one command']],
    read: (rest) => ({ type: 'help', about: rest === '' ? undefined : rest.replace(/^\//, '') }),
  },
  {
    name: 'bye',
    aliases: ['exit', 'quit'],
    help: [['/bye, /exit, /quit', 'leaves, as Ctrl-D does']],
    read: readBare('bye', { type: 'leave' }),
  },
];

/** How all commands may be called, without the slash: in the order of `/help`, and what is not in it last. */
export const COMMAND_NAMES: readonly string[] = [
  ...SLASH_COMMANDS.filter(({ help }) => help.length > 0).map(({ name }) => name),
  ...SLASH_COMMANDS.flatMap(({ name, aliases, help }) => (help.length > 0 ? aliases : [name, ...aliases])),
];
