/** What a value looks like: its fields and their types, without what differs from run to run. */
export type Shape = string | { readonly [key: string]: Shape };

/** The shape of any JSON value; the items of a list are folded into one. */
export function shapeOf(value: unknown): Shape {
  if (value === null) return 'null';
  if (Array.isArray(value)) {
    const shapes = [...new Set(value.map((item) => JSON.stringify(shapeOf(item))))].sort();
    return { '[]': `[${shapes.join(',')}]` };
  }
  if (typeof value !== 'object') return typeof value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, shapeOf(inner)]));
}

// Values that are part of the exchange and not of the model.
const KEPT = new Set([
  'status',
  'error',
  'done',
  'done_reason',
  'role',
  'object',
  'finish_reason',
  'code',
  'message',
  'type',
  'param',
]);

/** An event's shape with the values that are the same on every server; digests are told apart by their order. */
export function outline(event: unknown, digests: Map<string, string>): unknown {
  if (typeof event === 'string') return hideDigests(event, digests);
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return shapeOf(event);
  const entries = Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, value]): [string, unknown] => {
      if (key === 'digest') return [key, hideDigests(String(value), digests)];
      if (KEPT.has(key) && typeof value === 'string') return [key, hideDigests(value, digests)];
      if (KEPT.has(key) && typeof value !== 'object') return [key, value];
      const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
      const choices = key === 'choices' && Array.isArray(value);
      if (choices) return [key, value.map((choice) => outline(choice, digests))];
      return [key, nested ? outline(value, digests) : shapeOf(value)];
    }),
  );
}

function hideDigests(text: string, digests: Map<string, string>): string {
  return text.replace(/\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g, (hex) => {
    const key = hex.slice(0, 12);
    if (/^0+$/.test(hex)) return hex;
    const known = digests.get(key) ?? `digest-${String(digests.size + 1)}`;
    digests.set(key, known);
    return known;
  });
}

/** Outlines in a row that are equal become one. */
export function fold(outlines: readonly unknown[]): unknown[] {
  const texts = outlines.map((item) => JSON.stringify(item));
  return outlines.filter((_, index) => texts[index] !== texts[index - 1]);
}
