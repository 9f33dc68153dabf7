import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** A configuration file beyond this many bytes is refused unread. */
export const LARGEST_FILE = 1_000_000;

/** Parsing YAML is where a small file can grow: aliases as keys multiply. No configuration is this long. */
const LARGEST_YAML = 65_536;

/** The property of `package.json` that holds our settings. */
export const PACKAGE_PROPERTY = 'ollama';

/** A configuration file as it was read: its settings, not yet checked, or what is broken in it. */
export interface ParsedFile {
  readonly file: string;
  readonly text: string;
  readonly value: unknown;
  /** `line` counts from 1. */
  readonly broken?: { readonly message: string; readonly line?: number };
}

/** Whether the settings are in a property of this file, and not the whole of it. */
export function isPackageFile(file: string): boolean {
  return path.basename(file) === 'package.json';
}

/** A file that cannot be used, and why; the message goes on from the file's name. */
export function brokenFile(file: string, message: string, text = '', line?: number): ParsedFile {
  return { file, text, value: undefined, broken: { message, ...(line === undefined ? {} : { line }) } };
}

/** Parses a configuration file as JSON, else as YAML, whatever it is called; never runs anything of it, never throws. */
export async function parseFile(file: string, content: string): Promise<ParsedFile> {
  const text = content.replace(/^\uFEFF/, '');
  if (text.trim() === '') return { file, text, value: undefined };
  if (text.includes('\0')) return brokenFile(file, 'is not UTF-8 text', text, 1);
  const parsed = parseJson(file, text) ?? (await parseYaml(file, text));
  if (parsed.broken !== undefined || !isPackageFile(file)) return parsed;
  const { value } = parsed;
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, PACKAGE_PROPERTY);
  return { ...parsed, value: isObject ? (value as Record<string, unknown>)[PACKAGE_PROPERTY] : undefined };
}

function parseJson(file: string, text: string): ParsedFile | undefined {
  try {
    return { file, text, value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

async function parseYaml(file: string, text: string): Promise<ParsedFile> {
  if (text.length > LARGEST_YAML) {
    return brokenFile(file, 'is not JSON, and larger than the 64 kB that YAML may have', text);
  }
  const { default: loaders } = await import('cosmiconfig/dist/loaders.js');
  try {
    return { file, text, value: loaders.loadYaml(file, text) as unknown };
  } catch (error) {
    const { reason, mark } = error as { reason?: unknown; mark?: { line?: unknown } };
    const why = typeof reason === 'string' ? reason : String(error);
    const line = typeof mark?.line === 'number' ? mark.line + 1 : undefined;
    return brokenFile(file, `is neither JSON nor YAML: ${why}`, text, line);
  }
}

/** Reads and parses a file that was named, or `undefined` where there is none; never throws. */
export async function readConfigFile(file: string): Promise<ParsedFile | undefined> {
  try {
    // Not asynchronous: at the start of a command nothing else waits, and a round through the thread pool costs more.
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (!found.isFile()) return brokenFile(file, 'is not a regular file');
    if (found.size > LARGEST_FILE) return brokenFile(file, 'is larger than 1 MB');
    return await parseFile(file, readFileSync(file, 'utf8'));
  } catch (error) {
    return brokenFile(file, `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}
