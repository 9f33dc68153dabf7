import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import { OllamaError, isOllamaError } from '../core/errors.js';
import { checkModelName, displayName } from '../core/model-name.js';
import { cleanLine } from '../format/clean.js';

/** A model that a sync file declares. */
export interface DeclaredModel {
  /** In full, as Ollama shows it. */
  readonly name: string;
  /** The manifest that it has to have, `sha256:…`. */
  readonly digest?: string;
  /** The declared model that it is a copy of. */
  readonly from?: string;
  /** Where it stands in the file, from 1. */
  readonly line: number;
}

/** A declaration beyond this many characters is refused unread. */
const LARGEST_SYNC_FILE = 1_000_000;

/** One entry as it was written. */
interface Entry {
  readonly name: unknown;
  readonly digest?: unknown;
  readonly from?: unknown;
  readonly line: number;
}

const KEYS = ['name', 'digest', 'from'];

/**
 * The models that a sync file declares: YAML or JSON, a list or one under `models`, each a name or `{name, digest, from}`;
 * or plain lines `NAME [sha256:…] [from NAME]`, `#` begins a comment. `source` is what errors name, with the line.
 * Throws `usage` and `invalid_name`.
 */
export function parseSyncFile(text: string, source: string): DeclaredModel[] {
  const plain = text.replace(/^\ufeff/, '');
  if (plain.length > LARGEST_SYNC_FILE) throw mistake(source, 1, 'it is larger than 1 MB');
  if (plain.includes('\0')) throw mistake(source, 1, 'it is no text');
  const entries = isStructured(plain, source) ? readYaml(plain, source) : readLines(plain, source);
  if (entries === undefined)
    throw mistake(source, 1, 'it declares no models; a list of none is "models: []"');
  const models = entries.map((entry) => checkEntry(entry, source));
  checkTogether(models, source);
  return models;
}

