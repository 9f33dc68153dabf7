/** Keeps the last answer of a question for a while. */
export interface Cached<Value> {
  /** The kept answer, or a new one when it is too old, when `force` says so, or after `clear`. */
  get(force: boolean): Promise<Value>;
  clear(): void;
}

/**
 * Keeps what `ask` answers for `ttlMs` milliseconds. Callers that come while it is being asked share the answer; a
 * failure is not kept. `longest` says how long an answer that has come may be kept, where that is shorter. `now` is in milliseconds.
 */
export function cached<Value>(
  ttlMs: number,
  now: () => number,
  ask: () => Promise<Value>,
  longest?: (value: Value) => number,
): Cached<Value> {
  let kept: { readonly value: Promise<Value>; until: number } | undefined;
  return {
    get(force) {
      if (!force && kept && now() < kept.until) return kept.value;
      const value = ask();
      const entry = { value, until: now() + ttlMs };
      kept = entry;
      value.then(
        (answer) => {
          if (longest) entry.until = Math.min(entry.until, now() + longest(answer));
        },
        () => {
          if (kept === entry) kept = undefined;
        },
      );
      return value;
    },
    clear() {
      kept = undefined;
    },
  };
}
