const LONGEST_QUOTE = 60;

// Controls, marks that turn the reading direction or show nothing, line separators: a terminal obeys them or hides them.
const OBEYED = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Text of a file, a variable or a path as a message may show it: every character that could act becomes visible. */
export function printable(text: string): string {
  return text.replace(OBEYED, escapeCharacter);
}

/** Text in quotes for a message, cut to 60 characters. */
export function quote(text: string): string {
  const short = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return printable(JSON.stringify(short));
}

/** A value of any type in a few words, for "must be a number, not …". */
export function describe(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date';
  return 'a map';
}
