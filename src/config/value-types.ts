import { parseTimeLimit } from './duration.js';
import { isHostText } from './host-text.js';

/** A checked value as the layers hold it; `null` is an explicit "none". */
export type Stored = string | number | boolean | readonly string[] | null;

/** One type of setting: both readers return `undefined` for what is not of it. */
export interface ValueType {
  /** What follows "must be" in an error. */
  readonly expects: string;
  /** Whether a stored number is milliseconds. */
  readonly isDuration?: true;
  /** Reads a value of a JSON or YAML file. */
  readonly fromValue: (value: unknown) => Stored | undefined;
  /** Reads the text of a flag or an environment variable. */
  readonly fromText: (text: string) => Stored | undefined;
}

function textType(expects: string, isGood: (text: string) => boolean): ValueType {
  const fromText = (text: string) => (isGood(text) ? text : undefined);
  return {
    expects,
    fromText,
    fromValue: (value) => (typeof value === 'string' ? fromText(value) : undefined),
  };
}

/** Any text, also an empty one. */
export const anyText = textType('text', () => true);

/** Text with something in it. */
export const text = textType('text that is not empty', (value) => value.trim() !== '');

/** The name of an environment variable. */
export const variableName = textType('the name of an environment variable', (value) =>
  /^[A-Za-z_]\w*$/.test(value),
);

/** The address of a host, or the name of a configured one. */
export const hostText = textType('an address such as http://127.0.0.1:11434', isHostText);

/** An address of the web without credentials: what is there is read without any. */
export const webAddress = textType(
  'an address such as https://registry.example, without a password',
  (value) => {
    try {
      const { protocol, username, password } = new URL(value);
      return /^https?:$/.test(protocol) && username === '' && password === '';
    } catch {
      return false;
    }
  },
);

/** The value of an HTTP header: a line break in one would start another header. */
export const headerText = textType('text of one line', (value) =>
  /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value),
);

/** One of a few words. */
export function choice(...words: readonly string[]): ValueType {
  const list = `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
  return textType(list, (value) => words.includes(value));
}

function numberType(noun: string, isGood: (value: number) => boolean, min: number, max: number): ValueType {
  const range =
    max < Infinity
      ? ` from ${String(min)} to ${String(max)}`
      : min > -Infinity
        ? ` of at least ${String(min)}`
        : '';
  const fromValue = (value: unknown) =>
    typeof value === 'number' && isGood(value) && value >= min && value <= max ? value : undefined;
  const fromText = (value: string) =>
    /^[+-]?[\d.]+(?:e[+-]?\d+)?$/i.test(value) ? fromValue(Number(value)) : undefined;
  return { expects: noun + range, fromValue, fromText };
}

/** A number between two bounds, themselves allowed. */
export function number(min = -Infinity, max = Infinity): ValueType {
  return numberType('a number', Number.isFinite, min, max);
}

/** A whole number between two bounds, themselves allowed. */
export function integer(min = -Infinity, max = Infinity): ValueType {
  return numberType('a whole number', Number.isSafeInteger, min, max);
}

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

/** True or false. */
export const flag: ValueType = {
  expects: 'true or false',
  fromValue: (value) => (typeof value === 'boolean' ? value : undefined),
  fromText: (value) =>
    TRUE.has(value.toLowerCase()) ? true : FALSE.has(value.toLowerCase()) ? false : undefined,
};

/** Several texts, or one alone; in a variable a JSON list, else split at the separator where there is one. */
export function texts(separator?: string): ValueType {
  const fromValue = (value: unknown): readonly string[] | undefined => {
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.every((item) => typeof item === 'string' && item !== '') ? (list as string[]) : undefined;
  };
  const fromText = (value: string) => {
    if (!value.startsWith('[')) {
      return fromValue(separator === undefined ? value : value.split(separator).map((item) => item.trim()));
    }
    try {
      return fromValue(JSON.parse(value));
    } catch {
      return undefined;
    }
  };
  return { expects: 'a text or a list of texts', fromValue, fromText };
}

/** Milliseconds from `30s`; what `none`, `off` and `0` mean is told: nothing allowed, `null` for no limit, or 0. */
export function duration(none: 'refused' | 'no limit' | 'zero'): ValueType {
  const ofNone = { refused: undefined, 'no limit': null, zero: 0 }[none];
  const fromText = (value: string) => {
    try {
      return parseTimeLimit(value) ?? ofNone;
    } catch {
      return undefined;
    }
  };
  return {
    expects: none === 'refused' ? 'a duration such as 500ms or 5s' : 'a duration such as 30s or 5m, or none',
    isDuration: true,
    fromText,
    // YAML reads `off` as text and `0` as a number; no other bare number says its unit.
    fromValue: (value) =>
      typeof value === 'string' ? fromText(value) : value === 0 ? fromText('0') : undefined,
  };
}

/** How long a model stays loaded: a duration of Ollama's own grammar, or seconds; a negative one is for ever. */
export const keepAlive: ValueType = {
  expects: 'a duration such as 5m, a number of seconds, or -1 for ever',
  fromValue: (value) => (typeof value === 'number' && Number.isFinite(value) ? value : goDuration(value)),
  fromText: (value) => (/^-?\d+$/.test(value) ? Number(value) : goDuration(value)),
};

function goDuration(value: unknown): Stored | undefined {
  if (typeof value !== 'string') return undefined;
  // A number in quotes is meant as seconds; sent as text, Ollama refuses it for want of a unit.
  if (/^-?\d+$/.test(value)) return Number(value);
  return /^-?(?:\d+(?:\.\d+)?(?:ns|us|\u00b5s|ms|s|m|h))+$/.test(value) ? value : undefined;
}
