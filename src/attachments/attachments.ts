import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { OllamaError } from '../core/errors.js';
import type { ChatMessage } from '../core/wire.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine } from '../format/clean.js';
import { decodeText, recogniseFile } from './file-types.js';
import { findMentions } from './mentions.js';
import { locateFile, resolvePath, type Place } from './named-file.js';

export { checkCapability } from '../models/capability.js';

/**
 * A file that goes with a message. `name` is as it was written, `path` absolute, or empty where it is no longer known;
 * neither is clean.
 */
export type Attachment =
  | {
      readonly kind: 'text';
      readonly name: string;
      readonly path: string;
      readonly bytes: number;
      readonly text: string;
    }
  | {
      readonly kind: 'image';
      readonly name: string;
      readonly path: string;
      readonly bytes: number;
      readonly base64: string;
    };

/** The most bytes of an image: Ollama's own limit (its CLI, interactive.go). */
const MOST_IMAGE_BYTES = 100e6;
/** The most bytes of a text: far more than any window holds. */
const MOST_TEXT_BYTES = 10e6;

/** So many bytes at the beginning tell what a file is. */
const START_BYTES = 64;

/** Awaited before the bytes of an image are read: whoever knows the model refuses them by throwing. */
export type PermitImage = () => Promise<void>;

/**
 * Reads a file that goes with a message: `file` has to be a text, `image` a PNG, JPEG or WebP, `any` either. `~` is the
 * home folder. Throws `usage` naming the file where it is absent, unreadable, too large, or something else.
 */
export async function readAttachment(
  io: Place,
  name: string,
  kind: 'file' | 'image' | 'any',
  permitImage?: PermitImage,
): Promise<Attachment> {
  const file = await locateFile(io, name);
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw readError(name, error);
  });
  try {
    const facts = await handle.stat();
    if (facts.isDirectory()) throw refusal(name, 'is a folder, not a file.');
    const start = await readBytes(handle, START_BYTES, name);
    const type = recogniseFile(start);
    if (type.kind === 'image') {
      if (kind === 'file')
        throw refusal(name, 'is an image, not a text.', 'Give it as an image: --image FILE.');
      await permitImage?.();
      const bytes = await readRest(handle, start, facts.size, MOST_IMAGE_BYTES, name);
      return { kind: 'image', name, path: file, bytes: bytes.length, base64: bytes.toString('base64') };
    }
    if (kind === 'image' || type.kind === 'other') {
      const what = type.kind === 'other' ? `is ${type.what}` : 'is no image';
      throw refusal(
        name,
        `${what}${kind === 'file' ? '' : '; images are PNG, JPEG or WebP'}.`,
        hintFor(type),
      );
    }
    const bytes = await readRest(handle, start, facts.size, MOST_TEXT_BYTES, name);
    const text = decodeText(bytes);
    if (text === undefined) throw refusal(name, 'is no text: neither UTF-8 nor marked as UTF-16.');
    return { kind: 'text', name, path: file, bytes: bytes.length, text };
  } finally {
    await handle.close();
  }
}

function hintFor(type: ReturnType<typeof recogniseFile>): string | undefined {
  return type.kind === 'other' ? type.hint : undefined;
}

function refusal(name: string, why: string, hint?: string): OllamaError {
  return new OllamaError('usage', `${cleanLine(name)} ${why}`, { hint });
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'may not be read: permission denied.',
  EPERM: 'may not be read: not permitted.',
  EISDIR: 'is a folder, not a file.',
};

function readError(name: string, cause: unknown): OllamaError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const clean = cleanLine(name);
  const absent = code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG';
  const reason = REASONS[code] ?? `can't be read: ${cause instanceof Error ? cause.message : String(cause)}`;
  const message = absent ? `There is no file ${clean}.` : `${clean} ${cleanLine(reason)}`;
  return new OllamaError('usage', message, { cause });
}

