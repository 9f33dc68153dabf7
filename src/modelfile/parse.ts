import { findNearest } from '../format/nearest.js';
import { createPlaces, mistake, type Place } from './mistake.js';

/** The instructions of a Modelfile. Source: parser/parser.go of Ollama, isValidCommand. */
export type Word =
  | 'from'
  | 'license'
  | 'template'
  | 'system'
  | 'adapter'
  | 'draft'
  | 'renderer'
  | 'parser'
  | 'parameter'
  | 'message'
  | 'requires';

/** What each of them needs, and whether nothing will do: quoted, or a blank and the line's end, as Ollama writes it. */
const WORDS: Readonly<Record<Word, { readonly needs: string; readonly mayBeEmpty?: true }>> = {
  from: { needs: 'a model, a GGUF file or a folder of safetensors' },
  license: { needs: 'a text', mayBeEmpty: true },
  template: { needs: 'a text', mayBeEmpty: true },
  system: { needs: 'a text', mayBeEmpty: true },
  adapter: { needs: 'a GGUF file or a folder of safetensors' },
  draft: { needs: 'a GGUF file or a folder of safetensors' },
  renderer: { needs: 'a name', mayBeEmpty: true },
  parser: { needs: 'a name', mayBeEmpty: true },
  parameter: { needs: 'a name and a value, such as: PARAMETER temperature 0.7', mayBeEmpty: true },
  message: { needs: 'a role and a text, such as: MESSAGE user Hello', mayBeEmpty: true },
  requires: { needs: 'a version, such as 0.14.0' },
};
/** Where every character counts, also one that is not seen. */
const PROSE: readonly Word[] = ['license', 'template', 'system', 'message'];
const ROLES = ['system', 'user', 'assistant'];

/** One instruction. */
export interface Command {
  readonly word: Word;
  readonly at: Place;
  /** The parameter's name, the message's role; empty for all others. */
  readonly key: string;
  readonly keyAt: Place;
  /** Without its quotes. */
  readonly value: string;
  readonly valueAt: Place;
}

/** A Modelfile as it was written, and the name under which its mistakes are told. */
export interface Modelfile {
  readonly file: string;
  readonly commands: readonly Command[];
}

/**
 * Reads a Modelfile, whose lines end in `\n`. Throws `usage` with file, line and column for what Ollama's own parser
 * refuses, and where nothing stands that a model can't be made without.
 */
export function parseModelfile(text: string, file: string): Modelfile {
  const placeOf = createPlaces(text);
  const commands: Command[] = [];
  let at = skip(text, 0, UNSEEN);
  while (at < text.length) {
    if (text[at] === '#') at = lineEnd(text, at);
    else {
      const read = readCommand({ text, file, placeOf }, at);
      commands.push(read.command);
      at = read.end;
    }
    at = skip(text, at, UNSEEN);
  }
  if (!commands.some(({ word }) => word === 'from')) {
    throw mistake(file, { line: 1, column: 1 }, 'there is no FROM.', `FROM needs ${WORDS.from.needs}.`);
  }
  return { file, commands };
}

interface Source {
  readonly text: string;
  readonly file: string;
  readonly placeOf: (offset: number) => Place;
}