/** The text of a sync file, whose path counts from `folder`. Throws `usage`. */
export async function readSyncFile(folder: string, file: string): Promise<string> {
  const unusable = (why: string, cause?: unknown): OllamaError =>
    new OllamaError('usage', `${cleanLine(file)} can't be read: ${why}.`, { cause });
  try {
    const found = await stat(path.resolve(folder, file));
    if (!found.isFile()) throw unusable('it is no file');
    if (found.size > LARGEST_SYNC_FILE) throw unusable('it is larger than 1 MB');
    return await readFile(path.resolve(folder, file), 'utf8');
  } catch (error) {
    if (isOllamaError(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw unusable(code === 'ENOENT' ? 'there is no such file' : (code ?? String(error)), error);
  }
}

function mistake(source: string, line: number, why: string): OllamaError {
  return new OllamaError('usage', `${cleanLine(source)}:${line}: ${why}.`, {
    hint: 'A line is a name, such as llama3.2:1b, or a name with its digest, or "NAME from NAME"; YAML and JSON have a list of models.',
  });
}

/** By its name, else by how its first line begins. */
function isStructured(text: string, source: string): boolean {
  if (/\.(?:ya?ml|json)$/i.test(source)) return true;
  const first = text.split(/\r\n|\n|\r/).find((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  return first !== undefined && /^\s*(?:[[{]|-\s|---|"?models"?\s*:(?:\s|$))/.test(first);
}

function readLines(text: string, source: string): Entry[] | undefined {
  const entries = text.split(/\r\n|\n|\r/).flatMap((written, index): Entry[] => {
    const line = index + 1;
    const words = written
      .replace(/(?:^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    const [name = '', ...rest] = words;
    if (name === '') return [];
    const pinned = /^sha256:/i.test(rest[0] ?? '') ? rest.shift() : undefined;
    const digest = pinned === undefined ? {} : { digest: pinned };
    if (rest.length === 0) return [{ name, ...digest, line }];
    const [word, from] = rest;
    if (word?.toLowerCase() !== 'from' || from === undefined || rest.length > 2) {
      throw mistake(source, line, `"${cleanLine(rest.join(' '))}" can't stand behind a name`);
    }
    return [{ name, ...digest, from, line }];
  });
  return entries.length === 0 ? undefined : entries;
}

function readYaml(text: string, source: string): Entry[] | undefined {
  const lines = new LineCounter();
  const document: Document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [error] = document.errors;
  if (error) {
    const why = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
    throw mistake(source, lines.linePos(error.pos[0]).line, `it is neither YAML nor JSON: ${cleanLine(why)}`);
  }
  const root = document.contents;
  const place = (node: unknown): number => lineOf(node, lines);
  if (!isMap(root)) return readList(root);
  let list: unknown;
  for (const { key, value } of root.items) {
    const word = isScalar(key) ? key.value : undefined;
    // What an export as JSON carries besides.
    if (word === 'schema_version' || word === 'host') continue;
    if (word !== 'models')
      throw mistake(source, place(key), `"${cleanLine(String(word))}" is not known: it has "models"`);
    list = value;
  }
  return readList(list);

  function readList(node: unknown): Entry[] | undefined {
    if (node === undefined || node === null || (isScalar(node) && node.value === null)) return undefined;
    if (!isSeq(node)) throw mistake(source, place(node), 'a list of models is wanted there');
    return node.items.map((item): Entry => {
      const line = place(item);
      if (isScalar(item)) return { name: item.value, line };
      if (!isMap(item)) throw mistake(source, line, 'a model is a name, or has name, digest and from');
      const fields: { name?: unknown; digest?: unknown; from?: unknown } = {};
      for (const { key, value } of item.items) {
        const word = isScalar(key) ? String(key.value) : '';
        if (!KEYS.includes(word)) {
          throw mistake(
            source,
            place(key),
            `"${cleanLine(word)}" is not known: a model has ${KEYS.join(', ')}`,
          );
        }
        fields[word as 'name'] = isScalar(value) ? value.value : value;
      }
      return { name: fields.name, digest: fields.digest, from: fields.from, line };
    });
  }
}

function lineOf(node: unknown, lines: LineCounter): number {
  const range = (node as Partial<Node> | null | undefined)?.range;
  return lines.linePos(range?.[0] ?? 0).line || 1;
}

function checkEntry({ name, digest, from, line }: Entry, source: string): DeclaredModel {
  const shown = checkName(name, line, source, 'a model has no name');
  const pinned =
    digest === undefined || digest === null
      ? undefined
      : /^(?:sha256:)?([0-9a-f]{64})$/i.exec(String(digest))?.[1];
  if (digest !== undefined && digest !== null && pinned === undefined) {
    throw mistake(source, line, `the digest of ${shown} is not "sha256:" and 64 hexadecimal digits`);
  }
  const source_ =
    from === undefined || from === null
      ? undefined
      : checkName(from, line, source, `${shown} has an empty "from"`);
  return {
    name: shown,
    line,
    ...(pinned === undefined ? {} : { digest: `sha256:${pinned.toLowerCase()}` }),
    ...(source_ === undefined ? {} : { from: source_ }),
  };
}

function checkName(value: unknown, line: number, source: string, otherwise: string): string {
  if (typeof value !== 'string' || value.trim() === '') throw mistake(source, line, otherwise);
  try {
    return displayName(checkModelName(value.trim()));
  } catch (error) {
    if (!isOllamaError(error)) throw error;
    throw new OllamaError(error.code, `${cleanLine(source)}:${line}: ${error.message}`, {
      model: value,
      hint: error.hint,
      cause: error,
    });
  }
}

/** What no entry shows by itself: doubles, copies of what is not declared, copies in a circle, pins that differ. */
function checkTogether(models: readonly DeclaredModel[], source: string): void {
  const byName = new Map<string, DeclaredModel>();
  for (const model of models) {
    const known = byName.get(model.name.toLowerCase());
    if (known) throw mistake(source, model.line, `${model.name} stands in line ${known.line} already`);
    byName.set(model.name.toLowerCase(), model);
  }
  const roots = new Map<DeclaredModel, DeclaredModel>();
  for (const model of models) {
    const seen = new Set([model]);
    let at = model;
    while (at.from !== undefined && !roots.has(at)) {
      const next = byName.get(at.from.toLowerCase());
      if (next === undefined) {
        throw mistake(source, at.line, `${at.name} is a copy of ${at.from}, which the file does not declare`);
      }
      if (seen.has(next)) {
        const circle = [...seen, next].map(({ name }) => name).join(' from ');
        throw mistake(source, model.line, `copies in a circle: ${circle}`);
      }
      seen.add(next);
      at = next;
    }
    const root = roots.get(at) ?? at;
    for (const one of seen) roots.set(one, root);
    if (model.digest !== undefined && root.digest !== undefined && root.digest !== model.digest) {
      throw mistake(
        source,
        model.line,
        `${model.name} has another digest than ${root.name}, of which it is a copy`,
      );
    }
  }
}

/** The text of a sync file, YAML, that declares these models; read again it gives the same. */
export function formatSyncFile(models: readonly Omit<DeclaredModel, 'line'>[]): string {
  if (models.length === 0) return 'models: []\n';
  // A name may look like a number, or hold a colon at its end: JSON's strings are YAML's too.
  const items = models.map(({ name, digest, from }) => {
    const more = [
      ...(digest === undefined ? [] : [`    digest: ${digest}`]),
      ...(from === undefined ? [] : [`    from: ${JSON.stringify(from)}`]),
    ];
    return [`  - name: ${JSON.stringify(name)}`, ...more].join('\n');
  });
  return `models:\n${items.join('\n')}\n`;
}
