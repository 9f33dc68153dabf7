import type { Intent } from './intent.js';

/** What is wrong with a line, in a sentence for the person. */
export function reject(message: string): Extract<Intent, { type: 'reject' }> {
  return { type: 'reject', message };
}

/** Reads a command that takes nothing after its name. */
export function readBare(name: string, intent: Intent): (rest: string) => Intent {
  return (rest) => (rest === '' ? intent : reject(`/${name} takes nothing after it.`));
}

/** The first word of a text and what follows it, both without the white space between and around them. */
export function cutWord(text: string): [word: string, rest: string] {
  const trimmed = text.trim();
  const space = trimmed.search(/\s/);
  return space < 0 ? [trimmed, ''] : [trimmed.slice(0, space), trimmed.slice(space).trim()];
}

/** A text in `"""` without these marks and the line ends just inside them; any other text as it is. */
export function unquoteBlock(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length < 6 || !trimmed.startsWith('"""') || !trimmed.endsWith('"""')) return text;
  const inner = trimmed.slice(3, -3);
  return inner.includes('"""') ? text : inner.replace(/^\n/, '').replace(/\n$/, '');
}

/** A path as it was typed: quotes around it, and a backslash before a space, are not part of it. */
export function unquotePath(text: string): string {
  const quoted = /^(["'])(.+)\1$/s.exec(text.trim());
  return quoted?.[2] ?? text.trim().replace(/\\ /g, ' ');
}

/** A count of at least 1; undefined for anything else. */
export function readCount(text: string): number | undefined {
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
}