/** At most `most` bytes; a pipe gives them as they come. */
async function readBytes(handle: FileHandle, most: number, name: string): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(most);
  let filled = 0;
  try {
    while (filled < most) {
      const { bytesRead } = await handle.read(buffer, filled, most - filled, null);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (error) {
    throw readError(name, error);
  }
  return buffer.subarray(0, filled);
}

const PIECE = 1 << 20;

async function readRest(
  handle: FileHandle,
  start: Buffer,
  size: number,
  limit: number,
  name: string,
): Promise<Buffer> {
  const tooLarge = (): OllamaError =>
    refusal(name, `has ${formatBytes(Math.max(size, limit))} or more; ${formatBytes(limit)} are the most.`);
  if (size > limit) throw tooLarge();
  const pieces = [start];
  // What stat says is not the end: a pipe has no size, and a file may grow.
  for (let total = start.length; ;) {
    const piece = await readBytes(handle, PIECE, name);
    if (piece.length === 0) return Buffer.concat(pieces);
    pieces.push(piece);
    total += piece.length;
    if (total > limit) throw tooLarge();
  }
}

/** A message with its files, and a note on each of them that the text named; the notes are clean. */
export interface ComposedMessage {
  readonly message: ChatMessage;
  readonly notes: readonly string[];
}

/**
 * The message of a text with its files: the text, what was piped in, then each text file under its name; images apart.
 * `@path` in the text adds the file it names. Throws `usage` as `readAttachment` does.
 */
export async function composeMessage(
  io: Place,
  text: string,
  attachments: readonly Attachment[] = [],
  options: { readonly piped?: string | undefined; readonly permitImage?: PermitImage | undefined } = {},
): Promise<ComposedMessage> {
  const mentioned: Attachment[] = [];
  const known = new Set(attachments.map((attachment) => attachment.path));
  for (const { names } of findMentions(text)) {
    const name = await firstFile(io, names);
    if (name === undefined || known.has(resolvePath(io, name))) continue;
    const attachment = await readAttachment(io, name, 'any', options.permitImage);
    known.add(attachment.path);
    mentioned.push(attachment);
  }
  const all = [...attachments, ...mentioned];
  const parts = [text, options.piped ?? '', ...all.flatMap((a) => (a.kind === 'text' ? [showFile(a)] : []))];
  const images = all.flatMap((attachment) => (attachment.kind === 'image' ? [attachment.base64] : []));
  return {
    message: {
      role: 'user',
      content: parts.filter((part) => part !== '').join('\n\n'),
      ...(images.length === 0 ? {} : { images }),
    },
    notes: mentioned.map(describeAttachment),
  };
}

/** The first of some names that is a file; a folder, or a person's name after an `@`, is none. */
async function firstFile(io: Place, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const isFile = await stat(resolvePath(io, name)).then(
      (facts) => facts.isFile(),
      () => false,
    );
    if (isFile) return name;
  }
  return undefined;
}

/** Whether `@path` in a text names an image: a model has to be chosen before anything of it is read. Never rejects. */
export async function mentionsImage(io: Place, text: string): Promise<boolean> {
  for (const { names } of findMentions(text)) {
    const name = await firstFile(io, names);
    if (name !== undefined && (await isImage(resolvePath(io, name)))) return true;
  }
  return false;
}

async function isImage(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'r');
    try {
      return recogniseFile(await readBytes(handle, START_BYTES, file)).kind === 'image';
    } finally {
      await handle.close();
    }
  } catch {
    // Why it can't be read is told when it is.
    return false;
  }
}

/** What was attached, in a few clean words: `notes.md (1.2 kB)`. */
export function describeAttachment({ kind, name, bytes }: Attachment): string {
  return `attached ${cleanLine(name)} (${kind === 'image' ? 'image, ' : ''}${formatBytes(bytes)})`;
}

/** A text file as a model reads it: its name, then its text in a fence that nothing in it closes. */
function showFile({ name, text }: { readonly name: string; readonly text: string }): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const language = /\.(\w{1,12})$/.exec(name)?.[1] ?? '';
  return `${cleanLine(name)}:\n${fence}${language}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}
