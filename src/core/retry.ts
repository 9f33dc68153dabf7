/** How often and how soon something safe to repeat is tried again. Delays in milliseconds. */
export interface RetryPolicy {
  /** Tries in all, the first included; 1 tries once. */
  readonly attempts: number;
  readonly delay: number;
  readonly max_delay: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 3, delay: 250, max_delay: 5_000 };

/**
 * The wait before try number `attempt` (2 is the first repeat), in milliseconds: doubled each time, with "equal
 * jitter" (half fixed, half random), so that clients cut off together don't come back together. `random` is in [0, 1).
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random: number): number {
  const full = Math.min(policy.max_delay, policy.delay * 2 ** Math.max(0, attempt - 2));
  return Math.round(full / 2 + (full / 2) * random);
}

/**
 * The wait before try number `attempt` in milliseconds, at least as long as the server asked for; undefined where that is
 * too long to wait for.
 */
export function retryDelayMs(
  policy: RetryPolicy,
  attempt: number,
  askedMs: number | undefined,
): number | undefined {
  const delay = Math.max(askedMs ?? 0, backoffMs(policy, attempt, Math.random()));
  return delay > policy.max_delay * 2 ? undefined : delay;
}

/** The wait that a `Retry-After` header asks for, in milliseconds; undefined where it asks for none. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header.trim()) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Waits, or rejects with the signal's reason as soon as it is aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
