import { settingAt } from '../config/schema.js';
import { findNearest } from '../format/nearest.js';
import { THINK_WORDS, type Intent } from './intent.js';
import { parseParameter, splitWords } from './parameters.js';
import { cutWord, readBare, reject, unquoteBlock } from './read-words.js';

/** Reads what `/think` and `/set think` take. */
export function readThink(rest: string): Intent {
  switch (rest) {
    case '':
      return { type: 'show-think' };
    case 'on':
    case 'true':
      return { type: 'set-think', think: true };
    case 'off':
    case 'false':
      return { type: 'set-think', think: false };
    case 'low':
    case 'medium':
    case 'high':
    case 'max':
      return { type: 'set-think', think: rest };
    default:
      return reject(`Thinking is ${THINK_WORDS.slice(0, -1).join(', ')} or max, not '${rest}'.`);
  }
}

/** Reads the text of a system prompt, which is not empty; `""` is none. */
export function readSystemText(rest: string): Intent {
  const text = unquoteBlock(rest);
  return { type: 'set-system', text: rest === '""' || text.trim() === '' ? undefined : text };
}

/** `16k` of a number of tokens: a k is 1024, as everywhere where tokens are counted. */
function readThousands(name: string, word: string): string {
  const match = /^(\d{1,6})k$/i.exec(word);
  return match !== null && (name === 'num_ctx' || name === 'num_predict')
    ? String(Number(match[1]) * 1024)
    : word;
}

function readParameter(rest: string): Intent {
  const [name, ...words] = splitWords(rest);
  if (name === undefined) return reject('Say which: /set parameter NAME VALUE.');
  const parsed = parseParameter(
    name,
    words.map((word) => readThousands(name, word)),
  );
  const isDefault = words.length === 1 && words[0] === 'default';
  // Asked with a value that fits nothing: what is wrong then may be the value, but not the name.
  if (isDefault && (parsed.ok || !parsed.message.startsWith('Unknown'))) {
    return { type: 'set-parameter', name, value: undefined };
  }
  if (!parsed.ok) return reject(parsed.message);
  const { value } = parsed;
  const type = settingAt(['options', name])?.type;
  if (type !== undefined && type.fromValue(value) === undefined) {
    return reject(`${name} takes ${type.expects}, not '${words.join(' ')}'.`);
  }
  return { type: 'set-parameter', name: parsed.name, value };
}

function readFormat(rest: string): Intent {
  if (rest === 'json') return { type: 'set-format', format: 'json' };
  return reject('The format is json: /set format json, and /set noformat goes back to text.');
}

const ON_START =
  'What is typed is kept or not from the start: --no-history, or `history: false` in the configuration.';

const PARTS: Readonly<Record<string, (rest: string) => Intent>> = {
  system: (rest) =>
    rest === ''
      ? reject('Say what the system prompt is: /set system TEXT (or "" for none).')
      : readSystemText(rest),
  parameter: readParameter,
  think: (rest) => (rest === '' ? { type: 'set-think', think: true } : readThink(rest)),
  nothink: readBare('set nothink', { type: 'set-think', think: false }),
  format: readFormat,
  noformat: readBare('set noformat', { type: 'set-format', format: undefined }),
  verbose: readBare('set verbose', { type: 'set-numbers', areShown: true }),
  quiet: readBare('set quiet', { type: 'set-numbers', areShown: false }),
  wordwrap: readBare('set wordwrap', { type: 'tell', text: 'Lines are wrapped to the terminal already.' }),
  nowordwrap: readBare('set nowordwrap', {
    type: 'tell',
    text: 'Lines are always wrapped to the terminal here.',
  }),
  history: readBare('set history', { type: 'tell', text: ON_START }),
  nohistory: readBare('set nohistory', { type: 'tell', text: ON_START }),
};

/** Reads what `/set` takes; its words are those of Ollama's own chat. */
export function readSet(rest: string): Intent {
  const [what, after] = cutWord(rest);
  if (what === '') return { type: 'help', about: 'set' };
  const read = Object.hasOwn(PARTS, what) ? PARTS[what] : undefined;
  if (read !== undefined) return read(after);
  const [near] = findNearest(what, Object.keys(PARTS), 1);
  const guess =
    near === undefined ? ` It knows ${Object.keys(PARTS).join(', ')}.` : ` Did you mean '/set ${near}'?`;
  return reject(`/set does not know '${what}'.${guess}`);
}
