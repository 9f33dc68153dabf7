import { OllamaError, isOllamaError } from '../core/errors.js';
import { quote } from './quote.js';

/** The longest wait a timer of Node can hold, in milliseconds; a longer one would fire at once. */
export const LONGEST_MS = 2 ** 31 - 1;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** `500ms`, `30s`, `5m`, `1h` (decimals too) in milliseconds; throws `usage` for anything else and for more than 596h. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h)$/.exec(text.trim());
  const milliseconds = Math.round(Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN));
  if (milliseconds <= LONGEST_MS) return milliseconds;
  throw new OllamaError('usage', `${quote(text)} is not a duration such as 500ms, 30s, 5m or 1h`);
}

/** An age: a duration, or `30d`, `2w`, in milliseconds, of any length; throws `usage` for anything else. */
export function parseAge(text: string): number {
  const match = /^(\d{1,6}(?:\.\d{1,9})?)(d|w)$/.exec(text.trim());
  if (match) return Math.round(Number(match[1]) * (match[2] === 'w' ? 7 : 1) * 24 * 3_600_000);
  try {
    return parseDuration(text);
  } catch (cause) {
    throw new OllamaError('usage', `${quote(text)} is not an age such as 12h, 30d or 2w`, { cause });
  }
}

/** What `parse` reads in a flag's value; its error names the flag. */
export function parseFlag<Value>(flag: string, text: string, parse: (text: string) => Value): Value {
  try {
    return parse(text);
  } catch (error) {
    if (!isOllamaError(error)) throw error;
    throw new OllamaError('usage', `${flag}: ${error.message}.`, { cause: error });
  }
}

/** A duration, or `undefined` for no limit, which is written `none`, `off` or `0`; throws `usage` as `parseDuration` does. */
export function parseTimeLimit(text: string): number | undefined {
  if (/^\s*(?:none|off|0)\s*$/i.test(text)) return undefined;
  return parseDuration(text) || undefined;
}

/** Milliseconds as `parseDuration` reads them, in the largest unit that needs no decimals. */
export function writeDuration(milliseconds: number): string {
  for (const unit of ['h', 'm', 's']) {
    const size = UNITS[unit] ?? 1;
    if (milliseconds !== 0 && milliseconds % size === 0) return `${String(milliseconds / size)}${unit}`;
  }
  return `${String(milliseconds)}ms`;
}

/** The bytes of `8GB`, `20MB`, `50kB` (thousands), `4GiB` (1024s) or a bare number, also with `/s`; undefined for all else. */
export function readSize(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?) ?([a-z]{0,3})(?:\/s)?$/i.exec(text.trim());
  const bytes = Math.round(Number(match?.[1]) * (SIZES[(match?.[2] ?? '-').toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The same; throws `usage` for what is no size. */
export function parseSize(text: string): number {
  const bytes = readSize(text);
  if (bytes !== undefined) return bytes;
  throw new OllamaError('usage', `${quote(text)} is not a size such as 8GB, 20MB or 50kB`);
}
