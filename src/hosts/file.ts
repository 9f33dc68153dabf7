import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { isMap, isScalar, parseDocument, type Document } from 'yaml';
import { writeFileAtomic } from '../config/atomic-write.js';
import { checkTree } from '../config/check.js';
import { whileLocked } from '../config/file-lock.js';
import { parseFile, readConfigFile } from '../config/parse-file.js';
import { configDir } from '../config/paths.js';
import type { Resolved } from '../config/resolve.js';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { Io } from '../io.js';

/** One thing to change in a file of settings: what stands at this path from now on; undefined for nothing. */
export interface Change {
  readonly path: readonly string[];
  readonly value: unknown;
}

type Tree = Record<string, unknown>;

/** The person's own file of settings: the one that is there, else the one that would be made. */
export function userFile({ files }: Pick<Resolved, 'files'>, io: Pick<Io, 'env' | 'platform'>): string {
  const { join } = io.platform === 'win32' ? path.win32 : path.posix;
  return files.user ?? join(configDir(io.env, io.platform), 'config.yaml');
}

/**
 * Changes the person's own file in one step, and leaves comments and order of all else; makes it where there is none,
 * for its owner alone. Those of several programs come one after the other. Throws `config` for one that can't be read or
 * would not be read as it was meant, and the file system's errors.
 */
export async function changeFile(file: string, changes: readonly Change[]): Promise<void> {
  await whileLocked(file, async () => await change(file, changes));
}

async function change(file: string, changes: readonly Change[]): Promise<void> {
  const before = await readConfigFile(file);
  if (before?.broken !== undefined)
    throw new OllamaError('config', `${cleanLine(file)} ${before.broken.message}`);
  const text = changeText(before?.text ?? '', changes, path.extname(file) === '.json');
  const after = await parseFile(file, text);
  const [problem] = after.broken ? [after.broken] : checkTree(after.value, true).problems;
  if (problem !== undefined) {
    throw new OllamaError('config', `${cleanLine(file)} can't be changed by itself: ${problem.message}`, {
      hint: 'Change it in an editor.',
    });
  }
  // A link to a file that is kept elsewhere stays one.
  await writeFileAtomic(before === undefined ? file : await realpath(file), text);
}

/** A text of settings with the changes in it: as JSON where it is, or is to be, JSON; else as YAML. Throws `config`. */
export function changeText(text: string, changes: readonly Change[], asJson: boolean): string {
  const isEmpty = text.trim() === '';
  const json = isEmpty ? {} : readJson(text);
  if (json !== undefined && (asJson || !isEmpty)) {
    const indent = /^\s*\{\r?\n([ \t]+)/.exec(text)?.[1] ?? '  ';
    for (const change of changes) changeTree(json, change);
    return `${JSON.stringify(json, null, indent)}\n`;
  }
  return changeYaml(text, changes);
}

function readJson(text: string): Tree | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isTree(value) ? value : {};
  } catch {
    return undefined;
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function changeTree(tree: Tree, { path: keys, value }: Change): void {
  const [key = '', ...rest] = keys;
  if (rest.length > 0) {
    const inner = tree[key];
    if (value === undefined && !isTree(inner)) return;
    const below = isTree(inner) ? inner : {};
    changeTree(below, { path: rest, value });
    value = Object.keys(below).length === 0 ? undefined : below;
  }
  if (value === undefined) Reflect.deleteProperty(tree, key);
  else tree[key] = value;
}

function changeYaml(text: string, changes: readonly Change[]): string {
  const document: Document = parseDocument(text, { logLevel: 'silent' });
  const [error] = document.errors;
  if (error)
    throw new OllamaError('config', `The file can't be changed by itself: ${cleanLine(error.message)}`);
  if (!isMap(document.contents)) document.contents = document.createNode({});
  for (const { path: keys, value } of changes) {
    const parents = keys.slice(0, -1).map((_, depth) => keys.slice(0, depth + 1));
    if (value !== undefined) {
      // `hosts:` with nothing behind it is a key, and no map to put one into.
      for (const parent of parents) if (!isMap(document.getIn(parent))) document.deleteIn(parent);
      setNode(document, keys, value);
      continue;
    }
    if (document.hasIn(keys)) document.deleteIn(keys);
    for (const parent of parents.reverse()) {
      const map = document.getIn(parent);
      if (isMap(map) && map.items.length === 0) document.deleteIn(parent);
    }
  }
  const width = /^( +)\S/m.exec(text)?.[1]?.length ?? 2;
  try {
    return document.toString({
      lineWidth: 0,
      indent: Math.max(width, 1),
      indentSeq: !/:[ \t]*\n- /.test(text),
    });
  } catch (cause) {
    // What is changed has an anchor that others refer to.
    const why = cleanLine(cause instanceof Error ? cause.message : String(cause));
    throw new OllamaError('config', `The file can't be changed by itself: ${why}`, { cause });
  }
}

/** A word in place of another leaves the comment behind it. */
function setNode(document: Document, keys: readonly string[], value: unknown): void {
  const node: unknown = document.getIn(keys, true);
  const isPlain = isScalar(node) && node.anchor === undefined && node.tag === undefined;
  if (isPlain && typeof value !== 'object') node.value = value;
  else document.setIn(keys, document.createNode(value));
}
