import { cleanLine } from '../format/clean.js';
import type { Session } from './fold.js';

/** A line in which something that was looked for stands. */
export interface Match {
  /** Which message of the conversation; undefined for its title. */
  readonly message: number | undefined;
  readonly role: string | undefined;
  /** The line, or the part of a long one that is around it; clean. */
  readonly text: string;
}

/** How much of a long line is told, in UTF-16 units. */
const LONGEST = 200;
const MOST_MATCHES = 20;

/** What is looked for: each of the words, in any place and whatever the letter case. */
export interface Wanted {
  readonly words: readonly string[];
  /** Matches any of them. */
  readonly any: RegExp;
}

/** The words of some texts; undefined where there are none. */
export function readWanted(texts: readonly string[]): Wanted | undefined {
  const words = [...new Set(texts.flatMap((text) => text.toLowerCase().split(/\s+/)))].filter(
    (word) => word !== '',
  );
  if (words.length === 0) return undefined;
  // The longest first: of two that begin alike the longer one is marked.
  const sorted = [...words].sort((a, b) => b.length - a.length);
  const escaped = sorted.map((word) => word.replace(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return { words, any: new RegExp(escaped.join('|'), 'giu') };
}

/** A line on one clean line, of a long one the part around the first word that was found: `longest` UTF-16 units. */
export function excerpt(line: string, { any }: Wanted, longest: number): string {
  const clean = cleanLine(line).trim();
  if (clean.length <= longest) return clean;
  any.lastIndex = 0;
  const at = any.exec(clean)?.index ?? 0;
  const start = Math.max(0, Math.min(at - Math.floor(longest / 4), clean.length - longest));
  const end = start + longest;
  // Cleaned again: the cut may be between the halves of a pair.
  return `${start > 0 ? '…' : ''}${cleanLine(clean.slice(start, end))}${end < clean.length ? '…' : ''}`;
}

/**
 * The lines of a conversation's title and messages in which any of the words stands, those with the most of them first;
 * none unless every word stands somewhere. At most 20.
 */
export function searchSession(session: Pick<Session, 'title' | 'conversation'>, wanted: Wanted): Match[] {
  const missing = new Set(wanted.words);
  const found: { readonly match: Match; readonly count: number }[] = [];
  const look = (line: string, message: number | undefined, role: string | undefined): void => {
    const lower = line.toLowerCase();
    const here = wanted.words.filter((word) => lower.includes(word));
    if (here.length === 0) return;
    for (const word of here) missing.delete(word);
    found.push({ match: { message, role, text: excerpt(line, wanted, LONGEST) }, count: here.length });
  };
  look(session.title, undefined, undefined);
  for (const [index, { role, content }] of session.conversation.messages.entries()) {
    for (const line of content.split('\n')) look(line, index, role);
  }
  if (missing.size > 0) return [];
  return found
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_MATCHES)
    .map(({ match }) => match);
}
