/** A parameter's value: numbers as numbers, `stop` always a list. */
export type ParameterValue = number | boolean | string | readonly string[];

/**
 * Reads the `parameters` text of `/api/show` (`%-30s value` a line, strings quoted as Go quotes them). A name given
 * several times becomes a list; `stop` is one always.
 */
export function parseParameters(text: string): Record<string, ParameterValue> {
  const parsed = new Map<string, ParameterValue>();
  for (const line of text.split('\n')) {
    const match = /^\s*(\S+)\s+(.*?)\s*$/.exec(line);
    if (!match) continue;
    const [, name = '', raw = ''] = match;
    const value = parseValue(raw);
    const known = parsed.get(name);
    if (name === 'stop' || known !== undefined) {
      const before =
        known === undefined ? [] : Array.isArray(known) ? (known as readonly string[]) : [String(known)];
      parsed.set(name, [...before, String(value)]);
    } else parsed.set(name, value);
  }
  return Object.fromEntries(parsed);
}

function parseValue(raw: string): string | number | boolean {
  if (raw.startsWith('"') && raw.endsWith('"') && raw.length > 1) return unquote(raw);
  if (raw === 'true' || raw === 'false') return raw === 'true';
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(raw) ? Number(raw) : raw;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

/** Undoes Go's strconv.Quote. */
function unquote(quoted: string): string {
  return quoted
    .slice(1, -1)
    .replace(
      /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/g,
      (
        _,
        hex2: string | undefined,
        hex4: string | undefined,
        hex8: string | undefined,
        octal: string | undefined,
        char: string | undefined,
      ) => {
        const hex = hex2 ?? hex4 ?? hex8;
        if (hex !== undefined) return String.fromCodePoint(Math.min(0x10ffff, parseInt(hex, 16)));
        if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
        return ESCAPES[char ?? ''] ?? char ?? '';
      },
    );
}
