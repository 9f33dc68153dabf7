const TOKEN =
  /[\t\n\r ]*(?:([[\]{},:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|((?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))|($))/y;

/** What may come next: a value, a key, or what stands between two. */
type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end';

/**
 * Where a text stops being JSON, in UTF-16 units: the place of the first thing that can't stand there. Undefined for what is
 * JSON. Engines word their errors each in their own way, and often without a place.
 */
export function findJsonMistake(text: string): number | undefined {
  const open: ('[' | '{')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    const start = at + (/^[\t\n\r ]*/.exec(text.slice(at, at + 10_000))?.[0].length ?? 0);
    if (token === null) return start;
    const [, sign, string, scalar, end] = token;
    const inside = open.at(-1);
    if (end !== undefined) return expected === ', or end' && inside === undefined ? undefined : text.length;
    at = TOKEN.lastIndex;
    const isValue = expected === 'value' || expected === 'value or ]';
    const isKey = expected === 'key' || expected === 'key or }';
    if (isValue && (string !== undefined || scalar !== undefined)) expected = ', or end';
    else if (isKey && string !== undefined) expected = ':';
    else if (isValue && (sign === '[' || sign === '{')) {
      open.push(sign);
      expected = sign === '[' ? 'value or ]' : 'key or }';
    } else if (
      (sign === ']' && inside === '[' && (expected === ', or end' || expected === 'value or ]')) ||
      (sign === '}' && inside === '{' && (expected === ', or end' || expected === 'key or }'))
    ) {
      open.pop();
      expected = ', or end';
    } else if (sign === ':' && expected === ':') expected = 'value';
    else if (sign === ',' && expected === ', or end' && inside !== undefined)
      expected = inside === '[' ? 'value' : 'key';
    else return start;
  }
}

/** The place of an offset in a text, both parts counted from 1. */
export function placeIn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
