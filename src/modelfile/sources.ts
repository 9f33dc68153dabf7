import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isOllamaError } from '../core/errors.js';
import { systemCode } from '../core/http-errors.js';
import { parseModelName } from '../core/model-name.js';
import { listFolder, type ListedFolder } from './model-folder.js';
import { mistake } from './mistake.js';
import type { Command } from './parse.js';
import { readHead, recognise } from './recognise.js';
import { missingShards, shardOf } from './shards.js';

/** A file to be sent, as it was when it was looked at. */
export interface SourceFile {
  readonly path: string;
  /** In the model: relative, with slashes. */
  readonly name: string;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly mtimeMs: number;
}

/** What an instruction names on this machine. */
export interface Source {
  readonly kind: 'gguf' | 'safetensors';
  /** Real and absolute. */
  readonly path: string;
  readonly files: readonly SourceFile[];
  /** True for one model in several GGUF files. */
  readonly split: boolean;
}

/** Where the paths of a Modelfile start. */
export interface Base {
  /** The Modelfile, as a mistake names it. */
  readonly file: string;
  /** Its folder. */
  readonly folder: string;
  /** What `~` stands for. */
  readonly home: string | undefined;
}

/**
 * Finds what an instruction names: files, or undefined where a FROM names a model. As in Ollama what exists as a file
 * counts before a model's name. Throws `usage`, at the line, for a path that is not there, for what Ollama can't use,
 * and for links that lead out of the folder.
 */
export async function findSource(command: Command, base: Base): Promise<Source | undefined> {
  const { word, value } = command;
  const wrong = (what: string, hint?: string): Error => mistake(base.file, command.valueAt, what, hint);
  const place = expand(value, base, wrong);
  const facts = await stat(place).catch((error: unknown) => missing(error, place, wrong));
  const isName = word === 'from' && !looksLikePath(value);

  if (facts === undefined) {
    if (isName) return undefined;
    throw wrong(`there is no file or folder ${place}.`);
  }
  if (facts.isFile()) return await oneFile(place, word, wrong);
  if (!facts.isDirectory()) throw wrong(`${place} is neither a file nor a folder.`);
  const listed = await listFolder(place, word === 'adapter' ? 'adapter' : 'model');
  if (isListed(listed)) return await describe(place, listed, wrong);
  // A folder that happens to be called as the model is.
  if (isName && listed.empty && parseModelName(value)) return undefined;
  throw wrong(listed.problem, listed.advice);
}

function isListed(listed: ListedFolder | { readonly problem: string }): listed is ListedFolder {
  return 'names' in listed;
}

/** What can be no model's name, or would be a strange one. */
function looksLikePath(value: string): boolean {
  if (/^(?:[./~\\]|[A-Za-z]:[/\\])/.test(value)) return true;
  const inRegistry = value.split('/').length === 3;
  return !inRegistry && /\.(?:gguf|ggml|safetensors|bin|pth?|ckpt|onnx|h5|keras|pb|tflite|zip)$/i.test(value);
}

function expand(value: string, { folder, home }: Base, wrong: (what: string) => Error): string {
  if (!value.startsWith('~')) return path.resolve(folder, value);
  if (value !== '~' && !/^~[/\\]/.test(value)) {
    throw wrong(`the home folder of another user can't be named by ~: write the whole path.`);
  }
  if (home === undefined) throw wrong('no home folder is known: write the whole path.');
  return path.join(home, value.slice(1));
}

function missing(error: unknown, place: string, wrong: (what: string) => Error): undefined {
  const code = systemCode(error) ?? String(error);
  if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(code)) return undefined;
  throw wrong(`${place} can't be read (${code}).`);
}

async function oneFile(
  place: string,
  word: Command['word'],
  wrong: (what: string, hint?: string) => Error,
): Promise<Source> {
  const name = path.basename(place);
  const folder = path.dirname(place);
  const shard = shardOf(name);
  if (shard === undefined) return await describe(place, { folder, kind: 'gguf', names: [name] }, wrong, word);
  const names = (await readdir(folder)).filter((other) => shardOf(other)?.set === shard.set).sort();
  const lacking = missingShards(names);
  if (lacking.length > 0) throw wrong(`${place} is one of ${shard.count}: ${lacking.join(', ')} missing.`);
  return await describe(place, { folder, kind: 'gguf', names }, wrong, word);
}

async function describe(
  place: string,
  { folder, kind, names }: ListedFolder,
  wrong: (what: string, hint?: string) => Error,
  word?: Command['word'],
): Promise<Source> {
  const root = await realpath(folder);
  const files: SourceFile[] = [];
  for (const name of names) {
    const file = path.join(folder, name);
    try {
      // A single file may be a link to anywhere; a folder's files are all sent, and must be its own.
      if (word === undefined) checkInside(root, await realpath(file), name, wrong);
      const facts = await stat(file);
      // A pipe would be waited for.
      if (!facts.isFile()) throw wrong(`${file} is no file.`);
      const { size, mtimeMs } = facts;
      const weights = /\.(?:gguf|safetensors)$/.test(name) || word !== undefined;
      checkContent(file, recognise(await readHead(file), name, size), weights ? kind : 'text', word, wrong);
      files.push({ path: file, name: name.split(path.sep).join('/'), size, mtimeMs });
    } catch (error) {
      if (isOllamaError(error)) throw error;
      throw wrong(`${file} can't be read (${systemCode(error) ?? String(error)}).`);
    }
  }
  return { kind, path: await realpath(place), files, split: kind === 'gguf' && names.some(shardOf) };
}

function checkInside(
  root: string,
  real: string,
  name: string,
  wrong: (what: string, hint?: string) => Error,
): void {
  const relative = path.relative(root, real);
  if (relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative)) return;
  const hint = relative.includes('.cache')
    ? 'Download the model with --local-dir, so that its files are files and not links into a cache.'
    : 'Copy the file to where the link is.';
  throw wrong(`${name} is a link that leads out of its folder, to ${real}.`, hint);
}

function checkContent(
  file: string,
  found: ReturnType<typeof recognise>,
  wanted: 'gguf' | 'safetensors' | 'text',
  word: Command['word'] | undefined,
  wrong: (what: string, hint?: string) => Error,
): void {
  if (found.kind === wanted) return;
  if (found.kind === 'other') {
    // A tokenizer or a configuration may be anything but what stands in for a file that is not there.
    const stub = /Git LFS|empty|web page/.test(found.what);
    if (wanted === 'text' && !stub) return;
    throw wrong(`${file} can't be used: ${found.what}.`, found.advice);
  }
  if (wanted === 'text') return;
  throw found.kind === 'safetensors' && word !== undefined
    ? wrong(
        `${file} is one file of safetensors: Ollama needs its folder, with the configuration beside it.`,
        `Write: ${word.toUpperCase()} ${path.dirname(file)}`,
      )
    : wrong(`${file} can't be used: it is ${found.kind}, not ${wanted}.`);
}
