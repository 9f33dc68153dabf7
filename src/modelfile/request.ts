import { PARAMETER_NAMES, parseParameter, type ParsedParameter } from '../chat/parameters.js';
import type { CreateRequest } from '../core/wire.js';
import { mistake } from './mistake.js';
import type { Command, Modelfile, Word } from './parse.js';

/** Taken by Ollama without a word's effect. Source: parser/parser.go, deprecatedParameters. */
const DEPRECATED = [
  'penalize_newline',
  'low_vram',
  'f16_kv',
  'logits_all',
  'vocab_only',
  'use_mlock',
  'mirostat',
  'mirostat_tau',
  'mirostat_eta',
];
/** As Go's module versions: the leading `v` may be left out, and so may the last parts. */
const VERSION =
  /^v?(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)(?:-[\dA-Za-z.-]+)?(?:\+[\dA-Za-z.-]+)?)?)?$/;
const TRUE = ['1', 't', 'T', 'TRUE', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'False'];

/** What a Modelfile asks for; the files that it names are still to be looked at. */
export interface Wanted {
  /** The request without its model and its files. */
  readonly fields: Omit<CreateRequest, 'model' | 'from' | 'files' | 'adapters' | 'draft_files'>;
  readonly froms: readonly Command[];
  readonly adapter: Command | undefined;
  readonly drafts: readonly Command[];
  /** What is right and yet hardly meant, one sentence each. */
  readonly warnings: readonly string[];
}

/** Reads what a Modelfile asks for. Throws `usage` for a parameter or a version that Ollama does not take. */
export function readRequest({ file, commands }: Modelfile): Wanted {
  const all = (word: Word): Command[] => commands.filter((command) => command.word === word);
  const last = (word: Word): Command | undefined => all(word).at(-1);
  const requires = last('requires');
  if (requires && !VERSION.test(requires.value)) {
    throw mistake(file, requires.valueAt, 'REQUIRES needs a version, such as 0.14.0.');
  }
  const { parameters, warnings } = readParameters(file, all('parameter'));
  const license = all('license').map(({ value }) => value);
  const messages = all('message').map(({ key, value }) => ({ role: key, content: value }));
  const texts = (['template', 'system', 'renderer', 'parser'] as const).flatMap((word) => {
    const command = last(word);
    return command === undefined ? [] : [[word, command.value] as const];
  });
  return {
    fields: {
      ...Object.fromEntries(texts),
      ...(requires === undefined ? {} : { requires: requires.value.replace(/^v/, '') }),
      ...(license.length === 0 ? {} : { license }),
      ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
      ...(messages.length === 0 ? {} : { messages }),
    },
    froms: all('from'),
    adapter: last('adapter'),
    drafts: all('draft'),
    warnings: [...repeated(file, commands), ...empty(file, commands), ...warnings],
  };
}

/** A server takes an empty text for none given. Source: server/create.go of Ollama. */
function empty(file: string, commands: readonly Command[]): string[] {
  const inherited: readonly Word[] = ['template', 'system', 'renderer', 'parser'];
  return commands
    .filter(({ word, value }) => inherited.includes(word) && value === '')
    .map(
      ({ word, at }) =>
        `${file}:${at.line}: an empty ${word.toUpperCase()} changes nothing: that of FROM stays`,
    );
}

/** Of most instructions the last one counts, as in Ollama: said, as the one before it was hardly written for nothing. */
function repeated(file: string, commands: readonly Command[]): string[] {
  const manifold: readonly Word[] = ['from', 'draft', 'license', 'message'];
  const seen = new Map<string, Command>();
  return commands.flatMap((command) => {
    if (manifold.includes(command.word) || command.key === 'stop') return [];
    const what = `${command.word.toUpperCase()} ${command.key}`.trim();
    const before = seen.get(what);
    seen.set(what, command);
    if (before === undefined) return [];
    return [`${file}:${command.at.line}: this ${what} counts, not the one of line ${before.at.line}`];
  });
}

function readParameters(
  file: string,
  commands: readonly Command[],
): { parameters: Record<string, unknown>; warnings: string[] } {
  const parameters: Record<string, unknown> = {};
  const warnings: string[] = [];
  for (const { key, keyAt, value, valueAt, at } of commands) {
    if (DEPRECATED.includes(key)) {
      warnings.push(`${file}:${at.line}: the parameter ${key} is no longer used`);
      continue;
    }
    const parsed = parse(key, value);
    if (!parsed.ok) {
      throw mistake(file, PARAMETER_NAMES.includes(key) ? valueAt : keyAt, parsed.message);
    }
    const known = parameters[key];
    const isList = Array.isArray(parsed.value);
    parameters[key] = isList ? [...(Array.isArray(known) ? (known as unknown[]) : []), value] : parsed.value;
  }
  return { parameters, warnings };
}

/** Go reads more words as true and false than JSON has. */
function parse(name: string, value: string): ParsedParameter {
  const parsed = parseParameter(name, [value]);
  const other = TRUE.includes(value) ? 'true' : FALSE.includes(value) ? 'false' : undefined;
  const again = parsed.ok || other === undefined ? parsed : parseParameter(name, [other]);
  return again.ok ? again : parsed;
}
