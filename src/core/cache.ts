/** Keeps the last answer of a question for a while. */
export interface Cached<Value> {
  /** The kept answer, or a new one when it is too old, when `force` says so, or after `clear`. */
  get(force: boolean): Promise<Value>;
  clear(): void;
}

/**
 * Keeps what `ask` answers for `ttlMs` milliseconds. Callers that come while it is being asked share the answer; a
 * failure is not kept. `now` is in milliseconds.
 */
export function cached<Value>(ttlMs: number, now: () => number, ask: () => Promise<Value>): Cached<Value> {
  let kept: { readonly at: number; readonly value: Promise<Value> } | undefined;
  return {
    get(force) {
      if (!force && kept && now() - kept.at < ttlMs) return kept.value;
      const value = ask();
      const entry = { at: now(), value };
      kept = entry;
      value.catch(() => {
        if (kept === entry) kept = undefined;
      });
      return value;
    },
    clear() {
      kept = undefined;
    },
  };
}
