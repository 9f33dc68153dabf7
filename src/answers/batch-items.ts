import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { settingAt } from '../config/schema.js';
import { OllamaError } from '../core/errors.js';
import { isFields, type Fields } from '../core/fields.js';
import { checkModelName } from '../core/model-name.js';
import type { ChatMessage, ModelOptions } from '../core/wire.js';
import { cleanLine } from '../format/clean.js';
import { whyUnreadable } from '../format/file-error.js';
import { findJsonMistake } from '../format/json-mistake.js';
import { findNearest } from '../format/nearest.js';
import { splitLines } from '../output/stdin.js';
import { locateFile, type Place } from '../attachments/named-file.js';

/** One prompt of a batch. */
export interface BatchItem {
  /** Which of the prompts it is, from 0; empty lines are none. */
  readonly index: number;
  /** What the line calls itself. */
  readonly id: string | number | undefined;
  /** Its line's number in the file, from 1. */
  readonly line: number;
  readonly prompt: string | undefined;
  /** What was said before, as the API has it. */
  readonly messages: readonly ChatMessage[];
  readonly system: string | undefined;
  readonly model: string | undefined;
  readonly options: ModelOptions;
  /** Files. */
  readonly images: readonly string[];
  readonly format: unknown;
}

const KEYS = ['prompt', 'id', 'system', 'model', 'options', 'images', 'messages', 'format'];

/** A file of prompts, read line by line each time it is asked for: only the lines of a pipe are held. */
export interface BatchFile {
  /** The prompts in their order. Throws `usage` that names the file and the line of one that is none. */
  items(): AsyncGenerator<BatchItem, void, undefined>;
  /** Looks whether the images of a prompt are there. Throws `usage` that names the file, the line and the image. */
  checkImages(item: BatchItem): Promise<void>;
}

/** Opens a file of prompts. Throws `usage` where there is none. */
export async function openBatchFile(io: Place, file: string): Promise<BatchFile> {
  const resolved = path.resolve(io.cwd, file);
  let isFile: boolean;
  try {
    const facts = await stat(resolved);
    if (facts.isDirectory()) throw new Error('it is a folder');
    isFile = facts.isFile();
  } catch (error) {
    throw unreadable(file, error);
  }
  // A pipe can be read only once.
  const held = isFile ? undefined : await collectLines(file, resolved);
  return {
    async *items() {
      let line = 0;
      let index = 0;
      for await (const text of held ?? readLines(file, resolved)) {
        line++;
        if (text.trim() === '') continue;
        yield parseItem(text, { file, line, index });
        index++;
      }
    },
    async checkImages({ images, line, index }) {
      for (const image of images) {
        const facts = await stat(await locateFile(io, image)).catch(() => undefined);
        if (facts === undefined)
          throw mistake({ file, line, index }, `there is no file ${cleanLine(image)}.`);
      }
    },
  };
}

async function* readLines(file: string, resolved: string): AsyncGenerator<string, void, undefined> {
  try {
    yield* splitLines(createReadStream(resolved) as AsyncIterable<Uint8Array>);
  } catch (error) {
    if (error instanceof OllamaError) throw error;
    throw unreadable(file, error);
  }
}

async function collectLines(file: string, resolved: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(file, resolved)) lines.push(line);
  return lines;
}

function unreadable(file: string, cause: unknown): OllamaError {
  const why = cleanLine(whyUnreadable(cause));
  return new OllamaError('usage', `--batch: ${cleanLine(file)} can't be read: ${why}.`, { cause });
}

/** Where a line stands. */
interface LinePlace {
  readonly file: string;
  readonly line: number;
  readonly index: number;
}

function mistake({ file, line }: LinePlace, what: string, hint?: string): OllamaError {
  return new OllamaError('usage', `${cleanLine(file)}:${line}: ${what}`, { hint });
}

/**
 * The prompt that a line is: the line itself, or JSON where it begins as JSON's texts, objects and lists do: a text, or an
 * object with `prompt` or `messages`. Throws `usage` with its place.
 */
function parseItem(text: string, place: LinePlace): BatchItem {
  let value: unknown;
  try {
    value = /^\s*["{[]/.test(text) ? (JSON.parse(text) as unknown) : text;
  } catch {
    const column = (findJsonMistake(text) ?? 0) + 1;
    throw mistake(
      place,
      `this is no JSON from column ${column} on.`,
      'A line is {"prompt": "…"}, or a text, which stands in quotes where it begins with ", { or [.',
    );
  }
  const fields: Fields = typeof value === 'string' ? { prompt: value } : isFields(value) ? value : {};
  const unknown = Object.keys(fields).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    const [near] = findNearest(unknown, KEYS, 1);
    const hint = near === undefined ? `The keys are ${KEYS.join(', ')}.` : `Did you mean "${near}"?`;
    throw mistake(place, `there is no key "${cleanLine(unknown)}".`, hint);
  }
  const read = <Value>(key: string, is: (value: unknown) => value is Value, expects: string) => {
    const given = fields[key];
    if (given === undefined || given === null) return undefined;
    if (!is(given)) throw mistake(place, `"${key}" must be ${expects}.`);
    return given;
  };
  const prompt = read('prompt', isText, 'a text');
  const messages = read('messages', isMessages, 'a list of {"role", "content"}') ?? [];
  if ((prompt ?? '').trim() === '' && messages.length === 0)
    throw mistake(place, 'there is nothing to ask: a line needs a "prompt", or "messages".');
  const model = read('model', isText, 'a text');
  if (model !== undefined) checkName(model, place);
  const options = read('options', isFields, 'a map of options') ?? {};
  return {
    index: place.index,
    line: place.line,
    id: read('id', isId, 'a text or a number'),
    prompt,
    messages,
    system: read('system', isText, 'a text'),
    model,
    options: checkOptions(options, place),
    images: read('images', isTexts, 'a list of files') ?? [],
    format: read('format', isFormat, '"json" or a JSON schema'),
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isId = (value: unknown): value is string | number => isText(value) || typeof value === 'number';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isFormat = (value: unknown): value is 'json' | Fields => value === 'json' || isFields(value);
const isMessages = (value: unknown): value is ChatMessage[] =>
  Array.isArray(value) &&
  value.every((one) => isFields(one) && isText(one['role']) && isText(one['content']));

function checkName(model: string, place: LinePlace): void {
  try {
    checkModelName(model);
  } catch (error) {
    throw mistake(place, error instanceof Error ? error.message : String(error));
  }
}

function checkOptions(options: Fields, place: LinePlace): ModelOptions {
  const checked = Object.entries(options).map(([name, value]) => {
    const setting = settingAt(['options', name]);
    if (setting === undefined) throw mistake(place, `a model has no option "${cleanLine(name)}".`);
    const stored = setting.type.fromValue(value);
    if (stored === undefined || stored === null)
      throw mistake(place, `the option ${name} must be ${setting.type.expects}.`);
    return [name, stored] as const;
  });
  return Object.fromEntries(checked);
}

/** What tells whether an answer is one to the very same question: the request, images by their names. */
export function questionKey(request: object): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex').slice(0, 16);
}
