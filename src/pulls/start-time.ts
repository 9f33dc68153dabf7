import { OllamaError } from '../core/errors.js';
import { sleep } from '../core/retry.js';
import { cleanLine } from '../format/clean.js';

/** How long one nap may be, in milliseconds: a machine that was suspended meanwhile notices the time at the next one. */
const NAP_MS = 1_000;

/**
 * The time that `--at` names: `02:00` is the next two o'clock of this machine, anything else an ISO 8601 time. `now` in
 * milliseconds since the epoch. Throws `usage` for what is neither, and for a date that is past.
 */
export function parseStartTime(text: string, now: number): Date {
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text.trim());
  if (clock) {
    const at = new Date(now);
    at.setHours(Number(clock[1]), Number(clock[2]), 0, 0);
    if (at.getTime() <= now) at.setDate(at.getDate() + 1);
    return at;
  }
  const at = new Date(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text.trim()) ? text.trim() : Number.NaN);
  if (Number.isNaN(at.getTime())) {
    throw new OllamaError('usage', `"${cleanLine(text)}" is no time: write 02:00, or 2026-01-31T02:00.`);
  }
  if (at.getTime() <= now) throw new OllamaError('usage', `--at: ${cleanLine(text)} is past.`);
  return at;
}

/** Waits for a time, telling about each second how many milliseconds are left. Rejects with the signal's reason. */
export async function waitFor(
  at: Date,
  { now, signal }: { now(): number; readonly signal: AbortSignal },
  tell: (leftMs: number) => Promise<void>,
): Promise<void> {
  for (let left = at.getTime() - now(); left > 0; left = at.getTime() - now()) {
    await tell(left);
    await sleep(Math.min(left, NAP_MS), signal);
  }
}
