import { cleanLine } from '../format/clean.js';

const LONGEST = 60;

/** Text of a file, a flag or a variable in quotes for a message, safe for a terminal, cut to 60 characters. */
export function quote(text: string): string {
  return cleanLine(JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text));
}

/** A value of any type in a few words, for "must be a number, not …". */
export function describe(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return value instanceof Date ? 'a date' : 'a map';
}