function readCommand(source: Source, start: number): { command: Command; end: number } {
  const { text, file, placeOf } = source;
  const wordEnd = tokenEnd(text, start);
  const word = asWord(text.slice(start, wordEnd).toLowerCase());
  const at = placeOf(start);
  if (word === undefined) throw unknownWord(text.slice(start, wordEnd), file, at);

  const { needs, mayBeEmpty } = WORDS[word];
  const missing = (offset: number): Error =>
    mistake(file, placeOf(offset), `${word.toUpperCase()} needs ${needs}.`);
  const hasKey = word === 'parameter' || word === 'message';
  const keyStart = hasKey ? skip(text, wordEnd, BLANKS) : wordEnd;
  const keyEnd = hasKey ? tokenEnd(text, keyStart) : wordEnd;
  if (hasKey && keyEnd === keyStart) throw missing(keyStart);
  const key = text.slice(keyStart, keyEnd);
  if (hasKey) checkKey(word, key, file, placeOf(keyStart));

  const valueStart = skip(text, keyEnd, BLANKS);
  const hasLine = valueStart < text.length && text[valueStart] !== '\n';
  if (!hasLine && valueStart === keyEnd) throw missing(valueStart);
  const { value: written, end } = hasLine ? readValue(source, valueStart) : { value: '', end: valueStart };
  const value = PROSE.includes(word) || key === 'stop' ? written : written.replace(/\p{Cf}/gu, '');
  if (value.trim() === '' && mayBeEmpty !== true) throw missing(valueStart);
  const valueAt = placeOf(valueStart);
  return { command: { word, at, key, keyAt: placeOf(keyStart), value, valueAt }, end };
}

/**
 * A value ends with its line, or, where it opens with a quote, with the first line that ends in one: quotes may stand
 * inside. Source: parser.go, unquote.
 */
function readValue({ text, file, placeOf }: Source, start: number): { value: string; end: number } {
  const quote = text.startsWith('"""', start) ? '"""' : text[start] === '"' ? '"' : '';
  // The end of what is no white space: asked for at each line's end, and never looked for backwards.
  let filled = start;
  for (let at = start; at <= text.length; at++) {
    const char = text[at];
    if (char !== undefined && char !== '\n') {
      if (!isUnseen(char)) filled = at + 1;
      continue;
    }
    const closed = filled - start >= 2 * quote.length && text.endsWith(quote, filled);
    if (!closed && char !== undefined) continue;
    if (!closed) break;
    return { value: printable(text.slice(start + quote.length, filled - quote.length)), end: at };
  }
  throw mistake(
    file,
    placeOf(start),
    `the quote ${quote} that opens here is never closed: ${quote} has to end a line.`,
    quote === '"' ? 'Text with quotes in it, or over several lines, stands between """ and """.' : undefined,
  );
}

/** Control characters have no meaning in a prompt or a template; Ollama leaves them out too. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '');
}

function asWord(text: string): Word | undefined {
  return Object.hasOwn(WORDS, text) ? (text as Word) : undefined;
}

function unknownWord(text: string, file: string, at: Place): Error {
  const words = Object.keys(WORDS).map((word) => word.toUpperCase());
  const [near] = findNearest(text.toUpperCase(), words, 1);
  const meant = near === undefined ? '' : ` Did you mean ${near}?`;
  return mistake(
    file,
    at,
    `${quoted(text)} is no instruction.${meant}`,
    `The instructions are ${words.join(', ')}; a comment begins with #, a text over several lines with """.`,
  );
}

function checkKey(word: 'parameter' | 'message', key: string, file: string, at: Place): void {
  if (word === 'parameter' && !/^\w+$/.test(key)) {
    const [name = '', value] = key.split('=');
    const hint = value === undefined ? undefined : `Write: PARAMETER ${name} ${value || 'VALUE'}`;
    throw mistake(file, at, `${quoted(key)} is no parameter's name: letters, digits and _ make one.`, hint);
  }
  if (word === 'message' && !ROLES.includes(key)) {
    throw mistake(file, at, `${quoted(key)} is no role: it is system, user or assistant.`);
  }
}

/** A word of the file in a message, however long it is. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** White space, and what Ollama leaves out as not printable: zero-width characters come along when text is copied. */
const UNSEEN = /[\s\p{Cc}\p{Cf}]*/uy;
const BLANKS = /(?:(?!\n)[\s\p{Cc}\p{Cf}])*/uy;

function isUnseen(char: string): boolean {
  return /[\s\p{Cc}\p{Cf}]/u.test(char);
}

function skip(text: string, from: number, what: RegExp): number {
  what.lastIndex = from;
  what.test(text);
  return what.lastIndex;
}

function tokenEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && !' \t\n'.includes(text.charAt(at))) at++;
  return at;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
